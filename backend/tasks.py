"""Daily tasks (每日任务) as a member meets them: those of a period, one in full. Today's: see tasks_today.py."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from backend import tasks_marks
from backend.figures_pairs import Span, pairs
from backend.kernel.access import Actor
from backend.kernel.database import as_date, fetch, int_list
from backend.kernel.errors import Conflict, Invalid, NotFound
from backend.rules import periods
from backend.tasks_content import TaskContent, content_of, contents_of, questions_by_id, shown

__all__ = [
    "TaskContent", "content_of", "contents_of", "detail", "listing", "questions_by_id", "refuse_unless_open", "task_for",
]  # fmt: skip

LONGEST_PERIOD = 400  # days

_PAIR = """
SELECT p.task_id AS id, p.date, t.makeup_until, t.title, t.plan_id, p.branch_id, p.unit_id,
  p.excused, p.checkin_id, p.kind, p.recorded_by_id
FROM ({pairs}) p JOIN daily_task t ON t.id = p.task_id
"""


async def task_for(member_id: int, *, task_id: int) -> dict[str, Any]:
    """The task as this member has it, assigned or excused; one query.

    {"id", "date", "makeup_until", "title", "plan_id", "branch_id", "unit_id" (the member's on that date, 0 = none), "excused" (bool),
    "checkin_id", "kind", "recorded_by_id" (each null without a check-in)}. Raises NotFound when the member is not in its audience.
    """
    found = await _pairs("m.id = $1 AND t.id = $2", member_id, task_id)
    if not found:
        raise NotFound()
    return found[0]


def refuse_unless_open(task: dict[str, Any], *, today: date) -> None:
    """Raises Conflict `not_open` before the day of a task (as `task_for` gives it), `closed` after its last day for making up."""
    match periods.is_open_for_checkin(task["date"], today, (task["makeup_until"] - task["date"]).days):
        case "not_open":
            raise Conflict("这一天的学习任务还没有开始。", code="not_open")
        case "closed":
            raise Conflict("这一天的补卡期限已过。", code="closed")


async def _pairs(where: str, *values: Any, span: Span | None = None) -> list[dict[str, Any]]:
    rows = await fetch(_PAIR.format(pairs=pairs(where, span=span)) + "ORDER BY p.date, p.task_id", *values)
    return [
        {**row, "date": as_date(row["date"]), "makeup_until": as_date(row["makeup_until"]), "excused": bool(row["excused"])} for row in rows
    ]


async def detail(actor: Actor, *, task_id: int, today: date) -> dict[str, Any]:
    """The Task in full, without a right answer. Raises NotFound outside its audience, Conflict `not_open` before its day."""
    task = await task_for(actor.member_id, task_id=task_id)
    if task["date"] > today:
        raise Conflict("这一天的学习任务还没有开始。", code="not_open")
    pair = (actor.member_id, task_id)
    read, answered = await tasks_marks.marks({pair: task["date"]})
    if task["date"] == today:
        await tasks_marks.note_fetch(actor.session_id, task_id, today)
    return shown(await content_of(task_id), task, read.get(pair, set()), answered.get(pair, {}))


async def listing(actor: Actor, *, first: date | None, last: date | None, today: date) -> list[dict[str, Any]]:
    """The member's tasks from `first` to `last`, in order of date; by default the month of the other end, or of today.

    Each {"id", "date", "title", "aspects": [1..9], "status", "makeup_until", "recorded_by": {"id", "name"} or None}.
    Raises Invalid for a period that is upside down or longer than 400 days.
    """
    first, last = _period(first, last, today)
    found = await _pairs("m.id = $1 AND t.date >= $2 AND t.date <= $3", actor.member_id, first, last, span=(first, last))
    aspects, recorders = await _aspects_and_recorders(found)
    return [
        {
            "id": task["id"],
            "date": task["date"],
            "title": task["title"],
            "aspects": aspects.get(task["id"], []),
            "status": periods.task_status(date=task["date"], today=today, checked=task["kind"], excused=task["excused"]),
            "makeup_until": task["makeup_until"],
            "recorded_by": recorders.get(task["recorded_by_id"]),
        }
        for task in found
    ]


def _period(first: date | None, last: date | None, today: date) -> tuple[date, date]:
    first = first or periods.period("month", last or today)[0]
    last = last or periods.period("month", first)[1]
    if first > last:
        raise Invalid("开始日期不能晚于结束日期。", errors=[{"field": "from", "message": "不能晚于结束日期"}])
    if last - first >= timedelta(days=LONGEST_PERIOD):
        raise Invalid(f"一次最多查询 {LONGEST_PERIOD} 天。", errors=[{"field": "to", "message": f"最多 {LONGEST_PERIOD} 天"}])
    return first, last


async def _aspects_and_recorders(found: list[dict[str, Any]]) -> tuple[dict[int, list[int]], dict[int, dict[str, Any]]]:
    aspects: dict[int, list[int]] = {}
    recorders: dict[int, dict[str, Any]] = {}
    for row in await fetch(
        "SELECT ta.task_id AS id, ta.aspect_id AS aspect, NULL AS name FROM task_aspect ta "  # noqa: S608
        f"WHERE ta.task_id IN ({int_list(task['id'] for task in found)}) UNION ALL "
        "SELECT m.id, 0, m.name FROM member m "
        f"WHERE m.id IN ({int_list({task['recorded_by_id'] for task in found if task['recorded_by_id']})}) ORDER BY 1, 2"
    ):
        if row["aspect"]:
            aspects.setdefault(row["id"], []).append(row["aspect"])
        else:
            recorders[row["id"]] = {"id": row["id"], "name": row["name"]}
    return aspects, recorders
