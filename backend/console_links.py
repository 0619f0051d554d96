"""One-time links into the console: thirty minutes, used once, only the SHA-256 of the token is kept."""

from __future__ import annotations

from datetime import timedelta

from backend import console_entry
from backend.console_entry import Entry
from backend.kernel import audit, clock, refusals, security
from backend.kernel.access import Actor
from backend.kernel.database import fetch, transactional
from backend.kernel.errors import Conflict, Forbidden, NotFound, Unauthorised
from models.auth import ConsoleLink

LIFETIME = timedelta(minutes=30)

# Conditional, so that of two requests with one link only one gets the row.
_USE = """
UPDATE console_link SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING member_id
"""


@transactional
async def create(actor: Actor | None, *, member_id: int) -> str:
    """The token of a new link for a member with a role; audited as `console:link`.

    Whoever holds a link enters as that member, so a person gets one for himself alone (Forbidden); the command line (None) for anybody.
    Raises NotFound for no such member, Conflict `no_role` for one without a role or who has left.
    """
    if actor is not None and actor.member_id != member_id:
        raise Forbidden()
    who = await console_entry.candidate(member_id)
    if who is None:
        raise NotFound(f"没有编号为 {member_id} 的成员。" if actor is None else None)
    if not who[1]:
        raise Conflict("此人没有控制台的角色（书记、党建工作部、专委会主任或上级党委）。", code="no_role")
    token = security.new_token()
    await ConsoleLink.create(member_id=member_id, token_hash=security.token_hash(token), expires_at=clock.now() + LIFETIME)
    await audit.record(actor, "console:link", subject="member", subject_id=member_id, branch_id=who[0])
    return token


async def redeem(token: str, *, device: str = "") -> Entry:
    """Uses a link up: the session of the console, half where a second factor is needed.

    Raises Unauthorised `link_invalid` for an unknown, used or expired link, and where the member has meanwhile left or lost the last role.
    """
    with refusals.attempt("console"):
        return await _redeem(token, device)


@transactional
async def _redeem(token: str, device: str) -> Entry:
    used = await fetch(_USE, security.token_hash(token), clock.now())
    who = await console_entry.candidate(used[0]["member_id"]) if used else None
    if who is None or not who[1]:
        raise Unauthorised("此链接无效、已使用过或已过期，请重新获取。", code="link_invalid")
    return await console_entry.enter(used[0]["member_id"], device=device)
