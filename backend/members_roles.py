"""Roles: changed by the secretary or the command line alone, never one's own; a branch keeps its last secretary."""

from __future__ import annotations

from collections.abc import Iterable

from backend import sessions
from backend.kernel import audit, clock
from backend.kernel.access import Actor
from backend.kernel.database import transactional
from backend.kernel.errors import Conflict
from backend.members_guard import changeable, has_left, member_left, refuse_last_secretary, roles_of
from models.members import Invite, Role, RoleGrant


async def set_roles(actor: Actor | None, *, member_id: int, roles: Iterable[Role]) -> list[str]:
    """Gives the member exactly these roles, and returns them sorted. Every process acts on them within 5 s.

    Raises Forbidden, NotFound, Conflict `own_roles`, `last_secretary` or `member_left`.
    """
    return await _change(actor, member_id, set(roles), keep=False, drop=frozenset())


async def grant(actor: Actor | None, *, member_id: int, role: Role) -> list[str]:
    """Adds one role; the roles the member then has, sorted. Raises as `set_roles`."""
    return await _change(actor, member_id, {Role(role)}, keep=True, drop=frozenset())


async def revoke(actor: Actor | None, *, member_id: int, role: Role) -> list[str]:
    """Takes one role away; the roles the member then has, sorted. Raises as `set_roles`."""
    return await _change(actor, member_id, set(), keep=True, drop=frozenset({Role(role)}))


async def _change(actor: Actor | None, member_id: int, roles: set[Role], *, keep: bool, drop: frozenset[Role]) -> list[str]:
    after = await _write(actor, member_id, roles, keep, drop)
    # After the commit: whatever was remembered during the transaction still had the old roles.
    sessions.forget(member_id=member_id)
    return after


@transactional
async def _write(actor: Actor | None, member_id: int, roles: set[Role], keep: bool, drop: frozenset[Role]) -> list[str]:
    member = await changeable(actor, member_id, "roles.write")
    if actor is not None and actor.member_id == member.id:
        raise Conflict("不能修改自己的职责，请由另一名书记操作。", code="own_roles")
    before = await roles_of(member.id)
    after = {role.value for role in roles} | (before - {role.value for role in drop} if keep else set())
    if after - before and has_left(member, clock.today()):
        raise member_left("该成员已离开支部，不能再担任职责。")
    if Role.SECRETARY.value in before - after:
        await refuse_last_secretary(member)
    if before != after:
        await RoleGrant.filter(member_id=member.id, role__in=list(before - after)).delete()
        if after - before:
            # A code that was handed out before the role could carry it to whoever holds it: a new one is the secretary's to give.
            await Invite.filter(member_id=member.id).delete()
        await RoleGrant.bulk_create([RoleGrant(member_id=member.id, role=Role(role)) for role in sorted(after - before)])
        await audit.record(
            actor,
            "member:roles",
            subject="member",
            subject_id=member.id,
            branch_id=member.branch_id,
            fields=[f"+{role}" for role in after - before] + [f"-{role}" for role in before - after],
        )
    return sorted(after)
