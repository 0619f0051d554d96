"""The list of jobs, and the process that does nothing else: `daka worker`."""

from __future__ import annotations

import asyncio

import structlog

from backend import housekeeping
from backend.kernel import database, heartbeat, jobs, schema
from backend.kernel.settings import Settings

# All of them. The web processes do them too unless they are started with --no-jobs.
JOBS: tuple[jobs.Job, ...] = (housekeeping.SWEEP,)

POOL = 2
log = structlog.get_logger()


async def work(settings: Settings, stop: asyncio.Event) -> None:
    """Does the jobs until `stop`. Raises SettingsError where it cannot work, OSError where DATA_DIR cannot be written."""
    await schema.refuse_unready(settings)
    heartbeat.beat(settings)
    await database.connect(settings, pool=POOL)
    beating = asyncio.create_task(beat_on(settings))
    log.info("worker_started", jobs=[job.name for job in JOBS])
    heartbeat.notify("READY=1")
    try:
        await jobs.keep_all(JOBS, stop)
    finally:
        beating.cancel()
        heartbeat.end(settings)
        await database.close()
        log.info("worker_stopped")


async def beat_on(settings: Settings) -> None:
    """In the jobs' own loop: a job that blocks it silences the sign as well."""
    while True:
        await asyncio.sleep(heartbeat.EVERY_S)
        try:
            heartbeat.beat(settings)
        except OSError as error:
            log.error("heartbeat_failed", kind=type(error).__name__, exc_info=error)
