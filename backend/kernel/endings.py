"""Ending tasks that listen for ever."""

from __future__ import annotations

import asyncio
from typing import Any

# A task that has met its cancellation is over at once; one that has not is told again.
AGAIN_S = 1.0


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancels the tasks until each is over: redis-py may swallow the cancellation that meets an answer, and then listens on for ever.

    What a task raised meanwhile is not raised here: the loop complains of it in the log.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_S)
