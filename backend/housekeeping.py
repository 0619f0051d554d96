"""What is swept away when its time is over: old idempotency keys, counted guesses, expired sessions and audit entries. Once an hour."""

from __future__ import annotations

from backend import audit_copy, audit_retention, checkins, guesses, sessions
from backend.kernel import clock, metrics
from backend.kernel.jobs import Job


async def sweep() -> None:
    """One round. Doing it twice, or in two processes at once, changes nothing."""
    now = clock.now()
    await checkins.forget_old_keys(now=now)
    await guesses.forget_old(now=now)
    await sessions.forget_old(now=now)
    await audit_retention.expire(now=now)
    await audit_copy.keep()
    metrics.swept()


SWEEP = Job("sweep", every_s=3600, run=sweep)
