"""Data for load tests: an empty database is filled with branches, people and study in the product's own shape, at any size.

What the product can lay out (content, a plan's days) is laid out by its own functions, once; what there is much of goes in by COPY.
The invariants of `daka check` hold: a day before the last 30 studied ones asks for nothing to read or answer, so that its check-ins
need no readings and no answers and count none; the summary comes from the product's own recount.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import date, timedelta

from backend import (
    bench_data_history,
    bench_data_people,
    curriculum,
    curriculum_import,
    figures,
    figures_periods,
    months,
    plans,
    plans_layout,
)  # fmt: skip
from backend.bench_data_people import Everybody
from backend.curriculum import PACK
from backend.curriculum_import import Source
from backend.kernel import clock, database, settings
from backend.kernel.database import fetch, int_list, transactional
from backend.kernel.errors import Conflict, Invalid
from backend.rules.schedule import LaidDay
from models.plans import StudyPlan
from models.texts import Section

SEED = 20221016
PASSAGES, QUESTIONS = 3, 5  # of a task that still has its answers
ANSWERED_DAYS = 30
DAYS_MOST = 1100
BRANCHES_A_TIME = 20
# Whatever stands in one of these was written by somebody.
_WRITTEN = ("branch", "member", "account", "text", "aspect", "question")


@dataclass(frozen=True, slots=True)
class Size:
    """`open_days`: the last ones, today among them, whose tasks nobody has done yet."""

    members: int
    branches: int
    days: int
    open_days: int = 1


async def fill(size: Size, *, seed: int = SEED) -> None:
    """Writes all of it, or nothing. Raises Invalid for a size that makes no sense, Conflict `not_empty`, and in production."""
    _refuse_senseless(size)
    if settings.current().production:
        raise Conflict("压测数据不能写入生产环境（DAKA_ENV=production）。", code="production")
    today = clock.today()
    await months.prepare(today - timedelta(days=size.days), today)
    await _fill(size, random.Random(seed), today)
    await figures_periods.roll_up(today=today)
    # What autovacuum would have done by the time that so much has been written one by one.
    await fetch("ANALYZE" if database.dialect() == "sqlite" else "VACUUM (ANALYZE)")


def _refuse_senseless(size: Size) -> None:
    rules = (
        ("branches", size.branches >= 1, "至少 1 个支部"),
        ("members", size.members >= size.branches, "每个支部至少 1 人"),
        ("days", 1 <= size.days <= DAYS_MOST, f"天数应为 1 至 {DAYS_MOST}"),
        ("open-days", 0 <= size.open_days <= size.days, "留空的天数不能多于全部天数"),
    )
    if faults := [{"field": field, "message": message} for field, is_sound, message in rules if not is_sound]:
        raise Invalid("压测数据的规模有误。", errors=faults)


@transactional
async def _fill(size: Size, dice: random.Random, today: date) -> None:
    for table in _WRITTEN:
        if await fetch(f"SELECT id FROM {table} LIMIT 1"):  # noqa: S608
            raise Conflict("这个数据库不是空的，压测数据不写入其中；请换一个空的数据库。", code="not_empty")
    first = today - timedelta(days=size.days - 1)
    await curriculum.load(PACK)
    await _import_text(today)
    everybody = await bench_data_people.write(size.members, size.branches, dice=dice, first=first, today=today)
    plan_ids = await bench_data_people.write_plans(everybody, first=first, last=today, makeup_days=plans.MAKEUP_MOST, questions=QUESTIONS)
    await _lay_out(plan_ids, size, first, today)
    await bench_data_history.write(everybody, dice=dice, first=first, studied_until=today - timedelta(days=size.open_days), today=today)
    await fetch("ANALYZE")
    await _summarise(everybody)


async def _import_text(today: date) -> None:
    """A made-up text under the official headings, which says of itself that it is made up: each section gets enough to read."""
    sections = await Section.filter(text__key="report", text__branch_id=None).order_by("number")
    lines = ["压测用文本", "同志们："]
    for section in sections:
        lines += [section.title] if section.number else []
        lines += [
            f"第{section.number}部分第{n}段。{'本段是为压测而写的填充文字，不含任何正文内容；' * 6}本段至此结束。" for n in range(1, 10)
        ]
    source = Source("report", "压测用文本.txt", "\n".join(lines).encode())
    await curriculum_import.import_text(None, branch_id=None, source=source, today=today)


async def _lay_out(plan_ids: list[int], size: Size, first: date, today: date) -> None:
    """The days of the first plan as the product lays them out, three passages each; the same days in all the others."""
    plan = await StudyPlan.get(id=plan_ids[0])
    stock = await plans_layout.material(plan.branch_id, plan.aspects)
    days = [first + timedelta(days=n) for n in range(size.days)]
    kept_from = today - timedelta(days=size.open_days + ANSWERED_DAYS - 1)
    laid = []
    for number, day in enumerate(plans_layout.laid_out(days, plan.aspects, stock, QUESTIONS)):
        laid.append(_with_passages(day, stock.passages, number) if day.date >= kept_from else replace(day, passages=(), questions=()))
    await plans_layout.write_tasks(plan, laid, stock, number=1)
    await fetch(
        "INSERT INTO daily_task (plan_id, branch_id, date, title, guidance, prompt, makeup_until) "
        "SELECT p.id, p.branch_id, t.date, t.title, t.guidance, t.prompt, t.makeup_until FROM study_plan p "
        "CROSS JOIN daily_task t WHERE t.plan_id = $1 AND p.id <> $1 ORDER BY p.id, t.date",
        plan.id,
    )
    for table, columns in (
        ("task_aspect", ("aspect_id",)),
        ("task_passage", ("passage_id", "position")),
        ("task_question", ("question_id", "position")),
    ):
        await fetch(
            f"INSERT INTO {table} (task_id, {', '.join(columns)}) SELECT n.id, {', '.join(f'x.{c}' for c in columns)} "  # noqa: S608
            f"FROM daily_task n JOIN daily_task t ON t.date = n.date JOIN {table} x ON x.task_id = t.id "
            "WHERE n.plan_id <> $1 AND t.plan_id = $1 ORDER BY n.id, x.id",
            plan.id,
        )


def _with_passages(day: LaidDay, passages: dict[int, list[int]], number: int) -> LaidDay:
    pool = [passage for aspect in day.aspects for passage in passages[aspect]]
    return replace(day, passages=tuple(dict.fromkeys(pool[(number * PASSAGES + n) % len(pool)] for n in range(PASSAGES))))


async def _summarise(everybody: Everybody) -> None:
    """Every summary that is kept, recounted from the rows by the product's own functions; some branches at a time."""
    for at in range(0, len(everybody.branches), BRANCHES_A_TIME):
        chosen = int_list(everybody.branches[at : at + BRANCHES_A_TIME])
        rows = await fetch(f"SELECT id FROM daily_task WHERE branch_id IN ({chosen}) ORDER BY id")  # noqa: S608
        await figures.recount(row["id"] for row in rows)
        if not at:
            # It was empty when all was analysed: without a figure PostgreSQL would read it whole for each of the next ones.
            await fetch("ANALYZE task_figure")
