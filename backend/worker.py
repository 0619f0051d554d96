"""The list of jobs, what wakes them, and the process that does nothing else: `daka worker`."""

from __future__ import annotations

import asyncio

import structlog

from backend import housekeeping, reminders_work
from backend.kernel import database, heartbeat, jobs, redis, schema
from backend.kernel.settings import Settings
from backend.kernel.wakeups import Wakeups
from backend.wechat.client import WeChat

POOL = 2
log = structlog.get_logger()


class Background:
    """All jobs of one process. The web processes do them too, unless they are started with --no-jobs: then they only wake who does.

    `start` in the loop that serves, once the database and `wechat` are open; `close` before they are closed.
    """

    def __init__(self, settings: Settings, wechat: WeChat, *, works: bool) -> None:
        self._sender = reminders_work.Sender(wechat)
        self.jobs: tuple[jobs.Job, ...] = (housekeeping.SWEEP, self._sender.job()) if works else ()
        self._wakeups = Wakeups(settings, self._sender.round, listens=works)

    async def run(self, stop: asyncio.Event) -> None:
        """Does the jobs until `stop`."""
        self._sender.ends_with(stop)
        self._wakeups.start()
        try:
            await jobs.keep_all(self.jobs, stop)
        finally:
            await self._wakeups.close()


async def work(settings: Settings, stop: asyncio.Event) -> None:
    """Does the jobs until `stop`. Raises SettingsError where it cannot work, OSError where DATA_DIR cannot be written."""
    await schema.refuse_unready(settings)
    heartbeat.beat(settings)
    await database.connect(settings, pool=POOL)
    shared = redis.connect(settings.redis_url)
    wechat = WeChat(settings, shared)
    await wechat.start()
    beating = asyncio.create_task(beat_on(settings))
    background = Background(settings, wechat, works=True)
    log.info("worker_started", jobs=[job.name for job in background.jobs])
    heartbeat.notify("READY=1")
    try:
        await background.run(stop)
    finally:
        beating.cancel()
        heartbeat.end(settings)
        await wechat.close()
        await shared.aclose()
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
