"""Sessions: an opaque 256-bit token whose SHA-256 is a row.

Each process remembers one for at most 5 s, so an end reaches all processes within 5 s, with or without Redis.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from backend import consents
from backend.kernel import clock, security
from backend.kernel.access import Actor
from backend.kernel.batches import Batcher
from backend.kernel.database import as_instant, fetch, inside_transaction, table_of, transactional
from backend.kernel.errors import Unauthorised
from models.auth import Session

LIFETIME = timedelta(days=30)
CONSOLE_LIFETIME = timedelta(hours=12)
# A session of the console waiting for the second factor.
HALF_LIFETIME = timedelta(minutes=10)
LIFETIMES = {"mini": LIFETIME, "console": CONSOLE_LIFETIME, "half": HALF_LIFETIME}
# A desk that was left: the console shuts after this long without a page being opened.
IDLE = timedelta(hours=1)
# `seen_at` is for the owner's list of sessions: an hour is close enough. In the console it also decides the idle time.
SEEN_EVERY = {"mini": timedelta(hours=1), "console": timedelta(minutes=1), "half": timedelta(minutes=1)}
KEPT_AFTER_END = timedelta(days=30)
REMEMBERED_S = 5.0
REMEMBERED_MOST = 20_000

_remembered: dict[str, tuple[float, Actor]] = {}

_ACTOR = """
SELECT s.id, s.kind, s.account_id, s.expires_at, s.seen_at, m.id AS member_id, m.name, m.branch_id, b.path, st.unit_id, g.role,
  EXISTS (SELECT 1 FROM consent c WHERE c.member_id = m.id AND c.version = $1 AND c.withdrawn_at IS NULL) AS consented,
  m.left_on IS NOT NULL AND m.left_on <= $2 AS has_left, s.token_hash
FROM {wanted} w JOIN session s ON s.token_hash = w.token_hash
LEFT JOIN member m ON m.id = s.member_id
LEFT JOIN branch b ON b.id = m.branch_id
LEFT JOIN standing st ON st.member_id = m.id AND st.starts_on <= $2 AND (st.until IS NULL OR st.until > $2)
LEFT JOIN role_grant g ON g.member_id = m.id
WHERE s.ended_at IS NULL
"""


async def open_session(*, member_id: int | None, account_id: int | None, kind: str = "mini", device: str = "") -> tuple[str, Session]:
    """A new session and its token, which is not kept anywhere. It lasts 30 days, in the console 12 hours, half entered 10 minutes."""
    token, at = security.new_token(), clock.now()
    session = await Session.create(
        token_hash=security.token_hash(token),
        kind=kind,
        account_id=account_id,
        member_id=member_id,
        device=device[:100],
        created_at=at,
        seen_at=at,
        expires_at=at + LIFETIMES[kind],
    )
    return token, session


async def actor_of(token: str, *, kind: str = "mini", request_id: str = "", quiet: bool = False) -> Actor:
    """The actor behind a token of this kind. Raises Unauthorised for an unknown, ended or expired one, for one of the
    console that was idle for an hour (`idle`), and for a member who has left. `quiet`: a page asks by itself, which is no use of it."""
    key = security.token_hash(token)
    known = _remembered.get(key)
    if known is None or known[0] < time.monotonic():
        actor = await _look_up(key, quiet=quiet)
        if len(_remembered) >= REMEMBERED_MOST:
            _remembered.clear()
        known = (time.monotonic() + REMEMBERED_S, actor)
        # A consent given in one process must count in all at once: who has not consented yet is looked up each time.
        if actor.consented or actor.member_id is None:
            _remembered[key] = known
    if known[1].kind != kind:
        raise Unauthorised()
    return msgspec.structs.replace(known[1], request_id=request_id)


async def _look_up(token_hash: str, *, quiet: bool) -> Actor:
    if inside_transaction():
        rows = (await _rows_of([token_hash]))[0]
    else:
        rows = await _look_ups.submit(token_hash)
    if not rows or as_instant(rows[0]["expires_at"]) <= clock.now() or rows[0]["has_left"]:
        raise Unauthorised()
    first = rows[0]
    unseen = clock.now() - as_instant(first["seen_at"])
    if first["kind"] == "console" and unseen > IDLE:
        raise Unauthorised("您已超过 1 小时没有操作，为安全起见已自动退出，请重新进入。", code="idle")
    if unseen > SEEN_EVERY[first["kind"]] and not quiet:
        await fetch("UPDATE session SET seen_at = $2 WHERE id = $1", first["id"], clock.now())
    return Actor(
        session_id=first["id"],
        kind=first["kind"],
        account_id=first["account_id"],
        member_id=first["member_id"],
        name=first["name"] or "",
        branch_id=first["branch_id"] or 0,
        branch_path=first["path"] or "",
        unit_id=first["unit_id"],
        roles=frozenset(row["role"] for row in rows if row["role"]),
        consented=bool(first["consented"]),
    )


async def is_open(session_id: int) -> bool:
    """Whether this session of the console goes on; asking is no use of it."""
    now = clock.now()
    return await Session.exists(id=session_id, ended_at=None, expires_at__gt=now, seen_at__gt=now - IDLE)


async def _rows_of(token_hashes: Sequence[str]) -> list[list[dict[str, Any]]]:
    """For each token hash the session's row, once for each role of its member; none for an unknown or ended one. One query."""
    wanted, values = table_of({"token_hash": "text"}, [(token_hash,) for token_hash in set(token_hashes)], first=3)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in await fetch(_ACTOR.format(wanted=wanted), consents.CURRENT, clock.today(), *values):
        found.setdefault(row["token_hash"], []).append(row)
    return [found.get(token_hash, []) for token_hash in token_hashes]


_look_ups: Batcher[str, list[dict[str, Any]]] = Batcher(_rows_of)


def forget(**matching: Any) -> None:
    """Drops what this process remembers of sessions whose actor has these attributes; other processes follow within 5 s."""
    for key, (_, actor) in list(_remembered.items()):
        if all(getattr(actor, name) == value for name, value in matching.items()):
            _remembered.pop(key, None)


@transactional
async def end(session_id: int) -> None:
    """Ends one session; ending it again changes nothing."""
    await Session.filter(id=session_id, ended_at=None).update(ended_at=clock.now())
    forget(session_id=session_id)


@transactional
async def end_all(*, member_id: int | None = None, account_id: int | None = None) -> None:
    """Ends every session of a member or of a WeChat account."""
    chosen = {"member_id": member_id} if member_id is not None else {"account_id": account_id}
    await Session.filter(ended_at=None, **chosen).update(ended_at=clock.now())
    forget(**chosen)


@transactional
async def forget_old(*, now: datetime) -> None:
    """Removes sessions that expired more than 30 days ago."""
    await Session.filter(expires_at__lt=now - KEPT_AFTER_END).delete()
