"""The demo: a branch with invented people and three weeks of made-up study. Marked as demo data, refused in production."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from backend import branches, consents, console_links, curriculum, demo_reminders, demo_requests, demo_wechat, figures, members, plans
from backend.demo_history import Student, write_history
from backend.demo_people import COMMITTEES, DemoPerson, roster
from backend.kernel import clock, database
from backend.kernel import settings as kernel_settings
from backend.kernel.database import fetch, transactional
from backend.kernel.settings import Settings, SettingsError
from backend.wechat.sandbox import SandboxState
from models.auth import Account
from models.branches import Branch, Unit
from models.consents import Consent
from models.leaves import Leave, LeaveReason, LeaveState
from models.members import Member, Role
from models.plans import StudyPlan

BRANCH, ABOVE = "机械工程学会党支部（演示）", "上级党委（演示）"
HISTORY_DAYS = 21
AHEAD_DAYS = 90
SYLLABUS = "ninety-days"
APPID = "wx00000000000demo1"


def settings_for(data_dir: Path | None, port: int) -> Settings:
    """The demo's settings: the environment's, with the sandbox in WeChat's place. Makes DATA_DIR/secret_key at the first start."""
    if os.environ.get("DAKA_ENV") == "production":
        raise SettingsError("演示模式不能用于生产环境（DAKA_ENV=production）")
    environment = {**os.environ, **({"DAKA_DATA_DIR": str(data_dir)} if data_dir else {})}
    folder = Path(environment.get("DAKA_DATA_DIR") or "var")
    folder.mkdir(parents=True, exist_ok=True)
    key_file = folder / "secret_key"
    if not environment.get("DAKA_SECRET_KEY") and not key_file.exists():
        descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
    base = f"http://127.0.0.1:{port}"
    return replace(
        kernel_settings.load({"DAKA_LOG_LEVEL": "WARNING", **environment}),
        demo=True,
        public_url=base,
        wechat_appid=APPID,
        wechat_secret=secrets.token_hex(16),
        wechat_api_base=f"{base}/sandbox",
        wechat_push_token=secrets.token_hex(8),
        wechat_push_aes_key=secrets.token_hex(21) + "A",
        wechat_reminder_template=demo_wechat.REMINDER,
        wechat_reminder_fields=demo_wechat.FIELDS,
    )


@dataclass
class Demo:
    """What the demo's own routes need while it runs: one-time codes live in memory only, and are new at every start."""

    branch_id: int
    sandbox: SandboxState
    invite_codes: dict[str, tuple[int, str]] = field(default_factory=dict)  # openid -> (member id, code)
    links: list[tuple[str, str]] = field(default_factory=list)  # (who, console address)


async def refuse_real_data(settings: Settings) -> None:
    """Raises SettingsError when the database holds a real branch: the demo writes nothing beside it."""
    if await database.ask_once(settings, "SELECT id FROM branch WHERE NOT is_demo LIMIT 1"):
        raise SettingsError("这个数据库里已有正式的支部，演示不会写入其中；请换一个 DAKA_DATA_DIR 再启动演示")


async def prepare(state: SandboxState, settings: Settings) -> Demo:
    """Makes the demo branch where it is missing, extends its plan to today and beyond, and hands out fresh codes and links."""
    today = clock.today()
    # By its place, for its name can be changed in the console.
    branch = await Branch.filter(is_demo=True, parent_id__isnull=False).first()
    if branch is None:
        await curriculum.load(curriculum.PACK)
        branch = await _found(today)
    await _extend(branch, today)
    demo = Demo(branch.id, state)
    await _hand_out(demo, settings)
    await demo_wechat.subscribe(state, branch.id)
    await demo_reminders.remember(state, branch.id, today=today)
    return demo


async def _found(today: date) -> Branch:
    start = today - timedelta(days=HISTORY_DAYS)
    above = await Branch.get_or_none(name=ABOVE, is_demo=True) or await _branch(ABOVE, None)
    branch = await _branch(BRANCH, above.id)
    for position, name in enumerate(COMMITTEES):
        await Unit.create(branch_id=branch.id, name=name, position=position)
    units = {unit.name: unit.id for unit in await Unit.filter(branch_id=branch.id)}
    students = await _enrol(branch.id, units, start, today)
    watcher = DemoPerson("观察员", None, roster()[0].tier, roster()[0].status, (Role.OBSERVER,))
    await _enrol_one(above.id, {}, watcher, start, "observer")
    plan_id = await plans.create(
        None,
        branch_id=branch.id,
        title="党的二十大报告每日学习（演示计划）",
        syllabus=SYLLABUS,
        starts_on=start,
        ends_on=today + timedelta(days=AHEAD_DAYS),
        weekdays=[1, 2, 3, 4, 5, 6, 7],
        aspects=list(range(1, 10)),
        units=[],
        tiers=[],
        statuses=[],
        questions_per_day=3,
        makeup_days=7,
        skip_holidays=False,
        count_workdays=False,
        plain_calendar=True,
        today=start,
    )
    secretary, unit_head, on_paper = (students[index] for index in (0, 2, 4))
    for student, first, last in ((students[10], 12, 9), (students[33], 3, -2)):
        student.away = today - timedelta(days=first), today - timedelta(days=last)
        await _excuse(student, secretary.member_id, branch.id)
    await write_history(plan_id, students, proxy=(on_paper.member_id, unit_head.member_id), today=today)
    await demo_requests.ask(students, today=today)
    return branch


async def _branch(name: str, parent_id: int | None) -> Branch:
    branch_id = await branches.create(None, name=name, parent_id=parent_id)
    await Branch.filter(id=branch_id).update(is_demo=True)
    return await Branch.get(id=branch_id)


async def _enrol(branch_id: int, units: dict[str, int], start: date, today: date) -> list[Student]:
    students = []
    for number, person in enumerate(roster()):
        joined_on = today - timedelta(days=person.joined_days_ago) if person.joined_days_ago else start
        if not person.bound:
            joined_on = today
        member_id = await _enrol_one(branch_id, units, person, joined_on, f"{number:04d}")
        students.append(Student(member_id, person, joined_on))
    return students


async def _enrol_one(branch_id: int, units: dict[str, int], person: DemoPerson, joined_on: date, tag: str) -> int:
    member_id = await members.add(
        None,
        branch_id=branch_id,
        name=person.name,
        unit_id=units.get(person.unit) if person.unit else None,
        tier=person.tier,
        status=person.status,
        joined_on=joined_on,
    )
    for role in person.roles:
        await members.grant(None, member_id=member_id, role=role)
    await _meet(member_id, person, tag)
    return member_id


@transactional
async def _meet(member_id: int, person: DemoPerson, tag: str) -> None:
    """The person's WeChat account; bound people have consented too."""
    at = clock.now()
    openid = f"oDEMO{tag:0>23}"
    await Account.create(openid=openid, member_id=member_id if person.bound else None, bound_at=at if person.bound else None, created_at=at)
    if person.bound:
        await Consent.create(member_id=member_id, version=consents.CURRENT, given_at=at)


async def _excuse(student: Student, secretary_id: int, branch_id: int) -> None:
    first, last = student.away
    leave = Leave(
        member_id=student.member_id, starts_on=first, ends_on=last, reason=LeaveReason.TRAVEL, state=LeaveState.GRANTED,
        decided_by_id=secretary_id, created_at=clock.now(),
    )  # fmt: skip
    await _grant(leave, branch_id)


@transactional
async def _grant(leave: Leave, branch_id: int) -> None:
    await leave.save()
    await figures.recount_days(branch_id, leave.starts_on, leave.ends_on)


async def _extend(branch: Branch, today: date) -> None:
    """The demo plan runs on every calendar day: each start lays out the next ninety."""
    plan = await StudyPlan.filter(branch_id=branch.id).order_by("id").first()
    if plan.ends_on < today + timedelta(days=AHEAD_DAYS // 3):
        await plans.extend(plan.id, ends_on=today + timedelta(days=AHEAD_DAYS), today=today)


_PEOPLE = """
SELECT m.id, m.name, m.branch_id, a.openid, a.bound_at > a.created_at AS bound_later, u.name AS unit, g.role FROM member m
LEFT JOIN account a ON a.member_id = m.id
LEFT JOIN standing s ON s.member_id = m.id AND s.starts_on <= $2 AND (s.until IS NULL OR s.until > $2)
LEFT JOIN unit u ON u.id = s.unit_id
LEFT JOIN role_grant g ON g.member_id = m.id
JOIN branch b ON b.id = m.branch_id
WHERE b.is_demo AND (b.id = $1 OR g.role = 'observer') AND m.left_on IS NULL ORDER BY m.id
"""
SHOWN = 12


async def people(demo: Demo) -> list[dict[str, Any]]:
    """The people one can play: everybody with a role, some bound members, and those who are not bound yet, with their code."""
    found: dict[int, dict[str, Any]] = {}
    bound_later: set[int] = set()
    for row in await fetch(_PEOPLE, demo.branch_id, clock.today()):
        if row["bound_later"]:
            bound_later.add(row["id"])
        person = found.setdefault(row["id"], {"openid": row["openid"], "name": row["name"], "roles": [], "unit": row["unit"]})
        if row["role"]:
            person["roles"].append(row["role"])
    codes = {member_id: (openid, code) for openid, (member_id, code) in demo.invite_codes.items()}
    shown = []
    for member_id, person in found.items():
        is_bound = person["openid"] is not None
        openid, code = (person["openid"], None) if is_bound else codes.get(member_id, (None, None))
        if openid and (person["roles"] or not is_bound or member_id in bound_later or len(shown) < SHOWN):
            shown.append({**person, "openid": openid, "bound": is_bound, "invite_code": code})
    return shown


async def _hand_out(demo: Demo, settings: Settings) -> None:
    """Tells the sandbox who has WeChat, gives each unbound member a code, and each person with a role a link into the console."""
    openids = [row["openid"] for row in await fetch("SELECT openid FROM account WHERE openid LIKE 'oDEMO%' ORDER BY openid")]
    for openid in openids:
        demo.sandbox.add_user(openid=openid)
    free = [
        row["openid"] for row in await fetch("SELECT openid FROM account WHERE openid LIKE 'oDEMO%' AND member_id IS NULL ORDER BY openid")
    ]
    waiting = await Member.filter(branch_id=demo.branch_id, account=None, left_on=None).order_by("id")
    while len(waiting) < 2:
        name = f"新党员{await Member.filter(branch_id=demo.branch_id).count() + 1}"
        waiting.append(await Member.get(id=await members.add(None, branch_id=demo.branch_id, name=name, joined_on=clock.today())))
    for number, member in enumerate(waiting):
        openid = free[number] if number < len(free) else f"oDEMO{member.id:0>23}"
        demo.sandbox.add_user(openid=openid)
        demo.invite_codes[openid] = (member.id, (await members.invite(None, member_id=member.id))["invite_code"])
    rows = await fetch(_PEOPLE, demo.branch_id, clock.today())
    for role, who in (("secretary", "书记"), ("editor", "党建工作部"), ("unit_head", "专委会主任"), ("observer", "上级党委")):
        row = next((row for row in rows if row["role"] == role), None)
        if row is not None:
            token = await console_links.create(None, member_id=row["id"])
            demo.links.append((f"{who} {row['name']}", f"{settings.public_url}/console/enter?token={token}"))
