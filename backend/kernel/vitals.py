"""Keeps the figures true that nobody's request moves: the event loop's lag, the pool, Redis, the process itself."""

from __future__ import annotations

import asyncio
import time

from backend.kernel import database, metrics
from backend.kernel.redis import RedisError, aioredis

LAG_EVERY_S = 0.5
LOOK_EVERY_S = 5.0
REDIS_S = 2.0


async def watch(redis: aioredis.Redis, *, lag_every_s: float = LAG_EVERY_S, look_every_s: float = LOOK_EVERY_S) -> None:
    """Runs until it is cancelled; the parts fail and go on apart from each other."""
    await asyncio.gather(_measure_lag(lag_every_s), _look(look_every_s), _ask(redis, look_every_s))


async def _measure_lag(every_s: float) -> None:
    """How late the loop wakes up is how long any request waited for its turn."""
    while True:
        due = time.perf_counter() + every_s
        await asyncio.sleep(every_s)
        metrics.loop_lag.observe(max(0.0, time.perf_counter() - due))


async def _look(every_s: float) -> None:
    while True:
        look()
        await asyncio.sleep(every_s)


def look() -> None:
    """This process's figures as of now; asks nobody."""
    metrics.look_at_process()
    use = database.pool_use()
    if use is None:
        metrics.pool_most.set(1)
        return
    busy, idle, most = use
    metrics.pool_connections.labels("in_use").set(busy)
    metrics.pool_connections.labels("idle").set(idle)
    metrics.pool_most.set(most)


async def _ask(redis: aioredis.Redis, every_s: float) -> None:
    while True:
        try:
            async with asyncio.timeout(REDIS_S):
                await redis.ping()
        except (RedisError, OSError, TimeoutError):
            metrics.redis_up.set(0)
        else:
            metrics.redis_up.set(1)
        await asyncio.sleep(every_s)
