"""What is swept away when its time is over: old idempotency keys, counted guesses and expired sessions. Once an hour, in each process."""

from __future__ import annotations

import asyncio

import structlog

from backend import checkins, guesses, sessions
from backend.kernel import clock, metrics

EVERY_S = 3600.0
log = structlog.get_logger()


async def sweep() -> None:
    """One round. Doing it twice, or in two processes at once, changes nothing."""
    now = clock.now()
    await checkins.forget_old_keys(now=now)
    await guesses.forget_old(now=now)
    await sessions.forget_old(now=now)
    metrics.swept()


async def keep_house() -> None:
    """Sweeps for as long as the process lives; what fails is logged and tried again an hour later."""
    while True:
        try:
            await sweep()
        except Exception as error:  # noqa: BLE001 — whatever one round meets, the next one is due all the same
            log.error("sweep_failed", kind=type(error).__name__, exc_info=error)
        await asyncio.sleep(EVERY_S)
