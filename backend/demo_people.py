"""The demo branch's invented roster: thirteen committees and about sixty people, from a seeded generator."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from models.members import Role, Status, Tier

SEED = 20221016

COMMITTEES = (
    "机械设计专业委员会",
    "机械加工专业委员会",
    "铸造专业委员会",
    "锻压专业委员会",
    "焊接专业委员会",
    "热处理专业委员会",
    "理化检验专业委员会",
    "无损检测专业委员会",
    "液压与气动专业委员会",
    "设备与维修专业委员会",
    "工业工程专业委员会",
    "智能制造专业委员会",
    "增材制造专业委员会",
)
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
GIVEN = "文 志明 建国 秀英 海燕 卫东 晓峰 雪梅 永刚 丽华 振宇 思远 佳宁 国强 桂兰 立新 德胜 春生 慧敏 少华 一凡 长青 书琴 延安".split()


@dataclass(frozen=True, slots=True)
class DemoPerson:
    name: str
    unit: str | None
    tier: Tier
    status: Status
    roles: tuple[Role, ...] = ()
    bound: bool = True
    # How likely the person checks in on the day, makes up a missed day, and answers rightly.
    diligence: float = field(default=0.8)
    makes_up: float = field(default=0.5)
    knowledge: float = field(default=0.75)
    joined_days_ago: int = 0


def roster() -> list[DemoPerson]:
    """Sixty people; the first five have the roles and fixed names, the last six joined today and are not bound yet."""
    dice = random.Random(SEED)
    people = [
        DemoPerson("陈立群", None, Tier.LEADER, Status.FULL, (Role.SECRETARY,), diligence=0.95),
        DemoPerson("文晓编", None, Tier.PEER, Status.FULL, (Role.EDITOR,), diligence=0.9),
        DemoPerson("郝建平", COMMITTEES[0], Tier.EXPERT, Status.FULL, (Role.UNIT_HEAD,), diligence=0.9),
        DemoPerson("安敏", COMMITTEES[0], Tier.PEER, Status.FULL, diligence=0.85),
        DemoPerson("白桂芳", COMMITTEES[0], Tier.EXEMPLAR, Status.FULL, diligence=0.6, makes_up=0.2),
    ]
    names = {person.name for person in people}
    tiers = [Tier.LEADER] * 5 + [Tier.EXPERT] * 11 + [Tier.EXEMPLAR] * 7 + [Tier.PEER] * 32
    statuses = [Status.FULL] * 37 + [Status.PROBATIONARY] * 4 + [Status.ACTIVIST] * 5 + [Status.ASSOCIATE] * 9
    dice.shuffle(tiers)
    dice.shuffle(statuses)
    for number, (tier, status) in enumerate(zip(tiers, statuses, strict=True)):
        name = _new_name(dice, names)
        people.append(
            DemoPerson(
                name,
                COMMITTEES[number % len(COMMITTEES)],
                tier,
                status,
                bound=number < 49,
                diligence=min(0.98, max(0.25, dice.gauss(0.8, 0.17))),
                makes_up=dice.uniform(0.2, 0.8),
                knowledge=min(0.98, max(0.4, dice.gauss(0.76, 0.12))),
                joined_days_ago=8 if number == 20 else 0,
            )
        )
    return people


def _new_name(dice: random.Random, taken: set[str]) -> str:
    while (name := dice.choice(SURNAMES) + dice.choice(GIVEN)) in taken:
        pass
    taken.add(name)
    return name
