"""AC-04: Redis is stopped for a minute under load, comes back empty, and is emptied once more: `make trust-04`.

Study goes on as before; sessions that were ended stay ended, and guesses stay counted, because both are kept in the database.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp
import asyncpg
from door import Door
from trust.ledger import percentile
from trust.machines import check
from trust.report import Run
from trust.world import World, between, world

from backend.guesses import PER_TARGET
from backend.kernel import clock, security
from backend.kernel.redis import aioredis
from bench import places

RATE = 40.0
REVOKED_AFTER_S = 5.0
SUCCESS, SLOWER, FAST_S = 0.999, 2.0, 0.1
GUESSES = 30


@dataclass
class Probes:
    """Somebody who tries ended sessions all the time, and somebody who guesses at one name in each phase."""

    base: str
    stranger: str
    ended: dict[str, float] = field(default_factory=dict)  # token -> when
    accepted: int = 0
    tried: int = 0
    judged: Counter[str] = field(default_factory=Counter)
    locked_out: int = 0

    async def end(self, token: str) -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
            door = Door(self.base, session)
            # So often that every process remembers it: the one that ends it is not the only one that must forget.
            for _ in range(24):
                assert (await door.get("/me/sessions", token)).status == 200
            assert (await door.post("/auth/logout", token)).status == 204
        self.ended[token] = time.monotonic()

    async def try_ended(self) -> None:
        """Until it is cancelled, over new connections, so that every process is asked."""
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
            door = Door(self.base, session)
            while True:
                for token, at in list(self.ended.items()):
                    status = (await door.get("/me/sessions", token)).status
                    if time.monotonic() - at > REVOKED_AFTER_S:
                        self.tried += 1
                        self.accepted += status != 401
                await asyncio.sleep(0.2)

    async def guess(self, phase: str) -> None:
        """So many wrong codes for one name at once: those that were judged and not turned away."""
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
            door = Door(self.base, session)
            bodies = [{"name": "查无此人", "invite_code": f"WRNG-{number:04d}"} for number in range(GUESSES)]
            replies = await asyncio.gather(*(door.post("/auth/bind", self.stranger, body) for body in bodies))
        assert all(400 <= reply.status < 500 for reply in replies), Counter(reply.status for reply in replies)
        self.judged[phase] = sum(reply.status != 429 for reply in replies)
        self.locked_out += sum(reply.status == 429 for reply in replies)


async def stranger_in(url: str, count: int) -> list[str]:
    """Tokens of somebody who is signed in so many times and on no roster."""
    tokens, now = [security.new_token() for _ in range(count)], clock.now()
    connection = await asyncpg.connect(url)
    try:
        account = await connection.fetchval("INSERT INTO account (openid, created_at) VALUES ('ostranger', $1) RETURNING id", now)
        await connection.executemany(
            "INSERT INTO session (token_hash, kind, account_id, device, created_at, seen_at, expires_at) "
            "VALUES ($1, 'mini', $2, '', $3, $3, $4)",
            [(security.token_hash(token), account, now, now + timedelta(days=1)) for token in tokens],
        )
    finally:
        await connection.close()
    return tokens


async def through(made: World, down_s: float, told: dict[str, Any]) -> None:
    """calm, away, back (empty), flushed: each phase with a session that ends in it and guesses; `told` takes the figures."""
    redis, load = made.redis, made.load
    assert redis is not None and made.postgres is not None
    guesser, *tokens = await stranger_in(made.postgres.url, 5)
    probes = Probes(made.service.base, guesser)
    trying = asyncio.create_task(probes.try_ended())
    trying.add_done_callback(lambda task: task.cancelled() or task.exception())
    marks: dict[str, tuple[float, float]] = {}

    async def phase(name: str, seconds: float) -> None:
        began = time.monotonic()
        await probes.end(tokens[len(marks)])
        await probes.guess(name)
        await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
        marks[name] = (began, time.monotonic())

    async def flush() -> None:
        client = aioredis.from_url(redis.url)
        await client.flushall()
        await client.aclose()

    await phase("calm", 30)
    await asyncio.to_thread(redis.stop)
    await phase("away", down_s)
    await asyncio.to_thread(redis.start)
    await phase("back", 20)
    await flush()
    await phase("flushed", 20)
    if trying.done():
        trying.result()
    trying.cancel()
    found = await made.settled()
    sent = {name: between(load.attempts, *mark) for name, mark in marks.items()}
    well = {name: sum(a.status in (200, 201) for a in some) / len(some) for name, some in sent.items()}
    p95 = {name: percentile(some, 0.95) for name, some in sent.items()}
    told |= {
        **found, "success": min(well.values()),
        "revoked_tried": probes.tried, "revoked_accepted": probes.accepted, "guesses_judged": probes.judged.total(),
        "locked_out": probes.locked_out,
        "slower": max(p95.values()) / p95["calm"], **{f"p95_{name}_s": value for name, value in p95.items()},
    }  # fmt: skip
    assert told["success"] >= SUCCESS, well
    assert probes.tried > 100 and probes.accepted == 0
    assert probes.judged.total() <= 2 * PER_TARGET and probes.judged["calm"] >= 1, probes.judged
    assert all(value <= max(SLOWER * p95["calm"], FAST_S) for value in p95.values()), p95


async def main() -> int:
    run = Run.of("AC-04", "Redis away", down_s=60.0)
    if run.has_left(["outage"]):
        size = places.Size(900, 3, 35, 30)
        async with world("postgres", size=size, rate=RATE, dice=run.dice("load"), force_close=True) as made:
            for name in run.left(["outage"]):
                with run.piece(name) as found:
                    await through(made, run.given.down_s, found)
                    await asyncio.to_thread(check, made.service)
    return run.conclude(
        acknowledged=sum, lost=sum, duplicates=sum, success=min, revoked_tried=sum, revoked_accepted=sum, guesses_judged=sum, slower=max
    )


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
