"""What is swept away, and what stays."""

from __future__ import annotations

from datetime import timedelta

from door import Door
from people import Cast

from backend import housekeeping, sessions
from backend.kernel import clock
from backend.kernel.database import fetch
from models.auth import Session
from models.checkins import IdempotencyKey


async def test_old_keys_and_long_expired_sessions_go_and_the_rest_stays(door: Door, cast: Cast):
    now = clock.now()
    for name, age in (("old", 8), ("young", 6)):
        await IdempotencyKey.create(member_id=cast.alice.id, key=name, request_hash="x", created_at=now - timedelta(days=age))
    _, expired = await sessions.open_session(member_id=cast.alice.id, account_id=None)
    await Session.filter(id=expired.id).update(expires_at=now - timedelta(days=31))
    await housekeeping.sweep()
    keys = await fetch("SELECT key FROM idempotency_key WHERE member_id = $1", cast.alice.id)
    assert [row["key"] for row in keys] == ["young"]
    assert not await Session.exists(id=expired.id)
    assert (await door.get("/me", cast.alice)).status == 200


async def test_a_session_seen_again_after_an_hour_says_so(door: Door, cast: Cast):
    long_ago = clock.now() - timedelta(hours=2)
    await Session.filter(member_id=cast.bob.id).update(seen_at=long_ago)
    assert (await door.get("/me", cast.bob)).status == 200
    session = await Session.get(member_id=cast.bob.id)
    assert session.seen_at > long_ago + timedelta(hours=1)
