"""The streak a receipt tells: a member's task days as letters of rules/streaks.py, from the plan's calendar and what the member has done.

The database gives one row for each member, whatever the number of days; the calendars are the same for all and remembered for 5 s.
Of the days that nobody can check in for any more this process remembers what they came to, so that a check-in costs the same after ten
years; it counts them again when it has changed who has which task, or who was on leave (branch.audience_version).
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from backend import plans
from backend.kernel.database import dialect, fetch, table_of
from backend.kernel.sql import within
from backend.rules.streaks import NONE, Streak, streak_of

REMEMBERED_S = 5.0
REMEMBERED_MOST = 2_000
MEMBERS_MOST = 50_000
FOR_EVER = "9999-12-31"
# A task of so many days ago can be made up by nobody.
SETTLED = timedelta(days=plans.MAKEUP_MOST + 1)

Calendar = tuple[list[str], list[int]]  # the dates of a plan in order, as ISO text, and the task of each
Doing = tuple[int, int, str, date]  # member, task, letter, today
Letters = list[tuple[str, str]]  # (date, letter) in order


@dataclass(frozen=True, slots=True)
class Past:
    """What a member's task days up to `through` came to, as long as the branch's audience_version is `version`."""

    through: date
    streak: Streak
    version: int


_NEVER = Past(date.min, NONE, -1)
_pasts: dict[int, Past] = {}
_calendars: dict[tuple[int, date], tuple[float, Calendar]] = {}

_DOING = {"member_id": "bigint", "task_id": "bigint", "since": "date", "today": "date"}

# Dates are compared as ISO text, which both dialects give.
_HISTORY = """
SELECT w.member_id, w.task_id, t.plan_id, m.joined_on || '' AS joined_on, m.left_on || '' AS left_on, b.audience_version,
  (SELECT {together}(c.task_id || CASE WHEN c.kind = 'makeup' THEN 'm' ELSE 'k' END, ',') FROM check_in c
    WHERE c.member_id = w.member_id AND c.task_date > w.since AND c.task_date <= w.today AND {months}) AS done,
  (SELECT {together}(l.starts_on || '/' || l.ends_on, ',') FROM leave l
    WHERE l.member_id = w.member_id AND l.state = 'granted' AND l.ends_on > w.since) AS away,
  (SELECT {together}(pm.plan_id || '/' || pm.starts_on || '/' || COALESCE(pm.until || '', '9999-12-31'), ',') FROM plan_member pm
    WHERE pm.member_id = w.member_id AND (pm.until IS NULL OR pm.until > w.since)) AS spans
FROM {wanted} w CROSS JOIN member m CROSS JOIN daily_task t CROSS JOIN branch b
WHERE m.id = w.member_id AND t.id = w.task_id AND b.id = m.branch_id
"""
_TOGETHER = {"postgres": "STRING_AGG", "sqlite": "GROUP_CONCAT"}
_CALENDAR = (
    "SELECT t.plan_id, t.id, t.date || '' AS date FROM {wanted} w JOIN daily_task t ON t.plan_id = w.plan_id AND t.date > w.since "
    "ORDER BY t.plan_id, t.date"
)


async def streaks_with(doing: Sequence[Doing]) -> dict[tuple[int, int], Streak]:
    """For each (member, task, letter, today) the member's streak up to today as it stands once that task is done, as `letter`.

    At most two queries, whatever the number; two more for members of whom nothing is remembered, or something else.
    """
    known = [one for one in doing if _past_of(one) is not _NEVER]
    found = await _counted(known)
    return found | await _counted([one for one in doing if one[:2] not in found], afresh=True)


def _past_of(one: Doing) -> Past:
    past = _pasts.get(one[0], _NEVER)
    return past if past.through <= one[3] - SETTLED else _NEVER


async def _counted(doing: Sequence[Doing], *, afresh: bool = False) -> dict[tuple[int, int], Streak]:
    """The streaks, from what is remembered of the past or from the first day on; without those of whom something else is remembered."""
    if not doing:
        return {}
    pasts = {one[:2]: _NEVER if afresh else _past_of(one) for one in doing}
    wanted, values = table_of(_DOING, [(member, task, pasts[member, task].through, today) for member, task, _, today in doing])
    since, until = min(past.through for past in pasts.values()), max(today for *_, today in doing)
    months = within("c.task_date", since, until)
    rows = await fetch(_HISTORY.format(wanted=wanted, together=_TOGETHER[dialect()], months=months), *values)
    histories = {
        (row["member_id"], row["task_id"]): row
        for row in rows
        if afresh or row["audience_version"] == pasts[row["member_id"], row["task_id"]].version
    }
    spans = {pair: _spans(row) for pair, row in histories.items()}
    needed = {plan_id: 0 for some in spans.values() for plan_id, _, _ in some}
    needed |= {row["plan_id"]: row["task_id"] for row in histories.values()}
    calendars = await _calendars_of(needed, since)
    found = {}
    for member, task, letter, today in doing:
        if row := histories.get((member, task)):
            past = pasts[member, task]
            days = _written(row, spans[member, task], calendars, f"{task}{letter}", today, past.through)
            found[member, task] = streak_of("".join(letter for _, letter in days), before=past.streak)
            _remember(member, past, days, row["audience_version"], today - SETTLED)
    return found


def _remember(member: int, past: Past, days: Letters, version: int, through: date) -> None:
    if len(_pasts) >= MEMBERS_MOST:
        _pasts.clear()
    settled = "".join(letter for day, letter in days if day <= through.isoformat())
    _pasts[member] = Past(through, streak_of(settled, before=past.streak), version)


def _spans(row: dict[str, Any]) -> list[tuple[int, str, str]]:
    """(plan, first day, day after the last) of the member's audiences, as far as the member is on the roster."""
    joined_on, left_on = row["joined_on"], row["left_on"] or FOR_EVER
    parts = (text.split("/") for text in (row["spans"] or "").split(",") if text)
    return [(int(plan), max(first, joined_on), min(until, left_on)) for plan, first, until in parts]


def _written(
    row: dict[str, Any], spans: Iterable[tuple[int, str, str]], calendars: dict[int, Calendar], doing: str, today: date, since: date
) -> Letters:
    """The member's task days after `since` up to today."""
    done = {int(text[:-1]): text[-1] for text in (*(row["done"] or "").split(","), doing) if text}
    away = [text.split("/") for text in (row["away"] or "").split(",") if text]
    first_day, last_day = since.isoformat(), today.isoformat()
    days: Letters = []
    for plan_id, first, until in spans:
        dates, task_ids = calendars.get(plan_id, ([], []))
        for at in range(bisect_right(dates, first_day), bisect_right(dates, last_day)):
            if first <= (day := dates[at]) < until:
                days.append((day, done.get(task_ids[at]) or _undone(day, away, last_day)))
    return sorted(days)


def _undone(day: str, away: Iterable[Sequence[str]], today: str) -> str:
    if any(first <= day <= last for first, last in away):
        return "e"
    return "x" if day < today else "o"


async def _calendars_of(needed: dict[int, int], since: date) -> dict[int, Calendar]:
    """The calendars of these plans after `since`; one that is remembered without the task that it is needed for (plan -> task) is read
    again."""
    now = time.monotonic()
    found = {
        plan_id: known[1]
        for plan_id, task_id in needed.items()
        if (known := _calendars.get((plan_id, since))) and known[0] > now and (not task_id or task_id in known[1][1])
    }
    if missing := needed.keys() - found.keys():
        read = await _read_calendars(missing, since)
        if len(_calendars) + len(read) > REMEMBERED_MOST:
            _calendars.clear()
        _calendars.update({(plan_id, since): (now + REMEMBERED_S, calendar) for plan_id, calendar in read.items()})
        found |= read
    return found


async def _read_calendars(plan_ids: Collection[int], since: date) -> dict[int, Calendar]:
    wanted, values = table_of({"plan_id": "bigint", "since": "date"}, [(plan_id, since) for plan_id in sorted(plan_ids)])
    calendars: dict[int, Calendar] = {plan_id: ([], []) for plan_id in plan_ids}
    for row in await fetch(_CALENDAR.format(wanted=wanted), *values):
        dates, task_ids = calendars[row["plan_id"]]
        dates.append(row["date"])
        task_ids.append(row["id"])
    return calendars
