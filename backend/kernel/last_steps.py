"""What a transaction does last, right before COMMIT: a lock that everybody needs is then held for no longer than the commit itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

Write = Callable[[list[Any]], Awaitable[None]]
_steps: ContextVar[dict[Write, list[Any]] | None] = ContextVar("daka_last_steps", default=None)


@asynccontextmanager
async def taken() -> AsyncIterator[None]:
    """Around the body of one transaction: does its last steps when it ends well, and forgets them when it does not."""
    steps: dict[Write, list[Any]] = {}
    token = _steps.set(steps)
    try:
        yield
        for write, items in steps.items():
            await write(items)
    finally:
        _steps.reset(token)


def add(write: Write, item: Any) -> None:
    """Has `write` called once, with all items given for it in their order, before the transaction under way is committed."""
    steps = _steps.get()
    assert steps is not None, "a last step needs a transaction"
    steps.setdefault(write, []).append(item)
