"""The real-name roster (实名制): who is on it, since when, in which unit, tier and status."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from tortoise.exceptions import IntegrityError

from backend import audiences, figures, members_listing, members_standing, sessions
from backend.kernel import audit, clock
from backend.kernel.access import Actor, require
from backend.kernel.database import transactional
from backend.kernel.errors import Invalid
from backend.members_binding import invite, shut_out, unbind
from backend.members_columns import own_columns, phone_taken, refuse_taken_phone, sealed_phone, tidy_name, tidy_text
from backend.members_guard import changeable, refuse_last_secretary, refuse_moving_a_head, refuse_privileged
from backend.members_listing import listing, one
from backend.members_roles import grant, revoke, set_roles
from models.branches import Unit
from models.members import Member, Role, Status, Tier

__all__ = [
    "Role", "Status", "Tier", "add", "change", "enrol", "grant", "invite", "listing", "one", "revoke", "set_roles", "unbind",
]  # fmt: skip

STANDING = {"unit": "unit_id", "tier": "tier", "status": "status"}


async def enrol(actor: Actor, **fields: Any) -> dict[str, Any]:
    """`add`, and the new member as in `listing`."""
    member_id = await add(actor, **fields)
    return await one(actor, member_id=member_id)


@transactional
async def add(
    actor: Actor | None,
    *,
    branch_id: int | None = None,
    name: str,
    phone: str | None = None,
    unit_id: int | None = None,
    tier: Tier = Tier.PEER,
    status: Status = Status.ASSOCIATE,
    joined_on: date | None = None,
    post: str = "",
    party_joined_on: date | None = None,
    note: str = "",
) -> int:
    """The id of a new member, active from `joined_on` (today, unless given) on and assigned the tasks of matching plans from that day.

    Raises Invalid, Conflict `phone_taken` or `plan_overlap`. Actor None: the command line, with `branch_id`.
    """
    if actor is not None:
        require(actor, "roster.write")
        branch_id = actor.branch_id
    await audiences.lock(branch_id)
    await _refuse_foreign_unit(branch_id, unit_id)
    joined_on = joined_on or clock.today()
    own = {"name": tidy_name(name), **sealed_phone(phone), "post": tidy_text("post", post), "note": tidy_text("note", note)}
    await refuse_taken_phone(branch_id, phone)
    try:
        member = await Member.create(
            branch_id=branch_id, joined_on=joined_on, party_joined_on=party_joined_on, created_at=clock.now(), **own
        )
    except IntegrityError:
        raise phone_taken() from None
    await members_standing.begin({member.id: {"unit_id": unit_id, "tier": tier, "status": status}})
    await settle(branch_id, [member.id], first=joined_on)
    await audit.record(actor, "member:create", subject="member", subject_id=member.id, branch_id=branch_id)
    return member.id


async def settle(branch_id: int, member_ids: list[int], *, first: date) -> None:
    """Audiences and figures after a change of these members that counts from the day `first` on. Raises Conflict `plan_overlap`."""
    await audiences.refresh(branch_id, member_ids=member_ids, first=first)
    await audiences.overlaps(branch_id, first=first)
    await figures.recount_days(branch_id, first)


async def change(actor: Actor | None, *, member_id: int, changes: Mapping[str, Any], effective_on: date | None = None) -> dict[str, Any]:
    """The member after `changes`: any of name, phone, post, note, party_joined_on, left_on, unit (an id or None), tier and status.

    Unit, tier and status change from `effective_on` (today, unless given) on; a day in the past is a correction, audited as
    `member:correct`. Raises NotFound, Invalid, Forbidden `secretary_only`, Conflict `member_left`, `phone_taken`, `last_secretary`
    or `plan_overlap`.
    """
    branch_id = await _change(actor, member_id, dict(changes), effective_on or clock.today())
    sessions.forget(member_id=member_id)
    return await members_listing.of_branch(branch_id, member_id)


@transactional
async def _change(actor: Actor | None, member_id: int, changes: dict[str, Any], effective_on: date) -> int:
    member = await changeable(actor, member_id, "roster.write")
    touched: list[date] = []
    standing = {STANDING[name]: changes.pop(name) for name in list(changes) if name in STANDING}
    await _refuse_foreign_unit(member.branch_id, standing.get("unit_id"))
    own = await own_columns(member, changes)
    before = {name: getattr(member, name) for name in own}
    changed = {name for name in own if before[name] != own[name]} - {"phone_sealed"}
    if changed & {"name", "phone_hash", "left_on"}:
        await refuse_privileged(actor, member)
    if "left_on" in changed:
        await _refuse_departure(member, own["left_on"])
        touched += [day for day in (before["left_on"], own["left_on"]) if day]
    if changed:
        await _save(member, own if "phone_hash" in changed else {name: own[name] for name in own if name != "phone_sealed"})
    if "left_on" in changed and member.left_on is not None and member.left_on <= clock.today():
        await shut_out(member.id)
    if "unit_id" in standing:
        await refuse_moving_a_head(actor, member)
    moved = (await members_standing.change({member.id: standing}, on=effective_on)).get(member.id, set()) if standing else set()
    touched += [effective_on] if moved else []
    if touched:
        await settle(member.branch_id, [member.id], first=min(touched))
    if changed or moved:
        action = "member:correct" if touched and min(touched) < clock.today() else "member:change"
        fields = {name.removesuffix("_hash").removesuffix("_id") for name in changed | moved}
        await audit.record(actor, action, subject="member", subject_id=member.id, branch_id=member.branch_id, fields=fields)
    return member.branch_id


async def _save(member: Member, columns: dict[str, Any]) -> None:
    try:
        await member.update_from_dict(columns).save(update_fields=list(columns))
    except IntegrityError:
        raise phone_taken() from None


async def _refuse_departure(member: Member, left_on: date | None) -> None:
    if left_on is None:
        return
    if left_on < member.joined_on:
        raise Invalid(errors=[{"field": "left_on", "message": f"不能早于加入日期 {member.joined_on}"}])
    await refuse_last_secretary(member)


async def _refuse_foreign_unit(branch_id: int, unit_id: int | None) -> None:
    if unit_id is not None and not await Unit.exists(id=unit_id, branch_id=branch_id):
        raise Invalid(errors=[{"field": "unit", "message": "没有这个专委会或党小组"}])
