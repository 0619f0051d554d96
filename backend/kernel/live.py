"""Tells the pages that are open that something has moved in a branch: within this process at once, to the other processes through Redis.

What is told may be lost (Redis is away, a process is busy): whoever listens looks again now and then by itself, and is told so by
`Listener.is_blind`. Nothing waits for a listener, and a burst is told as one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import structlog

from backend.kernel import endings
from backend.kernel.errors import Unavailable
from backend.kernel.redis import RedisError, aioredis

CHANNEL = "daka:live"
MOST_LISTENERS = 200
TRY_AGAIN_S = 2.0
LOOK_S = 5.0
log = structlog.get_logger()


class Listener:
    """One open page of a branch."""

    def __init__(self, hub: Hub) -> None:
        self._hub, self.moved = hub, asyncio.Event()

    async def wait(self, seconds: float) -> bool:
        """True when something moved since the last call, False after `seconds` without."""
        try:
            async with asyncio.timeout(seconds):
                await self.moved.wait()
        except TimeoutError:
            return False
        self.moved.clear()
        return True

    @property
    def is_over(self) -> bool:
        """The process stops."""
        return self._hub.is_closed

    @property
    def is_blind(self) -> bool:
        """Other processes cannot be heard just now."""
        return self._hub.is_blind


class Hub:
    """One for each process. `start` where the service begins, `close` before it waits for its requests to end."""

    def __init__(self) -> None:
        self._listeners: dict[int, set[Listener]] = {}
        self._told: set[int] = set()
        self._to_tell = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.is_closed = self.is_blind = False

    def start(self, redis: aioredis.Redis, *, shared: bool) -> None:
        """`shared`: there are other processes behind this Redis."""
        self.is_closed = False
        self.is_blind = shared
        self._tasks = [asyncio.create_task(each) for each in ((self._tell(redis), self._hear(redis)) if shared else ())]

    async def close(self) -> None:
        self.is_closed = True
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.moved.set()
        await endings.end(*self._tasks)
        self._tasks = []

    def moved(self, branch_id: int) -> None:
        """Something that this branch's figures count has been committed. Returns at once."""
        self._wake([branch_id])
        if self._tasks:
            self._told.add(branch_id)
            self._to_tell.set()

    @contextmanager
    def listening(self, branch_id: int) -> Iterator[Listener]:
        """Raises Unavailable when too many listen already, and while the process stops."""
        if self.is_closed or sum(map(len, self._listeners.values())) >= MOST_LISTENERS:
            raise Unavailable("实时更新暂时不可用。", code="too_many_listeners", retry_after=30)
        listener = Listener(self)
        self._listeners.setdefault(branch_id, set()).add(listener)
        try:
            yield listener
        finally:
            self._listeners[branch_id].discard(listener)
            if not self._listeners[branch_id]:
                del self._listeners[branch_id]

    def _wake(self, branch_ids: Iterable[int]) -> None:
        for branch_id in branch_ids:
            for listener in self._listeners.get(branch_id, ()):
                listener.moved.set()

    async def _tell(self, redis: aioredis.Redis) -> None:
        while True:
            await self._to_tell.wait()
            self._to_tell.clear()
            told, self._told = sorted(self._told), set()
            try:
                await redis.publish(CHANNEL, json.dumps(told))
            except (RedisError, OSError, TimeoutError):
                # The others look again by themselves; telling them late would tell them nothing new.
                log.debug("live_untold", branches=len(told))

    async def _hear(self, redis: aioredis.Redis) -> None:
        while True:
            try:
                async with redis.pubsub() as channel:
                    await channel.subscribe(CHANNEL)
                    self.is_blind = False
                    while True:
                        message = await channel.get_message(ignore_subscribe_messages=True, timeout=LOOK_S)
                        if message is not None:
                            self._wake(json.loads(message["data"]))
            except (RedisError, OSError, TimeoutError, ValueError):
                self.is_blind = True
                await asyncio.sleep(TRY_AGAIN_S)


hub = Hub()
