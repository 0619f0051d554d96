"""PostgreSQL takes leave of a connection that lies idle: whoever uses it next may come again, and nobody meets it a second time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from door import Door
from installations import apart

from backend.kernel import database
from backend.kernel.settings import Settings

# FATAL 57P01, as pg_terminate_backend has it sent.
_FIELDS = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
FAREWELL = b"E" + (len(_FIELDS) + 4).to_bytes(4, "big") + _FIELDS


@asynccontextmanager
async def through(url: str) -> AsyncIterator[tuple[str, list[asyncio.StreamWriter]]]:
    """A way to the database on which words can be put into its mouth: the address to use, and the lines to whoever uses it."""
    parts, lines = urlsplit(url), []

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def both(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append(writer)
        database_reader, database_writer = await asyncio.open_connection(parts.hostname, parts.port)
        await asyncio.gather(carry(reader, database_writer), carry(database_reader, writer), return_exceptions=True)

    proxy = await asyncio.start_server(both, "127.0.0.1", 0)
    yield url.replace(f":{parts.port}/", f":{proxy.sockets[0].getsockname()[1]}/"), lines
    proxy.close()


@pytest.mark.parametrize("inside_a_transaction", [False, True])
async def test_a_connection_that_the_server_gave_up_is_away_once_and_then_another_one(
    door: Door, settings: Settings, inside_a_transaction: bool
):
    async def ask() -> int:
        return (await database.fetch("SELECT 1 AS one"))[0]["one"]

    asked = database.transactional(ask) if inside_a_transaction else ask
    async with apart(settings), through(settings.database_url) as (url, lines):
        async with database.opened(replace(settings, database_url=url)), asyncio.timeout(20):
            assert await asked() == 1
            # Without the end of the line that follows: it may come after the next question.
            lines[-1].write(FAREWELL)
            await asyncio.sleep(0.1)
            with pytest.raises(database.AWAY):
                await asked()
            assert await asked() == 1
            assert len(lines) == 2
