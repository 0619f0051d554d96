"""Leave (请假): a period in which a member is excused. Reasons and notes are for the secretary and the member alone."""

from __future__ import annotations

from datetime import date
from typing import Any

from backend import audiences, figures
from backend.kernel import audit, clock
from backend.kernel.access import Actor, require, same_branch
from backend.kernel.database import as_date, as_instant, fetch, transactional
from backend.kernel.errors import Conflict, Invalid, NotFound
from backend.members_guard import changeable
from backend.rules import names
from models.leaves import Leave, LeaveReason, LeaveState
from models.members import Member

LONGEST = 366  # days
NOTE_MOST = 200

_LEAVES = """
SELECT l.id, l.member_id, m.name, l.starts_on, l.ends_on, l.reason, l.note, l.state, l.created_at,
  d.id AS decider_id, d.name AS decider_name
FROM leave l JOIN member m ON m.id = l.member_id LEFT JOIN member d ON d.id = l.decided_by_id
WHERE {where} ORDER BY l.id
"""


async def own(actor: Actor) -> list[dict[str, Any]]:
    """All leaves of the actor, oldest first: see `LeaveItem` of the API."""
    return await _shown("l.member_id = $1", actor.member_id)


async def of_member(actor: Actor, *, member_id: int) -> list[dict[str, Any]]:
    """All leaves of a member of the own branch, oldest first. Raises NotFound."""
    require(actor, "leaves.decide")
    member = await Member.get_or_none(id=member_id)
    same_branch(actor, member.branch_id if member else None)
    return await _shown("l.member_id = $1", member_id)


async def listing(actor: Actor, *, state: str | None = None, after: int = 0, limit: int = 200) -> list[dict[str, Any]]:
    """At most `limit` leaves of the branch by id, of one state where it is given."""
    require(actor, "leaves.decide")
    where = f"m.branch_id = $1 AND l.id > $2 {'AND l.state = $3' if state else ''}"
    rows = await fetch(_LEAVES.format(where=where) + f" LIMIT {int(limit)}", actor.branch_id, after, *([state] if state else []))
    return [_item(row) for row in rows]


async def ask(actor: Actor, *, starts_on: date, ends_on: date, reason: LeaveReason, note: str = "") -> dict[str, Any]:
    """A leave that waits for the secretary. Raises Invalid, Conflict `leave_exists` for the same days once more."""
    leave_id = await _create(actor, actor.member_id, None, starts_on, ends_on, reason, note)
    return (await _shown("l.id = $1", leave_id))[0]


async def give(actor: Actor, *, member_id: int, starts_on: date, ends_on: date, reason: LeaveReason, note: str = "") -> dict[str, Any]:
    """A leave that the secretary writes down for a member, granted at once.

    Raises NotFound, Invalid, Conflict `leave_exists` or `member_left`.
    """
    leave_id = await _create(actor, member_id, "leaves.decide", starts_on, ends_on, reason, note)
    return (await _shown("l.id = $1", leave_id))[0]


@transactional
async def _create(
    actor: Actor, member_id: int, capability: str | None, starts_on: date, ends_on: date, reason: LeaveReason, note: str
) -> int:
    _refuse_senseless(starts_on, ends_on)
    if len(names.tidy(note)) > NOTE_MOST:
        raise Invalid(errors=[{"field": "note", "message": f"不能超过 {NOTE_MOST} 个字"}])
    if capability is None:
        member = await Member.get(id=member_id)
        await audiences.lock(member.branch_id)
    else:
        member = await changeable(actor, member_id, capability)
    waiting_or_granted = [LeaveState.ASKED, LeaveState.GRANTED]
    if await Leave.exists(member_id=member.id, starts_on=starts_on, ends_on=ends_on, state__in=waiting_or_granted):
        raise Conflict("这段日期的请假已经登记过了。", code="leave_exists")
    leave = await Leave.create(
        member_id=member.id,
        starts_on=starts_on,
        ends_on=ends_on,
        reason=reason,
        note=names.tidy(note),
        state=LeaveState.GRANTED if capability else LeaveState.ASKED,
        decided_by_id=actor.member_id if capability else None,
        created_at=clock.now(),
    )
    if capability:
        await figures.recount_days(member.branch_id, starts_on, ends_on)
        await audit.record(actor, "leave:give", subject="leave", subject_id=leave.id, fields=["member", "starts_on", "ends_on", "reason"])
    return leave.id


def _refuse_senseless(starts_on: date, ends_on: date) -> None:
    if ends_on < starts_on:
        raise Invalid(errors=[{"field": "ends_on", "message": "结束日期不能早于开始日期"}])
    if (ends_on - starts_on).days >= LONGEST:
        raise Invalid(errors=[{"field": "ends_on", "message": f"一次请假最长 {LONGEST} 天"}])


@transactional
async def cancel(actor: Actor, *, leave_id: int) -> None:
    """Takes back an own leave that is still waiting or has not begun; taking it back again changes nothing.

    Raises NotFound for somebody else's, Conflict `leave_started` or `leave_decided`.
    """
    await audiences.lock(actor.branch_id)
    leave = await Leave.get_or_none(id=leave_id)
    if leave is None or leave.member_id != actor.member_id:
        raise NotFound()
    if leave.state == LeaveState.CANCELLED:
        return
    if leave.state == LeaveState.REFUSED:
        raise Conflict("这次请假没有获批，无需撤回。", code="leave_decided")
    if leave.state == LeaveState.GRANTED and leave.starts_on <= clock.today():
        raise Conflict("请假已经开始，如需更改请联系书记。", code="leave_started")
    await _settle(leave, LeaveState.CANCELLED, actor.branch_id, decided_by=None)


async def grant(actor: Actor, *, leave_id: int) -> dict[str, Any]:
    """Grants a leave that was asked for: its days become excused. Raises NotFound, Conflict `leave_decided`."""
    return await _decide(actor, leave_id, LeaveState.GRANTED, "leave:grant", (LeaveState.ASKED,))


async def refuse(actor: Actor, *, leave_id: int) -> dict[str, Any]:
    """Refuses a leave that was asked for, or revokes a granted one. Raises NotFound, Conflict `leave_decided`."""
    return await _decide(actor, leave_id, LeaveState.REFUSED, "leave:refuse", (LeaveState.ASKED, LeaveState.GRANTED))


async def _decide(actor: Actor, leave_id: int, state: LeaveState, action: str, before: tuple[LeaveState, ...]) -> dict[str, Any]:
    require(actor, "leaves.decide")
    await _write_decision(actor, leave_id, state, action, before)
    return (await _shown("l.id = $1", leave_id))[0]


@transactional
async def _write_decision(actor: Actor, leave_id: int, state: LeaveState, action: str, before: tuple[LeaveState, ...]) -> None:
    await audiences.lock(actor.branch_id)
    leave = await Leave.get_or_none(id=leave_id).prefetch_related("member")
    same_branch(actor, leave.member.branch_id if leave else None)
    if leave.state not in before:
        raise Conflict("这次请假已经处理过了。", code="leave_decided")
    await _settle(leave, state, actor.branch_id, decided_by=actor.member_id)
    await audit.record(actor, action, subject="leave", subject_id=leave.id, fields=["state"])


async def _settle(leave: Leave, state: LeaveState, branch_id: int, *, decided_by: int | None) -> None:
    """Writes the new state, and recounts the days that are excused now, or no more."""
    counted = LeaveState.GRANTED in (leave.state, state)
    leave.state = state
    leave.decided_by_id = decided_by or leave.decided_by_id
    await leave.save(update_fields=["state", "decided_by_id"])
    if counted:
        await figures.recount_days(branch_id, leave.starts_on, leave.ends_on)


async def _shown(where: str, value: int) -> list[dict[str, Any]]:
    return [_item(row) for row in await fetch(_LEAVES.format(where=where), value)]


def _item(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "member": {"id": row["member_id"], "name": row["name"]},
        "starts_on": as_date(row["starts_on"]),
        "ends_on": as_date(row["ends_on"]),
        "reason": row["reason"],
        "note": row["note"],
        "state": row["state"],
        "created_at": clock.shanghai(as_instant(row["created_at"])).isoformat(timespec="seconds"),
        "decided_by": {"id": row["decider_id"], "name": row["decider_name"]} if row["decider_id"] else None,
    }
