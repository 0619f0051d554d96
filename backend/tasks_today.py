"""Today's task: the most asked question of all. Looked up for many members together, and remembered for at most 5 s.

A member's own writes through this process are seen at once; through another process within 5 s, or at once when the caller asks for a
fresh answer. Changes of roster, leave and plan recount, and make this process look again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from backend import figures, tasks_content, tasks_marks
from backend.figures_pairs import pairs_of
from backend.kernel.access import Actor
from backend.kernel.batches import Batcher
from backend.kernel.database import as_date, fetch, table_of
from backend.tasks_content import TaskContent

REMEMBERED_S = 5.0
REMEMBERED_MOST = 20_000
ALIKE_MOST = 2_000


@dataclass(slots=True)
class Today:
    """One for all members who are shown the same. `shown`: {"date", "task": Task or None, "next_date"}; a door may keep its own form
    of it in `encoded`."""

    shown: dict[str, Any]
    content: TaskContent | None
    until: float
    recounts: int
    encoded: bytes | None = None

    def holds(self, today: date) -> bool:
        """It is of today, nothing has been recounted since, and the content is as old as it may be, and no older."""
        if self.shown["date"] != today or self.recounts != figures.recounts:
            return False
        if self.content is None:
            return self.until > time.monotonic()
        return tasks_content.remembered(self.content.id) is self.content


_remembered: dict[int, Today] = {}
# What is shown to members who have done the same of the same task: made, encoded and kept once.
_alike: dict[tuple[Any, ...], Today] = {}


async def of_today(actor: Actor, *, today: date, fresh: bool = False) -> Today:
    """What the member has to do today, and the next day with a task outside a leave. `fresh`: not what this process remembers."""
    known = _remembered.get(actor.member_id)
    if fresh or known is None or not known.holds(today):
        known = await _look_ups.submit((actor.member_id, today))
    if known.content is not None:
        await tasks_marks.note_fetch(actor.session_id, known.content.id, today)
    return known


def forget(member_ids: Iterable[int]) -> None:
    """These members have done something: this process looks again."""
    for member_id in member_ids:
        _remembered.pop(member_id, None)


_TODAY = "SELECT p.task_id AS id, p.date, p.member_id, p.checkin_id, p.kind FROM ({pairs}) p ORDER BY p.member_id, p.task_id"

# The first day after today with a task for each member who is not on leave that day.
_NEXT = """
SELECT n.member_id, MIN(n.date) AS date FROM (
  SELECT w.member_id, (
    SELECT MIN(t.date) FROM daily_task t WHERE t.plan_id = pm.plan_id AND t.date > w.today AND t.date >= pm.starts_on
      AND (pm.until IS NULL OR t.date < pm.until) AND t.date >= m.joined_on AND (m.left_on IS NULL OR t.date < m.left_on)
      AND NOT EXISTS (
        SELECT 1 FROM leave l WHERE l.member_id = m.id AND l.state = 'granted' AND l.starts_on <= t.date AND l.ends_on >= t.date
      )
  ) AS date FROM {wanted} w CROSS JOIN plan_member pm CROSS JOIN member m WHERE pm.member_id = w.member_id AND m.id = w.member_id
) n GROUP BY n.member_id
"""


async def _look_up(asked: Sequence[tuple[int, date]]) -> list[Today]:
    """Three queries for all of them, and what the contents take. All ask for the same day."""
    recounts, until, today = figures.recounts, time.monotonic() + REMEMBERED_S, asked[0][1]
    wanted, values = table_of({"member_id": "bigint", "today": "date"}, sorted(set(asked)))
    tasks: dict[int, dict[str, Any]] = {}
    pairs = pairs_of(wanted, "t.date = w.today", span=(today, today))
    for row in await fetch(_TODAY.format(pairs=pairs), *values):
        tasks.setdefault(row["member_id"], row)
    following = {row["member_id"]: as_date(row["date"]) for row in await fetch(_NEXT.format(wanted=wanted), *values)}
    contents = await tasks_content.contents_of({task["id"] for task in tasks.values()})
    read, answered = await tasks_marks.marks({(member, task["id"]): today for member, task in tasks.items()})
    if len(_remembered) + len(asked) > REMEMBERED_MOST:
        _remembered.clear()
    for member, _ in asked:
        task = tasks.get(member)
        content = contents.get(task["id"]) if task else None
        next_date = following.get(member)
        if content is None:
            _remembered[member] = Today({"date": today, "task": None, "next_date": next_date}, None, until, recounts)
            continue
        pair = (member, content.id)
        done = frozenset(read.get(pair, ())), frozenset(answered.get(pair, ()))
        _remembered[member] = _shared(content, task, *done, next_date=next_date, recounts=recounts, today=today)
    return [_remembered[member] for member, _ in asked]


def _shared(
    content: TaskContent,
    task: dict[str, Any],
    read: frozenset[int],
    answered: frozenset[int],
    *,
    next_date: date | None,
    recounts: int,
    today: date,
) -> Today:
    """The one Today of all who have come as far with this very content."""
    key = content.id, task["checkin_id"] is None, task["kind"], read, answered, next_date, today
    known = _alike.get(key)
    if known is None or known.content is not content or known.recounts != recounts:
        if len(_alike) >= ALIKE_MOST:
            _alike.clear()
        shown = {"date": today, "task": tasks_content.shown(content, task, read, answered), "next_date": next_date}
        known = _alike[key] = Today(shown, content, 0.0, recounts)
    return known


_look_ups: Batcher[tuple[int, date], Today] = Batcher(_look_up, together=lambda first, other: first[1] == other[1])
