"""The tie between a member and a WeChat account: invitation codes, and the secretary's unbinding."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from backend import sessions
from backend.kernel import audit, clock, security
from backend.kernel.access import Actor, require, same_branch
from backend.kernel.database import fetch, transactional
from backend.kernel.errors import Conflict, Forbidden, Invalid
from backend.members_guard import changeable, has_left, member_left, refuse_privileged
from models.auth import Account, ConsoleLink
from models.members import Invite, Member

INVITE_LASTS = timedelta(days=7)
MOST_INVITED = 100


@transactional
async def invite(actor: Actor | None, *, member_id: int) -> dict[str, Any]:
    """{"invite_code", "expires_at"}: a one-time code for 7 days that replaces the last one. Only its SHA-256 is kept.

    Raises NotFound, Forbidden `secretary_only`, Conflict `member_left`.
    """
    member = await changeable(actor, member_id, "roster.write")
    await refuse_privileged(actor, member)
    if has_left(member, clock.today()):
        raise member_left("该成员已离开支部，不能再邀请绑定。")
    code, expires_at = security.new_invite_code(), clock.now() + INVITE_LASTS
    await fetch(
        "INSERT INTO invite (member_id, code_hash, expires_at) VALUES ($1, $2, $3) "
        "ON CONFLICT (member_id) DO UPDATE SET code_hash = excluded.code_hash, expires_at = excluded.expires_at",
        member.id, security.token_hash(security.plain_code(code)), expires_at,
    )  # fmt: skip
    await audit.record(actor, "member:invite", subject="member", subject_id=member.id, branch_id=member.branch_id)
    return {"invite_code": code, "expires_at": clock.shanghai(expires_at).isoformat(timespec="seconds")}


@transactional
async def invite_several(actor: Actor, *, member_ids: Sequence[int]) -> dict[str, Any]:
    """{"invited": [{"id", "name", "invite_code", "expires_at"}], "passed_over": [{"id", "name", "reason"}]}, in the order given.

    Passed over is who is bound already, has left, or is the secretary's to invite. Raises Invalid for none or more than MOST_INVITED at
    once, NotFound.
    """
    require(actor, "roster.write")
    if not 1 <= len(set(member_ids)) <= MOST_INVITED:
        raise Invalid(errors=[{"field": "members", "message": f"请勾选 1 至 {MOST_INVITED} 名成员"}])
    invited, passed_over = [], []
    for member_id in dict.fromkeys(member_ids):
        member = await Member.get_or_none(id=member_id)
        same_branch(actor, member.branch_id if member else None)
        known = {"id": member.id, "name": member.name}
        if await Account.exists(member_id=member.id):
            passed_over.append({**known, "reason": "已绑定微信，不需要邀请"})
            continue
        try:
            invited.append({**known, **await invite(actor, member_id=member.id)})
        except (Conflict, Forbidden) as refused:
            passed_over.append({**known, "reason": refused.detail.rstrip("。")})
    return {"invited": invited, "passed_over": passed_over}


async def unbind(actor: Actor | None, *, member_id: int) -> None:
    """Takes the WeChat account off the member and ends every session; a member who is not bound stays so.

    Raises NotFound, Forbidden `secretary_only`, Conflict `member_left`.
    """
    await _unbind(actor, member_id)
    sessions.forget(member_id=member_id)


@transactional
async def _unbind(actor: Actor | None, member_id: int) -> None:
    member = await changeable(actor, member_id, "roster.write")
    await refuse_privileged(actor, member)
    account = await Account.get_or_none(member_id=member.id)
    await close_sessions(member.id)
    if account is not None:
        await Account.filter(id=account.id).update(member_id=None, bound_at=None)
        await sessions.end_all(account_id=account.id)
        await audit.record(actor, "member:unbind", subject="member", subject_id=member.id, branch_id=member.branch_id, fields=["account"])


async def close_sessions(member_id: int) -> None:
    """Ends the member's sessions and voids unused console links. Inside the caller's transaction."""
    await sessions.end_all(member_id=member_id)
    await ConsoleLink.filter(member_id=member_id, used_at=None).delete()


async def shut_out(member_id: int) -> None:
    """What leaving does at once: sessions, console links and a pending invitation end. Inside the caller's transaction."""
    await close_sessions(member_id)
    await Invite.filter(member_id=member_id).delete()
