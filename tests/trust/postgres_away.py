"""AC-03: PostgreSQL is stopped and started again ten times under load, and once refuses every connection: `make trust-03`.

While it is away each request is answered 503 with Retry-After within three seconds, the work under way stays bounded; afterwards the
service goes on by itself, in the same processes.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from contextlib import suppress
from typing import Any

import asyncpg
from trust.ledger import CROWD
from trust.machines import check
from trust.report import Run
from trust.world import Watch, World, between, world

from bench import places

RATE = 50.0
LONGEST_S, BACK_S = 3.0, 10.0
# Whoever was refused sends again: the generator has at most so many under way.
IN_FLIGHT = CROWD
SERVER = {"max_connections": "40"}
TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'crowd'
"""


async def stopped(made: World, mode: str, down_s: float) -> float:
    """Returns the last moment at which it was away for certain."""
    assert made.postgres is not None
    await asyncio.to_thread(made.postgres.stop, mode)
    await asyncio.sleep(down_s)
    away_until = time.monotonic() - LONGEST_S / 2
    await asyncio.to_thread(made.postgres.start)
    return away_until


async def crowded_out(made: World, down_s: float) -> float:
    """Others take every connection that PostgreSQL has, and the service's own are ended."""
    assert made.postgres is not None
    taken: list[asyncpg.Connection] = []
    try:
        ended_at = time.monotonic() + down_s
        while time.monotonic() < ended_at:
            with suppress(asyncpg.TooManyConnectionsError, asyncpg.PostgresConnectionError):
                taken.append(await asyncpg.connect(made.postgres.url, server_settings={"application_name": "crowd"}))
                continue
            await taken[0].execute(TERMINATE)
            await asyncio.sleep(0.02)
        return time.monotonic() - LONGEST_S
    finally:
        await asyncio.gather(*(connection.close() for connection in taken))


async def outage(made: World, kind: str, down_s: float, told: dict[str, Any]) -> None:
    """One outage under load; `told` takes what it cost."""
    load, pids = made.load, made.service.workers()
    load.go_on()
    await asyncio.sleep(2)
    files_before = made.service.open_files()
    async with Watch(made.service) as watch:
        began = time.monotonic()
        away_until = await (crowded_out(made, down_s) if kind == "connections" else stopped(made, kind, down_s))
        accepts = time.monotonic()
        while not any(a.status in (200, 201) for a in between(load.attempts, accepts, time.monotonic())):
            assert time.monotonic() - accepts < 60, "no success within 60 s"
            await asyncio.sleep(0.01)
        back_s = time.monotonic() - accepts
        await asyncio.sleep(2)
    # What began while PostgreSQL was certainly away; the crowd needs a moment to take every place.
    away = between(load.attempts, began + (2 if kind == "connections" else 0.5), away_until)
    refused = [a for a in between(load.attempts, began, time.monotonic()) if a.status == 503]
    found = await made.settled()
    # Connections of the load that the last seconds opened are closed by now.
    files_after = made.service.open_files()
    told |= {
        "kind": kind, "down_s": accepts - began, **found, "refused": len(refused),
        "longest_503_s": max((a.seconds for a in refused), default=0.0), "back_s": back_s,
        "in_flight": max(watch.in_flight), "files": f"{files_before}/{max(watch.files)}/{files_after}",
        "cut_off": sum(a.status == 0 for a in between(load.attempts, began, time.monotonic())),
    }  # fmt: skip
    statuses = Counter(a.status for a in away)
    # The service and the crowd race for each place that is free for a moment: it may win one.
    may = {200, 201, 503} if kind == "connections" else {503}
    assert statuses.keys() <= may and statuses[503] > len(away) / 2, statuses
    assert all(a.retry_after for a in refused), "503 without Retry-After"
    assert told["longest_503_s"] <= LONGEST_S and told["cut_off"] == 0
    assert told["in_flight"] <= IN_FLIGHT and max(watch.files) <= files_before + IN_FLIGHT and files_after <= files_before + RATE
    assert back_s <= BACK_S and made.service.workers() == pids


async def main() -> int:
    run = Run.of("AC-03", "PostgreSQL away", rounds=10, down_from=5.0, down_to=20.0)
    names = [f"{number:02d}-{('immediate', 'fast')[number % 2]}" for number in range(run.given.rounds)] + ["crowd-connections"]
    if run.has_left(names):
        size = places.Size(900, 3, 35, 30)
        async with world("postgres", size=size, rate=RATE, dice=run.dice("load"), server=SERVER, force_close=True) as made:
            for name in run.left(names):
                with run.piece(name) as found:
                    down_s = run.dice(name).uniform(run.given.down_from, run.given.down_to)
                    await outage(made, name.partition("-")[2], down_s, found)
                    await asyncio.to_thread(check, made.service)
    return run.conclude(lost=sum, duplicates=sum, refused=sum, longest_503_s=max, back_s=max, in_flight=max)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
