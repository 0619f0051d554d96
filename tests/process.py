"""The product as its own process: `daka` commands, and `daka serve` on a free port, always ended after a deadline."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import asyncpg

ROOT = Path(__file__).parent.parent
DEADLINE_S = 40


def environment(**settings: str) -> dict[str, str]:
    """This process's environment with DAKA_* settings of its own alone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAKA_")}
    return {**kept, "PYTHONPATH": str(ROOT), **{f"DAKA_{name}": value for name, value in settings.items()}}


def daka(*words: str, env: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "backend", *words], env=env, cwd=cwd, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@asynccontextmanager
async def running(*words: str, env: Mapping[str, str], cwd: Path) -> AsyncIterator[tuple[str, subprocess.Popen[str]]]:
    """`daka serve …` or `daka demo …` on a free port once it is ready: its address and process. The whole group is ended afterwards."""
    port = free_port()
    log = cwd / f"daka-{port}.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "backend", *words, "--port", str(port)],
            env=env, cwd=cwd, stdout=out, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
    try:
        await _ready(f"http://127.0.0.1:{port}", process, log)
        yield f"http://127.0.0.1:{port}", process
    finally:
        await end(process)


async def _ready(base: str, process: subprocess.Popen[str], log: Path) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(DEADLINE_S * 20):
            if process.poll() is not None:
                raise RuntimeError(log.read_text("utf-8"))
            try:
                async with session.get(f"{base}/readyz") as reply:
                    if reply.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
    raise TimeoutError(log.read_text("utf-8"))


async def end(process: subprocess.Popen[str]) -> None:
    """SIGTERM, ten seconds, and the whole group is killed."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        for _ in range(200):
            if process.poll() is not None:
                break
            await asyncio.sleep(0.05)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait(5)


@asynccontextmanager
async def fresh_database(database_url: str, folder: Path) -> AsyncIterator[str]:
    """The address of an empty database of its own, on the same server as `database_url`."""
    if database_url.startswith("sqlite://"):
        yield f"sqlite://{folder / 'fresh.sqlite3'}"
        return
    name = f"fresh_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
        yield database_url.rpartition("/")[0] + f"/{name}"
    finally:
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await connection.close()
