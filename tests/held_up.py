"""A database that somebody else writes to, so that the service must wait."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from backend.kernel.settings import Settings


@asynccontextmanager
async def held_up(settings: Settings, table: str = "check_in") -> AsyncIterator[None]:
    """Within the block nothing can be written into the table; on SQLite into none."""
    if settings.on_sqlite:
        other = sqlite3.connect(settings.database_url.removeprefix("sqlite://").split("?")[0], isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
        other.close()
        return
    connection = await asyncpg.connect(settings.database_url)
    async with connection.transaction():
        await connection.execute(f"LOCK TABLE {table} IN SHARE MODE")
        yield
    await connection.close()
