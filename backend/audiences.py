"""Audiences: who is in a study plan on which day, kept as dated rows (`PlanMember`).

A change of roster or plan changes them from its own day on; what was assigned before that day stays assigned.
All of this runs inside the caller's transaction; recounting the figures is the caller's part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from backend.kernel.database import as_date, fetch, int_list, lock_rows
from backend.kernel.errors import Conflict
from models.plans import PlanMember, StudyPlan

# A span of days: first day inclusive, end exclusive, None = open.
Span = tuple[date, date | None]

_STANDINGS = """
SELECT m.id, m.joined_on, m.left_on, s.unit_id, s.tier, s.status, s.starts_on, s.until
FROM member m JOIN standing s ON s.member_id = m.id WHERE m.branch_id = $1 {only} ORDER BY m.id, s.starts_on
"""

_AUDIENCE = """
SELECT pm.id, pm.plan_id, pm.member_id, pm.starts_on, pm.until
FROM plan_member pm JOIN member m ON m.id = pm.member_id
WHERE m.branch_id = $1 AND pm.plan_id IN ({plans}) {only} ORDER BY pm.plan_id, pm.member_id, pm.starts_on
"""

_OVERLAPS = """
SELECT DISTINCT a.title AS one, b.title AS other
FROM daily_task t
JOIN daily_task u ON u.branch_id = t.branch_id AND u.date = t.date AND u.plan_id > t.plan_id
JOIN plan_member p ON p.plan_id = t.plan_id AND p.starts_on <= t.date AND (p.until IS NULL OR p.until > t.date)
JOIN plan_member q ON q.plan_id = u.plan_id AND q.member_id = p.member_id
  AND q.starts_on <= t.date AND (q.until IS NULL OR q.until > t.date)
JOIN member m ON m.id = p.member_id AND m.joined_on <= t.date AND (m.left_on IS NULL OR m.left_on > t.date)
JOIN study_plan a ON a.id = t.plan_id
JOIN study_plan b ON b.id = u.plan_id
WHERE t.branch_id = $1 AND t.date >= $2
LIMIT 3
"""


async def lock(branch_id: int) -> None:
    """Keeps other changes of this branch's plans, roster and roles out until the transaction ends; take it before anything is read."""
    # NO KEY: rows that merely refer to the branch can still be written meanwhile.
    await lock_rows("branch", [branch_id], strength="FOR NO KEY UPDATE")


async def refresh(branch_id: int, *, member_ids: Iterable[int] | None, first: date) -> None:
    """Brings the audiences of the branch's plans in line with the roster, from the day `first` on, for these members (None: all).

    A member is in a plan's audience on the days on which one of the standings matches its units, tiers and statuses
    (an empty list means all), from the plan's start and `joined_on` on, before `left_on`. The number of queries
    depends neither on members nor on plans.
    """
    plans = await StudyPlan.filter(branch_id=branch_id, ends_on__gte=first)
    if not plans:
        return
    only = "" if member_ids is None else f"AND m.id IN ({int_list(member_ids)})"
    standings: dict[int, list[dict]] = defaultdict(list)
    for row in await fetch(_STANDINGS.format(only=only), branch_id):
        standings[row["id"]].append(row)
    existing: dict[tuple[int, int], list[dict]] = defaultdict(list)
    for row in await fetch(_AUDIENCE.format(only=only, plans=int_list(plan.id for plan in plans)), branch_id):
        existing[row["plan_id"], row["member_id"]].append(row)
    new: list[PlanMember] = []
    moved: dict[date | None, list[int]] = defaultdict(list)
    gone: list[int] = []
    for plan in plans:
        for member_id, rows in standings.items():
            have = existing.get((plan.id, member_id), [])
            spans = dict(aligned([_span(row) for row in have], wanted(plan, rows), first=first))
            for row in have:
                starts_on, until = _span(row)
                if starts_on not in spans:
                    gone.append(row["id"])
                elif (end := spans.pop(starts_on)) != until:
                    moved[end].append(row["id"])
            new += [PlanMember(plan_id=plan.id, member_id=member_id, starts_on=start, until=end) for start, end in spans.items()]
    await _write(new, moved, gone)


async def _write(new: list[PlanMember], moved: dict[date | None, list[int]], gone: list[int]) -> None:
    if gone:
        await fetch(f"DELETE FROM plan_member WHERE id IN ({int_list(gone)})")  # noqa: S608
    for until, ids in moved.items():
        await PlanMember.filter(id__in=ids).update(until=until)
    if new:
        await PlanMember.bulk_create(new, batch_size=500)


def _span(row: dict) -> Span:
    return as_date(row["starts_on"]), as_date(row["until"])


def wanted(plan: StudyPlan, standings: Sequence[dict]) -> list[Span]:
    """The spans in which a member with these standings, in order of date, belongs to the plan; neighbours are joined.

    The plan's own end does not cut them: there is no task after it, and a plan that is extended keeps its audience.
    """
    spans: list[Span] = []
    for row in standings:
        if not _matches(plan, row):
            continue
        starts_on, until = _span(row)
        start, end = max(starts_on, plan.starts_on, as_date(row["joined_on"])), earliest(until, as_date(row["left_on"]))
        if start > plan.ends_on or (end is not None and end <= start):
            continue
        if spans and spans[-1][1] == start:
            start = spans.pop()[0]
        spans.append((start, end))
    return spans


def _matches(plan: StudyPlan, row: dict) -> bool:
    return (
        (not plan.units or row["unit_id"] in plan.units)
        and (not plan.tiers or row["tier"] in plan.tiers)
        and (not plan.statuses or row["status"] in plan.statuses)
    )


def aligned(have: Sequence[Span], want: Sequence[Span], *, first: date) -> list[Span]:
    """`have` before the day `first`, `want` from it on; a span of each that meet at `first` become one."""
    spans = [(start, earliest(end, first)) for start, end in have if start < first]
    for start, end in want:
        if end is not None and end <= first:
            continue
        start = max(start, first)
        if spans and spans[-1][1] == start:
            start = spans.pop()[0]
        spans.append((start, end))
    return spans


def earliest(*days: date | None) -> date | None:
    """The earliest of these ends, where None is open; None when all are."""
    return min((day for day in days if day is not None), default=None)


async def overlaps(branch_id: int, *, first: date) -> None:
    """Raises Conflict `plan_overlap`, naming the plans, when a member has two tasks on one date from `first` on."""
    found = await fetch(_OVERLAPS, branch_id, first)
    if found:
        pairs = "；".join(f"“{row['one']}”与“{row['other']}”" for row in found)
        raise Conflict(f"同一名党员在同一天会有两个任务，请先调整计划的对象或日期：{pairs}。", code="plan_overlap")
