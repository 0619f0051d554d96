"""Study plans (学习计划): dates, weekdays, aspects in order, who it is for. Creating one lays out its daily tasks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from backend import audiences, calendar, figures, months, plans_layout, plans_syllabus
from backend.kernel import audit, clock
from backend.kernel.access import Actor, require, same_branch
from backend.kernel.database import as_date, fetch, int_list, transactional
from backend.kernel.errors import Invalid, NotFound
from backend.rules import names, periods
from models.branches import Unit
from models.members import Status, Tier
from models.plans import StudyPlan
from models.tasks import DailyTask

LONGEST = 366  # days
LAST_DAY = date(2100, 12, 31)
TITLE_MOST = 100
QUESTIONS_LEAST, QUESTIONS_MOST = 3, 5
MAKEUP_MOST = 60  # days
FIELDS = (
    "title", "starts_on", "ends_on", "weekdays", "aspects", "units", "tiers", "statuses", "questions_per_day", "makeup_days",
    "skip_holidays", "count_workdays", "syllabus",
)  # fmt: skip


async def create(actor: Actor | None, *, starts_on: date, ends_on: date, **fields: Any) -> int:
    """`_create`, and where the rows of the plan's months will stand."""
    plan_id = await _create(actor, starts_on=starts_on, ends_on=ends_on, **fields)
    await months.prepare(starts_on, ends_on)
    return plan_id


@transactional
async def _create(
    actor: Actor | None,
    *,
    branch_id: int | None = None,
    title: str,
    starts_on: date,
    ends_on: date,
    weekdays: Sequence[int] = (1, 2, 3, 4, 5),
    aspects: Sequence[int] = tuple(range(1, 10)),
    units: Sequence[int] = (),
    tiers: Sequence[str] = (),
    statuses: Sequence[str] = (),
    questions_per_day: int = 3,
    makeup_days: int = periods.MAKEUP_DAYS,
    skip_holidays: bool = True,
    count_workdays: bool = False,
    plain_calendar: bool = False,
    syllabus: str | None = None,
    today: date,
) -> int:
    """The id of a new plan with its tasks, audience and figures; empty `units`, `tiers` or `statuses` mean everybody.

    With a `syllabus` (its key) the first days follow it; `aspects` (all nine then) and `questions_per_day` hold for the days after it.

    Actor None: the command line, with `branch_id`. Raises Invalid naming each field, also `no_days`, `no_passages` and
    `too_few_questions`; Conflict `calendar_unknown` (unless `plain_calendar`, which leaves a warning in the plan) and `plan_overlap`.
    """
    if actor is not None:
        require(actor, "plans.write")
        branch_id = actor.branch_id
    await audiences.lock(branch_id)
    plan = StudyPlan(
        branch_id=branch_id,
        title=names.tidy(title),
        starts_on=starts_on,
        ends_on=ends_on,
        weekdays=sorted(weekdays),
        aspects=list(aspects),
        units=sorted(units),
        tiers=sorted(tiers),
        statuses=sorted(statuses),
        questions_per_day=questions_per_day,
        makeup_days=makeup_days,
        skip_holidays=skip_holidays,
        count_workdays=count_workdays,
        syllabus=syllabus,
        created_at=clock.now(),
    )
    await refuse_faulty(plan, today)
    days, plan.warning = await _days(plan, starts_on, ends_on, plain=plain_calendar)
    if not days:
        message = "所选的日期和星期中没有一天可以学习。"
        raise Invalid(message, code="no_days", errors=[{"field": "weekdays", "message": message}])
    await plan.save()
    task_ids = await _lay(plan, days, number=1)
    await _take_effect(plan, task_ids, first=starts_on)
    await audit.record(actor, "plan:create", subject="plan", subject_id=plan.id, branch_id=branch_id, fields=FIELDS)
    return plan.id


async def _lay(plan: StudyPlan, days: Sequence[date], *, number: int) -> list[int]:
    """The tasks of these days, the first as day `number` of the plan: along its syllabus as far as that goes, then evenly."""
    task_ids: list[int] = []
    if plan.syllabus:
        task_ids = await plans_syllabus.write_tasks(plan, days, number=number)
    if rest := days[len(task_ids) :]:
        stock = await plans_layout.material(plan.branch_id, plan.aspects)
        number += len(task_ids)
        if number == 1:
            laid = plans_layout.laid_out(rest, plan.aspects, stock, plan.questions_per_day)
            plans_layout.refuse_too_few_questions(stock, plan.aspects, plan.questions_per_day)
        else:
            laid = await plans_layout.continued(plan, rest, stock)
        task_ids += await plans_layout.write_tasks(plan, laid, stock, number=number)
    return task_ids


async def _take_effect(plan: StudyPlan, task_ids: Sequence[int], *, first: date) -> None:
    await audiences.refresh(plan.branch_id, member_ids=None, first=first)
    await audiences.overlaps(plan.branch_id, first=first)
    await figures.recount(task_ids)


async def _days(plan: StudyPlan, first: date, last: date, *, plain: bool) -> tuple[list[date], str]:
    """The task days of the plan from `first` to `last`, and the warning to show with it."""
    holidays, workdays, warning = set(), set(), ""
    if plan.skip_holidays or plan.count_workdays:
        holidays, workdays, warning = await calendar.special_days(plan.branch_id, range(first.year, last.year + 1), plain=plain)
    days = periods.task_days(
        first,
        last,
        set(plan.weekdays),
        holidays=holidays,
        workdays=workdays,
        skip_holidays=plan.skip_holidays,
        count_workdays=plan.count_workdays,
    )
    return days, warning


async def refuse_faulty(plan: StudyPlan, today: date) -> None:
    """Raises Invalid, naming every field at fault; the plan's first day must not lie before `today`."""
    foreign = set(plan.units) - set(await Unit.filter(branch_id=plan.branch_id).values_list("id", flat=True))
    rules = (
        ("title", 1 <= len(plan.title) <= TITLE_MOST, f"标题应为 1 至 {TITLE_MOST} 个字"),
        ("starts_on", plan.starts_on >= today, "开始日期不能早于今天"),
        ("ends_on", plan.ends_on >= plan.starts_on, "结束日期不能早于开始日期"),
        ("ends_on", (plan.ends_on - plan.starts_on).days < LONGEST, f"一份计划最多 {LONGEST} 天"),
        ("ends_on", plan.ends_on <= LAST_DAY, "结束日期过晚"),
        ("weekdays", _distinct(plan.weekdays, range(1, 8)), "星期应为 1（周一）至 7（周日），不能重复"),
        ("aspects", _distinct(plan.aspects, range(1, 10)), "方面应为 1 至 9，不能重复"),
        ("units", not foreign and len(set(plan.units)) == len(plan.units), "有不属于本支部的专委会或党小组，或者有重复"),
        ("tiers", not plan.tiers or _distinct(plan.tiers, list(Tier)), "类别有误或重复"),
        ("statuses", not plan.statuses or _distinct(plan.statuses, list(Status)), "身份有误或重复"),
        ("questions_per_day", QUESTIONS_LEAST <= plan.questions_per_day <= QUESTIONS_MOST, "每天应有 3 至 5 道题"),
        ("syllabus", plan.syllabus is None or await plans_syllabus.exists(plan.syllabus), "没有这份学习大纲"),
        ("aspects", plan.syllabus is None or len(plan.aspects) == 9, "按学习大纲排定的计划包括全部九个方面"),
        ("makeup_days", 0 <= plan.makeup_days <= MAKEUP_MOST, f"补卡期限应为 0 至 {MAKEUP_MOST} 天"),
    )
    if faults := [{"field": field, "message": message} for field, is_sound, message in rules if not is_sound]:
        raise Invalid(errors=faults)


def _distinct(given: Sequence[Any], allowed: Sequence[Any]) -> bool:
    return bool(given) and len(set(given)) == len(given) and set(given) <= set(allowed)


async def extend(plan_id: int, *, actor: Actor | None = None, ends_on: date, today: date, plain_calendar: bool = False) -> int:
    """`_extend`, and where the rows of the new months will stand."""
    added = await _extend(plan_id, actor=actor, ends_on=ends_on, today=today, plain_calendar=plain_calendar)
    if added:
        await months.prepare(today, ends_on)
    return added


@transactional
async def _extend(plan_id: int, *, actor: Actor | None, ends_on: date, today: date, plain_calendar: bool) -> int:
    """Adds the days after the plan's last one up to `ends_on`, none before today, and keeps what is laid out: how many were added.

    Raises NotFound, Conflict `calendar_unknown` (unless `plain_calendar` or a plan that was made so) and `plan_overlap`.
    """
    plan = await StudyPlan.get_or_none(id=plan_id)
    if plan is None:
        raise NotFound()
    await audiences.lock(plan.branch_id)
    await plan.refresh_from_db()
    first = max(plan.ends_on + timedelta(days=1), today)
    if ends_on < first:
        return 0
    days, warning = await _days(plan, first, ends_on, plain=plain_calendar or bool(plan.warning))
    plan.ends_on, plan.warning = ends_on, warning or plan.warning
    await plan.save(update_fields=["ends_on", "warning"])
    if not days:
        return 0
    task_ids = await _lay(plan, days, number=await DailyTask.filter(plan_id=plan_id).count() + 1)
    await _take_effect(plan, task_ids, first=first)
    await audit.record(actor, "plan:extend", subject="plan", subject_id=plan_id, branch_id=plan.branch_id, fields=["ends_on"])
    return len(task_ids)


async def listing(actor: Actor, *, after: int, limit: int, today: date) -> list[dict[str, Any]]:
    """The branch's plans by id; one more than `limit` when there are more. Two queries."""
    require(actor, "plans.read")
    plans = await StudyPlan.filter(branch_id=actor.branch_id, id__gt=after).order_by("id").limit(limit + 1)
    return await _shown(plans, today)


async def one(actor: Actor, *, plan_id: int, today: date) -> dict[str, Any]:
    """A plan as in `listing`, with "days": [{"id", "date", "title", "aspects", "passages", "questions"}], the last two as counts.

    Raises NotFound.
    """
    require(actor, "plans.read")
    plan = await StudyPlan.get_or_none(id=plan_id)
    same_branch(actor, plan.branch_id if plan else None)
    aspects: dict[int, list[int]] = {}
    for row in await fetch(_ASPECTS, plan_id):
        aspects.setdefault(row["task_id"], []).append(row["aspect_id"])
    days = [{**row, "date": as_date(row["date"]), "aspects": aspects.get(row["id"], [])} for row in await fetch(_DAYS, plan_id)]
    return {**(await _shown([plan], today))[0], "days": days}


async def make(actor: Actor, *, today: date, **fields: Any) -> dict[str, Any]:
    """`create`, and the new plan as in `listing`."""
    plan_id = await create(actor, today=today, **fields)
    return (await _shown([await StudyPlan.get(id=plan_id)], today))[0]


_ASPECTS = """
SELECT ta.task_id, ta.aspect_id FROM task_aspect ta JOIN daily_task t ON t.id = ta.task_id WHERE t.plan_id = $1 ORDER BY ta.aspect_id
"""

_DAYS = """
SELECT t.id, t.date, t.title, (SELECT COUNT(*) FROM task_passage tp WHERE tp.task_id = t.id) AS passages,
  (SELECT COUNT(*) FROM task_question tq WHERE tq.task_id = t.id) AS questions
FROM daily_task t WHERE t.plan_id = $1 ORDER BY t.date
"""

# `members`: who is in the audience today, or on the plan's first or last day when today is outside it.
_COUNTS = """
SELECT p.id, (SELECT COUNT(*) FROM daily_task t WHERE t.plan_id = p.id) AS tasks, (
  SELECT COUNT(DISTINCT pm.member_id) FROM plan_member pm WHERE pm.plan_id = p.id AND pm.starts_on <= p.day
    AND (pm.until IS NULL OR pm.until > p.day)
) AS members FROM (
  SELECT s.id, CASE WHEN s.starts_on > $1 THEN s.starts_on WHEN s.ends_on < $1 THEN s.ends_on ELSE $1::date END AS day
  FROM study_plan s WHERE s.id IN ({plans})
) p
"""


async def _shown(plans: Sequence[StudyPlan], today: date) -> list[dict[str, Any]]:
    counts = {row["id"]: row for row in await fetch(_COUNTS.format(plans=int_list(plan.id for plan in plans)), today)}
    return [
        {
            "id": plan.id,
            **{name: getattr(plan, name) for name in FIELDS},
            "warning": plan.warning,
            "tasks": counts[plan.id]["tasks"],
            "members": counts[plan.id]["members"],
        }
        for plan in plans
    ]


async def unit_ids(branch_id: int, *, words: Sequence[str]) -> list[int]:
    """The ids of the branch's units that `words` name, by number or by name: for the command line. Raises Invalid for an unknown one."""
    units = await Unit.filter(branch_id=branch_id)
    known = {**{names.key(unit.name): unit.id for unit in units}, **{str(unit.id): unit.id for unit in units}}
    if unknown := [word for word in words if names.key(word) not in known]:
        raise Invalid(errors=[{"field": "units", "message": f"没有“{word}”这个专委会或党小组"} for word in unknown])
    return [known[names.key(word)] for word in words]
