"""Who has shown in one way or another who he is enters the console: at once, or half, until the second factor is given."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from backend import second_factors, sessions
from backend.kernel import clock
from backend.kernel.access import Actor
from backend.kernel.database import fetch, transactional

_MEMBER = """
SELECT m.branch_id, m.left_on IS NOT NULL AND m.left_on <= $2 AS has_left,
  EXISTS (SELECT 1 FROM role_grant g WHERE g.member_id = m.id) AS has_role
FROM member m WHERE m.id = $1
"""


class Entry(NamedTuple):
    """`is_half`: the session opens nothing but the page that asks for the second factor."""

    token: str
    until: datetime
    is_half: bool


async def candidate(member_id: int) -> tuple[int, bool] | None:
    """(branch id, whether this member may enter: has a role and has not left); None for no such member."""
    rows = await fetch(_MEMBER, member_id, clock.today())
    return (rows[0]["branch_id"], bool(rows[0]["has_role"]) and not rows[0]["has_left"]) if rows else None


async def enter(member_id: int, *, device: str) -> Entry:
    """Opens a session in the console, half where a second factor is needed. Inside the caller's transaction."""
    is_half = await second_factors.is_needed(member_id)
    token, session = await sessions.open_session(member_id=member_id, account_id=None, kind="half" if is_half else "console", device=device)
    return Entry(token, session.expires_at, is_half)


async def complete(actor: Actor, *, code: str, address: str, device: str) -> Entry:
    """A whole session in place of the half one, for a right code. Raises what second_factors.check raises."""
    await second_factors.check(actor, code=code, address=address)
    return await whole(actor, device=device)


@transactional
async def whole(actor: Actor, *, device: str) -> Entry:
    """A whole session in place of the half one of somebody whose second factor has just been seen."""
    await sessions.end(actor.session_id)
    token, session = await sessions.open_session(member_id=actor.member_id, account_id=None, kind="console", device=device)
    return Entry(token, session.expires_at, False)
