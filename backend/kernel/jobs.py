"""What is done again and again beside the requests: each job in a loop of its own, until it is told to stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

log = structlog.get_logger()

# How long a round under way may go on once the process is told to stop.
GRACE_S = 10.0


@dataclass(frozen=True, slots=True)
class Job:
    """`run` is one round. Doing it twice, or in two processes at once, must change nothing; it may be cut off at any await.

    `quiet`: a round that did its work says nothing, because it comes again at once.
    """

    name: str
    every_s: float
    run: Callable[[], Awaitable[None]]
    deadline_s: float = 600.0
    quiet: bool = False


async def keep_all(jobs: Sequence[Job], stop: asyncio.Event) -> None:
    """Does every job's first round at once and the next ones on time, until `stop`; what fails is logged and due again all the same.

    After `stop` a round under way has GRACE_S to end; then it is cut off.
    """
    loops = [asyncio.create_task(_keep(job, stop)) for job in jobs]
    try:
        await stop.wait()
        if loops:
            await asyncio.wait(loops, timeout=GRACE_S)
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)


async def _keep(job: Job, stop: asyncio.Event) -> None:
    # Every line that the job writes says so; each loop is a task, with a context of its own.
    structlog.contextvars.bind_contextvars(job=job.name)
    while not stop.is_set():
        began = time.monotonic()
        try:
            async with asyncio.timeout(job.deadline_s):
                await job.run()
            if not job.quiet:
                log.info("job_done", job=job.name, ms=round((time.monotonic() - began) * 1000, 1))
        except asyncio.CancelledError:
            log.warning("job_cut_off", job=job.name)
            raise
        except Exception as error:  # noqa: BLE001 — whatever one round meets, the next one is due all the same
            log.error("job_failed", job=job.name, kind=type(error).__name__, exc_info=error)
        try:
            await asyncio.wait_for(stop.wait(), timeout=job.every_s)
        except TimeoutError:
            continue
