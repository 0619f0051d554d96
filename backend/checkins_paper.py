"""Paper members: a week's sheet to print, and what came back on it written down as 代录, one (member, task) after the other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from backend import checkins
from backend.figures_pairs import pairs_between
from backend.kernel import access
from backend.kernel.access import SECRETARY, Actor
from backend.kernel.database import as_date, fetch
from backend.kernel.errors import Conflict, Forbidden, Invalid, NotFound

MOST_CELLS = 300
# The states of a cell that can be written down.
TO_WRITE = ("missing", "open", "excused")

_TASKS = """
SELECT id, date, title, makeup_until FROM daily_task WHERE branch_id = $1 AND date >= $2 AND date <= $3 ORDER BY date, id
"""
# By today's committee: that is where the sheet is handed out and whose head brings it back.
_ROWS = """
WITH {pairs}
SELECT p.member_id AS id, m.name, COALESCE(s.unit_id, 0) AS unit, u.name AS unit_name, p.task_id,
  p.on_time + p.makeup + p.proxy AS done, p.excused
FROM pair p JOIN member m ON m.id = p.member_id AND m.blanked_at IS NULL AND (m.left_on IS NULL OR m.left_on > $1)
JOIN standing s ON s.member_id = m.id AND s.starts_on <= $1 AND (s.until IS NULL OR s.until > $1)
LEFT JOIN unit u ON u.id = s.unit_id WHERE {only}
ORDER BY CASE WHEN u.id IS NULL THEN 1 ELSE 0 END, u.position, u.id, m.id
"""


async def week(actor: Actor, *, first: date, unit: int | None = None, today: date) -> dict[str, Any]:
    """{"days", "groups"} of the seven days from `first` on, for the committee `unit` (0: those in none, None: all; a unit head: the own).

    "days": [{"date", "task", "title"}], one for each task; "groups": [{"unit", "name", "members": [{"id", "name", "cells"}]}]
    by today's committees, cells {task: state}, state done, excused, missing, open, future or closed; a member who does not have the
    task has no such cell.
    Two queries at any size. Raises Forbidden for a unit head without a unit.
    """
    access.require(actor, "checkins.record")
    if SECRETARY not in actor.roles:
        unit = _own_unit(actor)
    last = first + timedelta(days=6)
    tasks = await fetch(_TASKS, actor.branch_id, first, last)
    only = "true" if unit is None else f"COALESCE(s.unit_id, 0) = {int(unit)}"
    pairs = pairs_between(first, last, branches=f"{{0}} = {int(actor.branch_id)}")
    rows = await fetch(_ROWS.format(pairs=pairs, only=only), today)
    by_id = {task["id"]: task for task in tasks}
    groups: dict[int, dict[str, Any]] = {}
    for row in rows:
        group = groups.setdefault(row["unit"], {"unit": row["unit"], "name": row["unit_name"] or "", "members": {}})
        member = group["members"].setdefault(row["id"], {"id": row["id"], "name": row["name"], "cells": {}})
        member["cells"][row["task_id"]] = _state(row, by_id[row["task_id"]], today)
    return {
        "days": [{"date": as_date(task["date"]), "task": task["id"], "title": task["title"]} for task in tasks],
        "groups": [{**group, "members": list(group["members"].values())} for group in groups.values()],
    }


def _own_unit(actor: Actor) -> int:
    if actor.unit_id is None:
        raise Forbidden("您还没有编入专业委员会，请联系书记。")
    return actor.unit_id


def _state(row: dict[str, Any], task: dict[str, Any], today: date) -> str:
    """What can be done about one cell: see TO_WRITE."""
    if row["done"]:
        return "done"
    if as_date(task["date"]) > today:
        return "future"
    if as_date(task["makeup_until"]) < today:
        return "closed"
    return "excused" if row["excused"] else "open" if as_date(task["date"]) == today else "missing"


async def record(actor: Actor, *, cells: Sequence[tuple[int, int]], at: datetime) -> list[dict[str, Any]]:
    """Writes down each (member, task) as studied on the task's own day: [{"member", "task", "is_new", "refused"}] in the same order.

    Each is a check-in of its own: what is refused (`refused`: the reason in Chinese, else None) keeps no other out, and a cell that was
    there already stays as it was. Raises Invalid for none or more than MOST_CELLS at once.
    """
    access.require(actor, "checkins.record")
    wanted = list(dict.fromkeys(cells))
    if not 1 <= len(wanted) <= MOST_CELLS:
        said = f"一次请勾选 1 至 {MOST_CELLS} 格"
        raise Invalid(f"{said}。", errors=[{"field": "cells", "message": said}])
    tasks = await fetch(_DATES.format(tasks=",".join(str(int(task)) for _, task in wanted)), actor.branch_id)
    dates = {row["id"]: as_date(row["date"]) for row in tasks}
    return [await _record(actor, member_id, task_id, dates.get(task_id), at) for member_id, task_id in wanted]


_DATES = "SELECT id, date FROM daily_task WHERE branch_id = $1 AND id IN ({tasks})"


async def _record(actor: Actor, member_id: int, task_id: int, studied_on: date | None, at: datetime) -> dict[str, Any]:
    outcome = {"member": member_id, "task": task_id, "is_new": False, "refused": None}
    if studied_on is None:
        return {**outcome, "refused": "没有这一天的任务。"}
    try:
        _, is_new = await checkins.record(actor, task_id=task_id, member_id=member_id, studied_on=studied_on, at=at)
    except NotFound:
        return {**outcome, "refused": "没有这名成员，或这一天的任务不是布置给本人的。"}
    except (Forbidden, Conflict, Invalid) as refused:
        return {**outcome, "refused": refused.detail}
    return {**outcome, "is_new": is_new}
