"""Sign-in by WeChat, and a person's own sessions. A session without a member is a WeChat account that is on no roster yet."""

from __future__ import annotations

from datetime import date
from typing import Any

from backend import sessions
from backend.kernel import clock, refusals
from backend.kernel.access import Actor
from backend.kernel.database import as_date, as_instant, fetch, transactional
from backend.kernel.errors import NotFound
from backend.wechat.client import WeChat
from models.auth import Session

# What a device is called in the list of one's own sessions; nothing else of User-Agent is kept.
DEVICES = (
    ("iPad", "iPad"),
    ("iPhone", "iPhone"),
    ("HarmonyOS", "鸿蒙手机"),
    ("OpenHarmony", "鸿蒙手机"),
    ("Android", "安卓手机"),
    ("Windows", "Windows 电脑"),
    ("Macintosh", "Mac 电脑"),
)


# --- sign-in ----------------------------------------------------------------------------------------------------------


async def sign_in(wechat: WeChat, *, code: str, user_agent: str = "") -> dict[str, Any]:
    """{"token", "expires_at", "member"} for a wx.login code; member is null for who is on no roster (yet, or any more).

    Raises Unauthorised `login_again` for a bad, old or used code, Forbidden `wechat_user_blocked`, TooMany, Unavailable.
    """
    with refusals.attempt("wechat"):
        openid = await wechat.code_to_openid(code)
        token, session = await _open(openid, device_in(user_agent))
    return await signed_in(token, session)


@transactional
async def _open(openid: str, device: str) -> tuple[str, Session]:
    # The update that changes nothing holds the row, so that an unbinding comes before this session or ends it.
    rows = await fetch(
        "INSERT INTO account (openid, created_at) VALUES ($1, $2) "
        "ON CONFLICT (openid) DO UPDATE SET openid = excluded.openid RETURNING id, member_id",
        openid, clock.now(),
    )  # fmt: skip
    member_id = rows[0]["member_id"] if await is_active(rows[0]["member_id"]) else None
    return await sessions.open_session(member_id=member_id, account_id=rows[0]["id"], device=device)


async def is_active(member_id: int | None) -> bool:
    """Whether there is such a member who has not left: an account tied to one who has is free for another binding."""
    rows = await fetch("SELECT left_on FROM member WHERE id = $1", member_id) if member_id is not None else []
    return bool(rows) and (rows[0]["left_on"] is None or as_date(rows[0]["left_on"]) > clock.today())


async def signed_in(token: str, session: Session) -> dict[str, Any]:
    """What a new session is answered with: {"token", "expires_at", "member": the member as in `me`, or None}."""
    member = await _member(session.member_id, clock.today()) if session.member_id is not None else None
    return {"token": token, "expires_at": _shown(session.expires_at), "member": member}


def device_in(user_agent: str) -> str:
    """The kind of device behind a User-Agent, in Chinese."""
    return next((name for mark, name in DEVICES if mark in user_agent), "其他设备")


# --- oneself ----------------------------------------------------------------------------------------------------------


async def me(actor: Actor) -> dict[str, Any]:
    """The caller: {"id", "name", "branch", "unit", "tier", "roles"} as of today."""
    return await _member(actor.member_id, clock.today())


async def _member(member_id: int, today: date) -> dict[str, Any]:
    rows = await fetch(
        "SELECT m.id, m.name, b.id AS branch_id, b.name AS branch, u.id AS unit_id, u.name AS unit, s.tier, g.role FROM member m "
        "JOIN branch b ON b.id = m.branch_id "
        "JOIN standing s ON s.member_id = m.id AND s.starts_on <= $2 AND (s.until IS NULL OR s.until > $2) "
        "LEFT JOIN unit u ON u.id = s.unit_id LEFT JOIN role_grant g ON g.member_id = m.id WHERE m.id = $1 ORDER BY g.role",
        member_id, today,
    )  # fmt: skip
    first = rows[0]
    return {
        "id": first["id"],
        "name": first["name"],
        "branch": {"id": first["branch_id"], "name": first["branch"]},
        "unit": {"id": first["unit_id"], "name": first["unit"]} if first["unit_id"] is not None else None,
        "tier": first["tier"],
        "roles": [row["role"] for row in rows if row["role"]],
    }


async def own_sessions(actor: Actor, *, after: int, limit: int) -> list[dict[str, Any]]:
    """The caller's live sessions with an id above `after`: the member's, or before binding the WeChat account's. At most limit + 1."""
    column, owner = _owner(actor)
    rows = await fetch(
        f"SELECT id, kind, device, created_at, seen_at FROM session WHERE {column} = $1 AND ended_at IS NULL AND expires_at > $2 "  # noqa: S608
        "AND id > $3 ORDER BY id LIMIT $4",
        owner, clock.now(), after, limit + 1,
    )  # fmt: skip
    return [
        {**row, "created_at": _shown(row["created_at"]), "seen_at": _shown(row["seen_at"]), "current": row["id"] == actor.session_id}
        for row in rows
    ]


async def sign_out(actor: Actor) -> None:
    """Ends the session that was used to call: at once in this process, within 5 s in every other."""
    await sessions.end(actor.session_id)
    sessions.forget(session_id=actor.session_id)


async def end_session(actor: Actor, *, session_id: int) -> None:
    """Ends one of the caller's own sessions. Raises NotFound for a missing, ended or foreign one."""
    column, owner = _owner(actor)
    if not await Session.exists(id=session_id, ended_at=None, **{column: owner}):
        raise NotFound()
    await sessions.end(session_id)
    sessions.forget(session_id=session_id)


async def end_other_sessions(actor: Actor) -> None:
    """Ends every session of the caller but the one in use."""
    column, owner = _owner(actor)
    for session_id in await _end_others(column, owner, actor.session_id):
        sessions.forget(session_id=session_id)


@transactional
async def _end_others(column: str, owner: int, session_id: int) -> list[int]:
    rows = await fetch(
        f"UPDATE session SET ended_at = $1 WHERE {column} = $2 AND id <> $3 AND ended_at IS NULL RETURNING id",  # noqa: S608
        clock.now(), owner, session_id,
    )  # fmt: skip
    return [row["id"] for row in rows]


def _owner(actor: Actor) -> tuple[str, int]:
    """The column of `session` by which the caller's own sessions are found, and its value."""
    return ("member_id", actor.member_id) if actor.member_id is not None else ("account_id", actor.account_id)


def _shown(instant: Any) -> str:
    return clock.shanghai(as_instant(instant)).isoformat(timespec="seconds")
