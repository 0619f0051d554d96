"""Tells whoever does background work that there is some, through taskiq: over Redis, or within the process where there is no Redis.

A wake-up carries nothing and may be lost: the work stands in rows, and is looked for again and again without one (docs/decisions/0022).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

import structlog
from taskiq import InMemoryBroker
from taskiq.receiver import Receiver
from taskiq_redis import ListQueueBroker

from backend.kernel import endings
from backend.kernel.redis import RedisError
from backend.kernel.settings import Settings

KICK_S = 1.0
PAUSE_S = 5.0
CLOSE_S = 5.0
log = structlog.get_logger()


class Wakeups:
    """`work` is done in this process when it `listens`. Doing it twice at once must change nothing."""

    def __init__(self, settings: Settings, work: Callable[[], Awaitable[None]], *, listens: bool) -> None:
        self._listens = listens
        self._listening: asyncio.Task[None] | None = None
        self._under_way: asyncio.Task[None] | None = None
        self._over_redis = bool(settings.redis_url)
        # Two installations may share one Redis.
        place = hashlib.sha256(settings.database_url.encode()).hexdigest()[:12]
        self._broker = (
            ListQueueBroker(settings.redis_url, queue_name=f"daka:wake:{place}", socket_connect_timeout=KICK_S)
            if self._over_redis
            else InMemoryBroker()
        )

        # taskiq writes into the function that it is given; a method takes no such thing.
        async def woken() -> None:
            await work()

        self._task = self._broker.register_task(woken, task_name="work")

    def start(self) -> None:
        """Listens from now on, in a task of its own, where there is something to listen to."""
        global _current
        _current = self
        if self._listens and self._over_redis:
            self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        receiver = Receiver(self._broker, max_async_tasks=1, run_startup=False)
        while True:
            try:
                async for sent in self._broker.listen():
                    # taskiq swallows a cancellation that meets the work: so the work is a task of its own, and `close` waits for it.
                    self._under_way = asyncio.create_task(receiver.callback(sent))
                    await asyncio.shield(self._under_way)
            except (RedisError, OSError, TimeoutError) as error:
                log.info("wakeups_away", kind=type(error).__name__)
                await asyncio.sleep(PAUSE_S)

    async def wake(self) -> None:
        """Wakes whoever listens. Never raises for Redis's sake: the work is found without it, a little later."""
        if not (self._over_redis or self._listens):
            return
        try:
            async with asyncio.timeout(KICK_S):
                await self._task.kiq()
        except Exception as error:  # noqa: BLE001 — whatever the broker meets, the rows stand
            log.warning("wakeup_failed", kind=type(error).__name__)

    async def close(self) -> None:
        """Listens no more; work under way in this process has CLOSE_S to end."""
        global _current
        if _current is self:
            _current = None
        if self._listening is not None:
            await endings.end(self._listening)
        if isinstance(self._broker, InMemoryBroker):
            self._under_way = asyncio.create_task(self._broker.wait_all())
        if self._under_way is not None:
            _, unfinished = await asyncio.wait((self._under_way,), timeout=CLOSE_S)
            if unfinished:
                log.warning("wakeup_cut_off")
                self._under_way.cancel()
                await asyncio.gather(self._under_way, return_exceptions=True)
        await self._broker.shutdown()


_current: Wakeups | None = None


async def wake() -> None:
    """Wakes through this process's wake-ups; nothing before they have started, as in a command."""
    if _current is not None:
        await _current.wake()
