"""A connection to PostgreSQL as this product wants its driver to behave."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, TypeVar

import asyncpg

T = TypeVar("T")


class Connection(asyncpg.Connection):
    """A connection that goes back to its pool without four statements of cleaning up: nothing here listens, sets or locks for a session.

    A transaction that was left open is still rolled back. One that the server took leave of while it lay idle is not used again: the
    driver cannot tell what belongs to what on it any more (asyncpg#1069).
    """

    def get_reset_query(self) -> str:
        return ""

    async def execute(self, *args: Any, **kwargs: Any) -> str:
        return await self._or_end(super().execute(*args, **kwargs))

    async def _execute(self, *args: Any, **kwargs: Any) -> Any:
        """What every kind of fetch goes through."""
        return await self._or_end(super()._execute(*args, **kwargs))

    async def _or_end(self, asked: Awaitable[T]) -> T:
        try:
            return await asked
        except asyncpg.InternalClientError:
            self.terminate()
            raise
