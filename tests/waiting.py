"""Waiting for what happens elsewhere: asked again and again, never slept for and hoped."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

PAUSE_S = 0.02
DEADLINE_S = 30.0


async def until(holds: Callable[[], Any | Awaitable[Any]], seconds: float = DEADLINE_S) -> None:
    """Returns once `holds()` is true; AssertionError when it has not been within `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = holds()
        if await found if inspect.isawaitable(found) else found:
            return
        assert time.monotonic() < deadline, f"never came true: {getattr(holds, '__name__', holds)}"
        await asyncio.sleep(PAUSE_S)
