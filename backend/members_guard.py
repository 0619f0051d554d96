"""Which member an actor may change: the own branch's, not blanked, and one with a role by the secretary alone."""

from __future__ import annotations

from datetime import date

from backend import audiences
from backend.kernel.access import Actor, require, same_branch
from backend.kernel.errors import Conflict, Forbidden, NotFound
from models.members import Member, Role, RoleGrant


async def changeable(actor: Actor | None, member_id: int, capability: str) -> Member:
    """The member, read after the branch was locked. Actor None: the command line, for any branch.

    Raises Forbidden without `capability`, NotFound for another branch's, Conflict `member_left` for one whose row was blanked.
    """
    if actor is not None:
        require(actor, capability)
    known = await Member.get_or_none(id=member_id)
    if actor is not None:
        same_branch(actor, known.branch_id if known else None)
    if known is None:
        raise NotFound(f"没有编号为 {member_id} 的成员。" if actor is None else None)
    await audiences.lock(known.branch_id)
    member = await Member.get(id=member_id)
    if member.blanked_at is not None:
        raise member_left()
    return member


def member_left(detail: str = "该成员已退出，个人信息已清除，不能再修改。") -> Conflict:
    return Conflict(detail, code="member_left")


def has_left(member: Member, today: date) -> bool:
    return member.left_on is not None and member.left_on <= today


async def roles_of(member_id: int) -> set[str]:
    return {str(role.value) for role in await RoleGrant.filter(member_id=member_id).values_list("role", flat=True)}


async def refuse_privileged(actor: Actor | None, member: Member) -> None:
    """Raises Forbidden `secretary_only` when an editor would take over an identity that carries a role.

    Name, phone and binding decide who signs in as this member, so for a member with a role they are the secretary's.
    """
    if actor is None or actor.has("roles.write") or actor.member_id == member.id:
        return
    if await RoleGrant.exists(member_id=member.id):
        raise secretary_only()


async def refuse_moving_a_head(actor: Actor | None, member: Member) -> None:
    """Raises Forbidden `secretary_only` when an editor would move a unit head, own or another's: the unit is what the role reaches."""
    if actor is not None and not actor.has("roles.write") and await RoleGrant.exists(member_id=member.id, role=Role.UNIT_HEAD):
        raise secretary_only()


def secretary_only() -> Forbidden:
    return Forbidden("该成员担任管理职责，只有书记可以进行此操作。", code="secretary_only")


async def refuse_last_secretary(member: Member) -> None:
    """Raises Conflict `last_secretary` when without this member the branch would have no secretary who stays. The branch is locked."""
    secretaries = await Member.filter(branch_id=member.branch_id, grants__role=Role.SECRETARY)
    others_stay = any(other.left_on is None for other in secretaries if other.id != member.id)
    if not others_stay and any(other.id == member.id for other in secretaries):
        raise Conflict("支部至少要有一名书记，请先指定另一名书记。", code="last_secretary")
