"""What is swept away when its time is over: old idempotency keys, counted guesses and expired sessions. Once an hour, in each process."""

from __future__ import annotations

import asyncio

import structlog

from backend import checkins, guesses, sessions
from backend.kernel import clock, database

EVERY_S = 3600.0
log = structlog.get_logger()


async def sweep() -> None:
    """One round. Doing it twice, or in two processes at once, changes nothing."""
    now = clock.now()
    await checkins.forget_old_keys(now=now)
    await guesses.forget_old(now=now)
    await sessions.forget_old(now=now)


async def keep_house() -> None:
    """Sweeps for as long as the process lives; a database that is away is met again an hour later."""
    while True:
        try:
            await sweep()
        except database.AWAY as error:
            log.warning("sweep_put_off", kind=type(error).__name__)
        await asyncio.sleep(EVERY_S)
