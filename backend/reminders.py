"""Reminders (提醒): who would get one, sending them, and the ledger of what became of each.

At most one for a member and day. The work stands in rows and is done in the background: backend/reminders_work.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

from backend import reminders_audience
from backend.kernel import audit, clock, settings, wakeups
from backend.kernel.access import UNIT_HEAD, Actor
from backend.kernel.database import as_date, as_instant, fetch, transactional
from backend.kernel.errors import Conflict, NotFound
from backend.reminders_audience import Candidate, Scope, scope_of
from backend.rules import reminding
from models.reminders import Reminder, ReminderBatch, ReminderState

STATES = tuple(state.value for state in ReminderState)

_BATCHES = """
SELECT b.id, b.day, b.unit_id, b.plan_id, b.created_at, b.asked_by_id, m.name AS asker, u.name AS unit, p.title AS plan_title, {counts}
FROM reminder_batch b LEFT JOIN member m ON m.id = b.asked_by_id LEFT JOIN unit u ON u.id = b.unit_id
LEFT JOIN study_plan p ON p.id = b.plan_id LEFT JOIN reminder r ON r.batch_id = b.id {mine}
WHERE b.branch_id = $1 AND {where} GROUP BY b.id, b.day, b.unit_id, b.plan_id, b.created_at, b.asked_by_id, m.name, u.name, p.title
{having} ORDER BY b.id DESC LIMIT {limit}
"""
_COUNTS = ", ".join(f"COUNT(CASE WHEN r.state = '{state}' THEN 1 END) AS {state}" for state in STATES)
_ITEMS = """
SELECT r.id, r.member_id, m.name, r.unit_id, u.name AS unit, r.state, r.reason, r.settled_at, t.title, t.makeup_until
FROM reminder r JOIN member m ON m.id = r.member_id LEFT JOIN unit u ON u.id = r.unit_id LEFT JOIN daily_task t ON t.id = r.task_id
WHERE r.batch_id = $1 {mine} ORDER BY r.unit_id, r.member_id
"""


async def preview(actor: Actor, *, members: Sequence[int] | None = None, today: date) -> dict[str, Any]:
    """Who would get one and who not, what it says, and the text for the group. Raises Forbidden, NotFound, Conflict `nobody_missing`."""
    found = await _found(scope_of(actor), members, today)
    return {
        "date": today,
        "message": _message(found[0], today),
        "messages": _messages(found, today),
        "recipients": [_recipient(candidate) for candidate in found],
        "reachable": sum(candidate.reason is None for candidate in found),
        "unreachable": sum(candidate.reason is not None for candidate in found),
        "group_text": reminding.group_text(day=today, tasks=((candidate.title, candidate.makeup_until) for candidate in found)),
    }


async def send(actor: Actor, *, members: Sequence[int] | None = None, today: date, key: str | None = None) -> dict[str, Any]:
    """Writes down whom to remind and wakes the background work; the batch as `detail` shows it. Raises as `preview`.

    `key`: the request's own name, at most 64 characters; asked for again under it, the batch of the first time is returned.
    """
    batch_id = await _write(actor, scope_of(actor), members, today, key)
    await wakeups.wake()
    return await detail(actor, batch_id=batch_id)


@transactional
async def _write(actor: Actor, scope: Scope, members: Sequence[int] | None, today: date, key: str | None) -> int:
    new = await fetch(
        "INSERT INTO reminder_batch (branch_id, day, unit_id, asked_by_id, key, created_at) VALUES ($1, $2, $3, $4, $5, $6) "
        "ON CONFLICT (asked_by_id, key) DO NOTHING RETURNING id",
        scope.branch_id, today, scope.unit_id, actor.member_id, key, clock.now(),
    )  # fmt: skip
    if not new:
        return (await ReminderBatch.get(asked_by_id=actor.member_id, key=key)).id
    batch_id = new[0]["id"]
    await write_items(batch_id, await _found(scope, members, today), today)
    await audit.record(actor, "reminder:send", subject="reminder_batch", subject_id=batch_id, fields=["members"])
    return batch_id


async def _found(scope: Scope, members: Sequence[int] | None, today: date) -> list[Candidate]:
    found = await reminders_audience.candidates(scope, day=today, chosen=members)
    if not found:
        raise Conflict("今天没有需要提醒的人。", code="nobody_missing")
    return found


async def write_items(batch_id: int, found: Sequence[Candidate], day: date) -> None:
    """One row for each: waiting, or refused with its reason. Who got one meanwhile is refused by the unique index."""
    at = clock.now()
    for candidate in found:
        columns = (batch_id, candidate.member_id, candidate.task_id, day, candidate.unit_id)
        reason = candidate.reason
        if reason is None and not await fetch(
            "INSERT INTO reminder (batch_id, member_id, task_id, day, unit_id, state, reason) VALUES ($1, $2, $3, $4, $5, 'waiting', '') "
            "ON CONFLICT (member_id, day) WHERE state <> 'refused' DO NOTHING RETURNING id",
            *columns,
        ):
            reason = "already"
        if reason is not None:
            await Reminder.create(
                batch_id=batch_id, member_id=candidate.member_id, task_id=candidate.task_id, day=day, unit_id=candidate.unit_id,
                state=ReminderState.REFUSED, reason=reason, settled_at=at,
            )  # fmt: skip


async def listing(actor: Actor, *, before: int = 0, limit: int = 50) -> list[dict[str, Any]]:
    """The batches of the branch, newest first, at most limit + 1 with an id below `before`; a unit head's: with the own unit's figures
    alone. One query."""
    return await _batches(scope_of(actor), "($2 = 0 OR b.id < $2)", before, limit=limit + 1)


async def detail(actor: Actor, *, batch_id: int) -> dict[str, Any]:
    """A batch, what became of each member's reminder, the text for the group; two queries. Raises NotFound.

    `names_for_head`: for a unit head alone, who of the own unit no message reached and has not been told; null for anybody else.
    """
    scope = scope_of(actor)
    batches = await _batches(scope, "b.id = $2", batch_id, limit=1)
    if not batches:
        raise NotFound()
    rows = await fetch(_ITEMS.format(mine=_mine(scope, "AND ")), batch_id)
    own = [row for row in rows if UNIT_HEAD in actor.roles and row["unit_id"] == actor.unit_id]
    unreached = [row["name"] for row in own if row["state"] in ("refused", "unknown") and row["reason"] not in reminding.TOLD]
    day, known = batches[0]["date"], [row for row in rows if row["title"]]
    return {
        **batches[0],
        "items": [_item(row) for row in rows],
        "group_text": reminding.group_text(day=day, tasks=((row["title"], as_date(row["makeup_until"])) for row in known)) if known else "",
        "names_for_head": unreached if UNIT_HEAD in actor.roles else None,
    }


async def _batches(scope: Scope, where: str, value: int, *, limit: int) -> list[dict[str, Any]]:
    having = "HAVING COUNT(r.id) > 0" if scope.unit_id else ""
    sql = _BATCHES.format(counts=_COUNTS, mine=_mine(scope, "AND "), where=where, having=having, limit=int(limit))
    return [_batch(row) for row in await fetch(sql, scope.branch_id, value)]


def _mine(scope: Scope, word: str) -> str:
    return f"{word}r.unit_id = {int(scope.unit_id)}" if scope.unit_id else ""


def _batch(row: dict[str, Any]) -> dict[str, Any]:
    counts = {state: row[state] for state in STATES}
    return {
        "id": row["id"],
        "date": as_date(row["day"]),
        "created_at": clock.shanghai(as_instant(row["created_at"])).isoformat(timespec="seconds"),
        "asked_by": {"id": row["asked_by_id"], "name": row["asker"]} if row["asked_by_id"] else None,
        "unit": {"id": row["unit_id"], "name": row["unit"]} if row["unit_id"] else None,
        "plan": row["plan_id"],
        "plan_title": row["plan_title"],
        "counts": counts,
        "total": sum(counts.values()),
        "finished": counts["waiting"] + counts["sending"] == 0,
    }


def _item(row: dict[str, Any]) -> dict[str, Any]:
    told = reminding.UNKNOWN if row["state"] == "unknown" else reminding.REASONS.get(row["reason"], "")
    return {
        "member": {"id": row["member_id"], "name": row["name"]},
        "unit": row["unit"],
        "state": row["state"],
        "reason": row["reason"] or None,
        "explanation": told,
        "settled_at": clock.shanghai(as_instant(row["settled_at"])).isoformat(timespec="seconds") if row["settled_at"] else None,
    }


def _recipient(candidate: Candidate) -> dict[str, Any]:
    return {
        "member": {"id": candidate.member_id, "name": candidate.name},
        "unit": candidate.unit,
        "reachable": candidate.reason is None,
        "reason": candidate.reason,
        "explanation": reminding.REASONS.get(candidate.reason or "", ""),
    }


def _message(candidate: Candidate, day: date) -> dict[str, str]:
    return reminding.message(settings.current().wechat_reminder_fields, title=candidate.title, day=day)


def _messages(found: Sequence[Candidate], day: date) -> list[dict[str, Any]]:
    """What is sent to how many: one entry for each of the day's tasks that somebody is reminded of."""
    reachable = [candidate for candidate in found if candidate.reason is None]
    counts = Counter(candidate.task_id for candidate in reachable)
    first = {candidate.task_id: candidate for candidate in reversed(reachable)}
    return [{"title": first[task].title, "recipients": counts[task], "message": _message(first[task], day)} for task in counts]
