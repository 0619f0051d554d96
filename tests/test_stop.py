"""A stop, seen from outside: requests under way are finished, nobody new is let in, connections are closed, and it comes to its end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from door import Door
from figures_of import figures_of, value
from held_up import held_up
from people import Cast, add_plan, whole_day
from process import environment, running
from waiting import until

from backend.kernel import clock
from backend.kernel.settings import Settings

# Starts whole processes, again and again: see `make test-long`.
pytestmark = pytest.mark.long

TERMINATE = b"X\x00\x00\x00\x04"


def many() -> str:
    """SQLite allows one process."""
    return "1" if os.environ.get("DAKA_TEST_DB", "sqlite") == "sqlite" else "2"


@asynccontextmanager
async def watched(url: str) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A way to the database that listens: the address to use, and how each connection of the service ended (its last five bytes)."""
    if url.startswith("sqlite://"):
        yield url, []
        return
    parts, farewells = urlsplit(url), []

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, keep: bool) -> None:
        last = b""
        try:
            while data := await reader.read(65536):
                last = (last + data)[-5:]
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            last = b""
        finally:
            writer.close()
        if keep:
            farewells.append(last)

    async def both(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        database_reader, database_writer = await asyncio.open_connection(parts.hostname, parts.port)
        await asyncio.gather(carry(reader, database_writer, True), carry(database_reader, writer, False))

    proxy = await asyncio.start_server(both, "127.0.0.1", 0)
    port = proxy.sockets[0].getsockname()[1]
    yield url.replace(f":{parts.port}/", f":{port}/"), farewells
    await asyncio.sleep(0.2)
    proxy.close()


@pytest.fixture
async def service(door: Door, settings: Settings, tmp_path: Path) -> AsyncIterator[tuple[Door, subprocess.Popen, list[bytes]]]:
    """The service with a grace that no slow machine uses up, over a watched way to the test's database."""
    async with watched(settings.database_url) as (url, farewells):
        env = environment(DATABASE_URL=url, REDIS_URL=settings.redis_url, SECRET_KEY="0" * 64, LOG_LEVEL="INFO")
        async with running("serve", "--workers", many(), "--grace", "30", env=env, cwd=tmp_path) as (base, process):
            async with aiohttp.ClientSession() as session:
                yield Door(base, session), process, farewells


async def a_day(door: Door, cast: Cast) -> tuple[str, dict]:
    [task] = await add_plan(cast, days=[clock.today()])
    return f"/tasks/{task.id}/check-in", whole_day((await door.get(f"/tasks/{task.id}", cast.alice)).json)


async def begun(own: Door, path: str, cast: Cast, day: dict) -> asyncio.Task:
    """A check-in that the service has in hand and cannot end yet."""
    under_way = asyncio.create_task(own.post(path, cast.alice, day))

    async def in_hand() -> bool:
        # The one that asks is the other.
        return value(await figures_of(own), "daka_requests_in_flight") >= 2

    await until(in_hand)
    return under_way


async def refused(own: Door, cast: Cast) -> bool:
    """Whether a new connection is let in no more."""
    async with aiohttp.ClientSession() as session:
        try:
            await Door(own.base, session).get("/me", cast.alice)
        except aiohttp.ClientConnectorError:
            return True
    return False


async def ended(process: subprocess.Popen, within_s: float) -> int:
    return await asyncio.to_thread(process.wait, within_s)


async def test_a_request_under_way_is_finished_and_nobody_new_let_in(door: Door, cast: Cast, settings: Settings, service: tuple):
    own, process, farewells = service
    path, day = await a_day(door, cast)
    async with held_up(settings):
        under_way = await begun(own, path, cast, day)
        process.send_signal(signal.SIGTERM)
        await until(lambda: refused(own, cast))
        assert not under_way.done(), under_way.result()
    assert (await under_way).status == 201
    assert await ended(process, 20) == 0
    await asyncio.sleep(0.1)
    assert set(farewells) <= {TERMINATE} and (settings.on_sqlite or farewells)


async def test_a_second_signal_ends_it_at_once(door: Door, cast: Cast, settings: Settings, service: tuple):
    own, process, _ = service
    path, day = await a_day(door, cast)
    async with held_up(settings):
        under_way = await begun(own, path, cast, day)
        process.send_signal(signal.SIGTERM)
        await until(lambda: refused(own, cast))
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert await ended(process, 10) == 1
        assert time.monotonic() - began < 15
        with pytest.raises(aiohttp.ClientError):
            await under_way
