"""Work done together: while one batch is under way, what arrives meanwhile waits and becomes the next. No timer: alone, nobody waits.

For writes this is group commit: every caller is answered after its batch is committed. The queue is bounded; a batch that fails is
split until the bad item fails alone.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from backend.kernel.database import AWAY
from backend.kernel.errors import DakaError, Unavailable

T = TypeVar("T")
R = TypeVar("R")

MOST = 500
WAITING_MOST = 4_000


@dataclass(slots=True)
class _Waiting(Generic[T, R]):
    item: T
    group: Hashable
    answered: asyncio.Future[R]


class Batcher(Generic[T, R]):
    """`settle` takes a list of items and returns, in order, an outcome or a DakaError for each; what it writes is committed by then.

    `group` of an item: a batch takes several of one group only where `together` says that the second belongs with the first.
    `observe` is told of each batch: how many are in it, how many wait behind it.
    """

    def __init__(
        self,
        settle: Callable[[Sequence[T]], Awaitable[list[R | DakaError]]],
        *,
        group: Callable[[T], Hashable] = lambda item: None,
        together: Callable[[T, T], bool] = lambda first, other: True,
        observe: Callable[[int, int], None] = lambda size, waiting: None,
    ) -> None:
        self._settle = settle
        self._group = group
        self._together = together
        self._observe = observe
        self._waiting: deque[_Waiting[T, R]] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        """The outcome of `item` once it is committed. Raises its DakaError, Unavailable when too many wait, or what `settle` raised.

        A caller that is cancelled leaves its item in the queue: it is written all the same.
        """
        if len(self._waiting) >= WAITING_MOST:
            raise Unavailable("现在使用的人很多，请稍后再试。", retry_after=1)
        waiting = _Waiting(item, self._group(item), asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._writer is None or self._writer.done():
            # An empty context: the writer must not carry this caller's request along.
            self._writer = asyncio.create_task(self._write_all(), context=contextvars.Context())
        return await waiting.answered

    async def drain(self) -> None:
        """Returns when nothing waits any more."""
        while self._writer is not None and not self._writer.done():
            await asyncio.wait([self._writer])

    async def _write_all(self) -> None:
        while self._waiting:
            batch = self._next()
            self._observe(len(batch), len(self._waiting))
            await self._write(batch)

    def _next(self) -> list[_Waiting[T, R]]:
        """The oldest items, at most MOST; what must not share a batch with one of them keeps its place in the queue."""
        batch: list[_Waiting[T, R]] = []
        first_of: dict[Hashable, T] = {}
        kept: deque[_Waiting[T, R]] = deque()
        while self._waiting and len(batch) < MOST:
            waiting = self._waiting.popleft()
            if self._together(first_of.setdefault(waiting.group, waiting.item), waiting.item):
                batch.append(waiting)
            else:
                kept.append(waiting)
        self._waiting.extendleft(reversed(kept))
        return batch

    async def _write(self, batch: Sequence[_Waiting[T, R]]) -> None:
        try:
            outcomes = await self._settle([waiting.item for waiting in batch])
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, AWAY):
                middle = len(batch) // 2
                await self._write(batch[:middle])
                await self._write(batch[middle:])
                return
            outcomes = [error] * len(batch)
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if waiting.answered.done():
                # The caller has gone. What nobody expected is told all the same.
                if isinstance(outcome, Exception) and not isinstance(outcome, DakaError):
                    asyncio.get_running_loop().call_exception_handler({"message": "Unhandled exception", "exception": outcome})
            elif isinstance(outcome, BaseException):
                waiting.answered.set_exception(outcome)
            else:
                waiting.answered.set_result(outcome)
