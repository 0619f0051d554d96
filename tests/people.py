"""The cast. Each test gets a branch of its own, so that nothing has to be cleaned away.

陈书记 keeps branch and figures, 文编辑 the content, 郝主任 heads unit 甲. 安敏 (unit 甲) and 白杰 (unit 乙) study. 观察员 looks from above.
外书记 and 外人 belong to another branch and must see nothing; a passer-by is signed in and on no roster.
"""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass
from datetime import date, timedelta

from backend import consents, figures, sessions
from backend.kernel import clock
from backend.kernel.database import transactional
from models.auth import Account
from models.branches import Branch, Unit
from models.consents import Consent
from models.members import Member, Role, RoleGrant, Standing, Status, Tier
from models.plans import PlanMember, StudyPlan
from models.questions import Question, QuestionAspect
from models.tasks import DailyTask, TaskAspect, TaskPassage, TaskQuestion
from models.texts import Aspect, Passage, PassageAspect, Section, Text

LONG_AGO = date(2020, 1, 1)
_number = itertools.count(1)


@dataclass
class Person:
    id: int | None
    name: str
    token: str
    openid: str
    branch_id: int
    unit_id: int | None = None


@dataclass
class Cast:
    branch: Branch
    above: Branch
    other: Branch
    units: list[Unit]
    secretary: Person
    editor: Person
    unit_head: Person
    observer: Person
    alice: Person
    bob: Person
    other_secretary: Person
    other_member: Person
    passer_by: Person
    plan: StudyPlan | None = None

    @property
    def everyone(self) -> list[Person]:
        """The members of the branch itself."""
        return [self.secretary, self.editor, self.unit_head, self.alice, self.bob]


async def add_branch(name: str, parent: Branch | None = None) -> Branch:
    branch = await Branch.create(name=f"{name}{next(_number)}", parent=parent, created_at=clock.now())
    branch.path = f"{parent.path if parent else '/'}{branch.id}/"
    await branch.save(update_fields=["path"])
    return branch


async def add_person(
    branch: Branch,
    name: str,
    *,
    unit: Unit | None = None,
    tier: Tier = Tier.PEER,
    status: Status = Status.FULL,
    roles: tuple[Role, ...] = (),
    joined_on: date = LONG_AGO,
    consented: bool = True,
    bound: bool = True,
) -> Person:
    """A member with a bound account, the current consent and an open session."""
    at = clock.now()
    member = await Member.create(branch=branch, name=name, joined_on=joined_on, created_at=at)
    await Standing.create(member=member, unit=unit, tier=tier, status=status, starts_on=date.min)
    await RoleGrant.bulk_create([RoleGrant(member=member, role=role) for role in roles])
    openid = f"o{secrets.token_hex(13)}x"
    account = await Account.create(openid=openid, member=member if bound else None, bound_at=at if bound else None, created_at=at)
    if consented:
        await Consent.create(member=member, version=consents.CURRENT, given_at=at)
    token, _ = await sessions.open_session(member_id=member.id if bound else None, account_id=account.id)
    return Person(member.id, name, token, openid, branch.id, unit.id if unit else None)


@transactional
async def build_cast() -> Cast:
    above, other = await add_branch("上级党委"), await add_branch("外支部")
    branch = await add_branch("机械学会支部", above)
    units = [await Unit.create(branch=branch, name=name, position=n) for n, name in enumerate(("甲专委会", "乙专委会"))]
    await ensure_aspects()
    passer_by = await Account.create(openid=f"o{secrets.token_hex(13)}y", created_at=clock.now())
    token, _ = await sessions.open_session(member_id=None, account_id=passer_by.id)
    return Cast(
        branch=branch,
        above=above,
        other=other,
        units=units,
        secretary=await add_person(branch, "陈书记", tier=Tier.LEADER, roles=(Role.SECRETARY,)),
        editor=await add_person(branch, "文编辑", roles=(Role.EDITOR,)),
        unit_head=await add_person(branch, "郝主任", unit=units[0], tier=Tier.EXPERT, roles=(Role.UNIT_HEAD,)),
        observer=await add_person(above, "观察员", roles=(Role.OBSERVER,)),
        alice=await add_person(branch, "安敏", unit=units[0]),
        bob=await add_person(branch, "白杰", unit=units[1], status=Status.ASSOCIATE),
        other_secretary=await add_person(other, "外书记", roles=(Role.SECRETARY,)),
        other_member=await add_person(other, "外人"),
        passer_by=Person(None, "路人", token, passer_by.openid, 0),
    )


async def ensure_aspects() -> None:
    if not await Aspect.exists(id=9):
        await Aspect.bulk_create([Aspect(id=n, title=f"方面{n}", short=f"方面{n}") for n in range(1, 10)], ignore_conflicts=True)


@transactional
async def add_content(
    branch: Branch, *, passages: int = 2, questions: int = 3, aspects: tuple[int, ...] = (1,)
) -> tuple[list[int], list[int]]:
    """Passages and questions of the branch's own, belonging to `aspects`: their ids. Right answers: B, A+C, true, 二十 (in turn)."""
    text, _ = await Text.get_or_create(
        branch=branch, key="report", defaults={"title": "测试文本", "source_url": "https://example.org/text"}
    )
    section, _ = await Section.get_or_create(text=text, key="s0", defaults={"number": 0, "title": "序言", "aspects": [1]})
    passage_ids, question_ids = [], []
    for _ in range(passages):
        number = next(_number)
        passage = await Passage.create(section=section, number=number, body=f"第{number}段，用于测试。")
        await PassageAspect.bulk_create([PassageAspect(passage=passage, aspect_id=a) for a in aspects])
        passage_ids.append(passage.id)
    for index in range(questions):
        kind, options, answer = QUESTIONS[index % len(QUESTIONS)]
        question = await Question.create(
            branch=branch, kind=kind, stem=f"测试题{next(_number)}", options=options, answer=answer, explanation="见序言。",
            source_section="s0", locator="用于测试", created_at=clock.now(),
        )  # fmt: skip
        await QuestionAspect.bulk_create([QuestionAspect(question=question, aspect_id=a) for a in aspects])
        question_ids.append(question.id)
    return passage_ids, question_ids


_ABCD = [{"key": key, "text": f"选项{key}"} for key in "ABCD"]
QUESTIONS = [
    ("single", _ABCD, ["B"]),
    ("multiple", _ABCD, ["A", "C"]),
    ("true_false", [], ["true"]),
    ("blank", [], ["二十", "20"]),
]
RIGHT = [{"choice": ["B"]}, {"choice": ["C", "A"]}, {"choice": ["true"]}, {"text": "２０"}]
WRONG = [{"choice": ["A"]}, {"choice": ["A"]}, {"choice": ["false"]}, {"text": "十九"}]


@transactional
async def add_plan(
    cast: Cast, *, days: list[date], members: list[Person] | None = None, aspects: tuple[int, ...] = (1,),
    passages: int = 2, questions: int = 3,
    makeup_days: int = 7,
) -> list[DailyTask]:  # fmt: skip
    """A plan with one task on each of `days`, its audience from the first day on, and its figures."""
    plan = await StudyPlan.create(
        branch=cast.branch, title="测试计划", starts_on=min(days), ends_on=max(days), weekdays=[1, 2, 3, 4, 5, 6, 7], aspects=list(aspects),
        makeup_days=makeup_days, skip_holidays=False, created_at=clock.now(),
    )  # fmt: skip
    cast.plan = plan
    people = cast.everyone if members is None else members
    await PlanMember.bulk_create([PlanMember(plan=plan, member_id=p.id, starts_on=min(days)) for p in people])
    passage_ids, question_ids = await add_content(cast.branch, passages=passages, questions=questions, aspects=aspects)
    tasks = []
    for day in days:
        task = await DailyTask.create(
            plan=plan, branch=cast.branch, date=day, title=f"{day} 学习", makeup_until=day + timedelta(days=makeup_days)
        )
        await TaskAspect.bulk_create([TaskAspect(task=task, aspect_id=a) for a in aspects])
        await TaskPassage.bulk_create([TaskPassage(task=task, passage_id=p, position=n) for n, p in enumerate(passage_ids)])
        await TaskQuestion.bulk_create([TaskQuestion(task=task, question_id=q, position=n) for n, q in enumerate(question_ids)])
        tasks.append(task)
    await figures.recount(task.id for task in tasks)
    return tasks


def whole_day(task: dict, *, right: bool = True) -> dict:
    """The body of a complete check-in for a Task as the API shows it."""
    by_kind = dict(zip(("single", "multiple", "true_false", "blank"), RIGHT if right else WRONG, strict=True))
    return {
        "passages": [p["id"] for p in task["passages"]],
        "answers": [{"question": q["id"], **by_kind[q["kind"]]} for q in task["questions"]],
    }
