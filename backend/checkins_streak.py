"""The streak a receipt tells: a member's task days as letters of rules/streaks.py, from the plan's calendar and what the member has done.

The database gives one row for each member, whatever the number of days; the calendars are the same for all and remembered for 5 s.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any

from backend.kernel.database import dialect, fetch, table_of

REMEMBERED_S = 5.0
REMEMBERED_MOST = 2_000
FOR_EVER = "9999-12-31"

Calendar = tuple[list[str], list[int]]  # the dates of a plan in order, as ISO text, and the task of each
_calendars: dict[int, tuple[float, Calendar]] = {}

_DOING = {"member_id": "bigint", "task_id": "bigint", "today": "date"}

# Dates are compared as ISO text, which both dialects give.
_HISTORY = """
SELECT w.member_id, w.task_id, t.plan_id, m.joined_on || '' AS joined_on, m.left_on || '' AS left_on,
  (SELECT {together}(c.task_id || CASE WHEN c.kind = 'makeup' THEN 'm' ELSE 'k' END, ',') FROM check_in c
    WHERE c.member_id = w.member_id AND c.task_date <= w.today) AS done,
  (SELECT {together}(l.starts_on || '/' || l.ends_on, ',') FROM leave l WHERE l.member_id = w.member_id AND l.state = 'granted') AS away,
  (SELECT {together}(pm.plan_id || '/' || pm.starts_on || '/' || COALESCE(pm.until || '', '9999-12-31'), ',') FROM plan_member pm
    WHERE pm.member_id = w.member_id) AS spans
FROM {wanted} w CROSS JOIN member m CROSS JOIN daily_task t WHERE m.id = w.member_id AND t.id = w.task_id
"""
_TOGETHER = {"postgres": "STRING_AGG", "sqlite": "GROUP_CONCAT"}
_CALENDAR = (
    "SELECT t.plan_id, t.id, t.date || '' AS date FROM {wanted} w JOIN daily_task t ON t.plan_id = w.plan_id ORDER BY t.plan_id, t.date"
)


async def letters(doing: Sequence[tuple[int, int, str, date]]) -> dict[tuple[int, int], str]:
    """For each (member, task, letter, today): the member's task days up to today as letters, in order of date, that task as `letter`.

    At most two queries, whatever the number.
    """
    wanted, values = table_of(_DOING, [(member, task, today) for member, task, _, today in doing])
    rows = await fetch(_HISTORY.format(wanted=wanted, together=_TOGETHER[dialect()]), *values)
    spans = {(row["member_id"], row["task_id"]): _spans(row) for row in rows}
    needed = {plan_id: 0 for some in spans.values() for plan_id, _, _ in some} | {row["plan_id"]: row["task_id"] for row in rows}
    calendars = await _calendars_of(needed)
    histories = {(row["member_id"], row["task_id"]): row for row in rows}
    return {
        (member, task): _written(histories[member, task], spans[member, task], calendars, f"{task}{letter}", today.isoformat())
        for member, task, letter, today in doing
    }


def _spans(row: dict[str, Any]) -> list[tuple[int, str, str]]:
    """(plan, first day, day after the last) of the member's audiences, as far as the member is on the roster."""
    joined_on, left_on = row["joined_on"], row["left_on"] or FOR_EVER
    parts = (text.split("/") for text in (row["spans"] or "").split(",") if text)
    return [(int(plan), max(first, joined_on), min(until, left_on)) for plan, first, until in parts]


def _written(row: dict[str, Any], spans: Iterable[tuple[int, str, str]], calendars: dict[int, Calendar], doing: str, today: str) -> str:
    done = {int(text[:-1]): text[-1] for text in (*(row["done"] or "").split(","), doing) if text}
    away = [text.split("/") for text in (row["away"] or "").split(",") if text]
    days: list[tuple[str, str]] = []
    for plan_id, first, until in spans:
        dates, task_ids = calendars.get(plan_id, ([], []))
        for at in range(bisect_right(dates, today)):
            if first <= (day := dates[at]) < until:
                days.append((day, done.get(task_ids[at]) or _undone(day, away, today)))
    return "".join(letter for _, letter in sorted(days))


def _undone(day: str, away: Iterable[Sequence[str]], today: str) -> str:
    if any(first <= day <= last for first, last in away):
        return "e"
    return "x" if day < today else "o"


async def _calendars_of(needed: dict[int, int]) -> dict[int, Calendar]:
    """The calendars of these plans; one that is remembered without the task that it is needed for (plan -> task) is read again."""
    now = time.monotonic()
    found = {
        plan_id: known[1]
        for plan_id, task_id in needed.items()
        if (known := _calendars.get(plan_id)) and known[0] > now and (not task_id or task_id in known[1][1])
    }
    if missing := needed.keys() - found.keys():
        read = await _read_calendars(missing)
        if len(_calendars) + len(read) > REMEMBERED_MOST:
            _calendars.clear()
        _calendars.update({plan_id: (now + REMEMBERED_S, calendar) for plan_id, calendar in read.items()})
        found |= read
    return found


async def _read_calendars(plan_ids: Collection[int]) -> dict[int, Calendar]:
    wanted, values = table_of({"plan_id": "bigint"}, [(plan_id,) for plan_id in sorted(plan_ids)])
    calendars: dict[int, Calendar] = {plan_id: ([], []) for plan_id in plan_ids}
    for row in await fetch(_CALENDAR.format(wanted=wanted), *values):
        dates, task_ids = calendars[row["plan_id"]]
        dates.append(row["date"])
        task_ids.append(row["id"])
    return calendars
