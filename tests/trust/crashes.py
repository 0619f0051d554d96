"""AC-01: kill -9 of a worker, and of the whole group, while members check in: `make trust-01`.

A round: load, a kill after one to three seconds, a second more of load once all serve again, and the books. What was cut off is sent
again by its phone, so that afterwards every request sent is acknowledged. On SQLite one process serves: a kill is always of all.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import Counter
from typing import Any

from trust.machines import check
from trust.report import Run
from trust.world import World, world
from waiting import until

from bench import places

DATABASES = ("postgres", "sqlite")
RATE, SPIKE, SPIKE_S = 40.0, 300.0, 0.5  # check-ins a second; when the kill comes everybody is at it


async def crash(made: World, victim: str, dice: random.Random) -> dict[str, Any]:
    """One round; the figures of it."""
    before, made.load.cut_off = len(made.load.ledger.acknowledged), Counter()
    made.load.go_on()
    await asyncio.sleep(dice.uniform(1, 3) - SPIKE_S)
    made.load.rate = SPIKE
    await asyncio.sleep(dice.uniform(0.2, 1) * SPIKE_S)
    began = time.monotonic()
    if victim == "group":
        made.service.kill_all()
        made.load.rate = RATE
        await made.service.start()
    else:
        killed = set(made.service.workers())
        made.service.kill_one(dice)
        await until(lambda: set(made.service.workers()) != killed)
        await until(made.service.is_ready)
    made.load.rate = RATE
    ready_s = time.monotonic() - began
    await until(made.service.is_whole, seconds=60)
    whole_s = time.monotonic() - began
    await asyncio.sleep(1)
    found = await made.settled()
    return {
        "victim": victim,
        **found,
        "new": found["acknowledged"] - before,
        "cut_off": made.load.cut_off.total(),
        "ready_s": ready_s,
        "whole_s": whole_s,
    }


async def main() -> int:
    run = Run.of("AC-01", "kill -9 under load", rounds=50, members=900, branches=3, ready_s=10.0)
    size = places.Size(run.given.members, run.given.branches, 35, 30)
    for database in DATABASES:
        names = [f"{database}-{number:02d}" for number in range(run.given.rounds)]
        if not run.has_left(names):
            continue
        async with world(database, size=size, rate=RATE, dice=run.dice(f"load of {database}")) as made:
            for name in run.left(names):
                with run.piece(name) as found:
                    victim = "group" if database == "sqlite" or int(name[-2:]) % 2 else "worker"
                    found |= await crash(made, victim, run.dice(name))
                    assert found["ready_s"] <= run.given.ready_s and found["new"] > 0
                    await asyncio.to_thread(check, made.service)
    return run.conclude(new=sum, cut_off=sum, lost=sum, duplicates=sum, orphans=sum, ready_s=max)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
