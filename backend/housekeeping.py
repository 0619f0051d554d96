"""What is due as time passes, once an hour: old idempotency keys, counted guesses, expired sessions, scans and audit entries are swept
away, days that are over become part of the figures of their periods, and the months to come get their partitions."""

from __future__ import annotations

from backend import audit_copy, audit_retention, checkins, console_scans, figures_periods, guesses, months, sessions
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
    await console_scans.forget_old(now=now)
    await months.keep(today=clock.today())
    await figures_periods.roll_up(today=clock.today())
    metrics.swept()


SWEEP = Job("sweep", every_s=3600, run=sweep)
