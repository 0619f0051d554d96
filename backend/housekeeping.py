"""What is swept away when its time is over: old idempotency keys, counted guesses, expired sessions and scans. Once an hour."""

from __future__ import annotations

from backend import checkins, console_scans, guesses, sessions
from backend.kernel import clock, metrics
from backend.kernel.jobs import Job


async def sweep() -> None:
    """One round. Doing it twice, or in two processes at once, changes nothing."""
    now = clock.now()
    await checkins.forget_old_keys(now=now)
    await guesses.forget_old(now=now)
    await sessions.forget_old(now=now)
    await console_scans.forget_old(now=now)
    metrics.swept()


SWEEP = Job("sweep", every_s=3600, run=sweep)
