"""PostgreSQL's client programs, and what pg_restore writes taken apart.

A password goes to them in the environment, never on a command line.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from backend.kernel.errors import Unavailable

CHUNK = 1 << 18
LAST_LINES = 3
_NAME = r'(?:"(?:[^"]|"")+"|[^\s".,()]+)'
_COPY = re.compile(rf"COPY ({_NAME})\.({_NAME}) \((.*)\) FROM stdin;")


def environment(url: str) -> dict[str, str]:
    """This process's environment with what libpq needs to reach the database of `url`; messages in English, so that they can be read."""
    parts = urlsplit(url)
    given = {
        "PGHOST": parts.hostname,
        "PGPORT": str(parts.port) if parts.port else None,
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": unquote(parts.path.strip("/")),
    }
    return {**os.environ, **{name: value for name, value in given.items() if value}, "LC_ALL": "C"}


def program(name: str, *, least: int) -> tuple[str, int]:
    """Where a client program of this major version or a newer one is, and its version. Raises Unavailable with the cure."""
    cure = f"请安装 PostgreSQL {least} 或更新版本的客户端程序（例如 apt install postgresql-client-{least}）再试。"
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"没有找到 {name}。{cure}", code="client_program_missing")
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"\(PostgreSQL\) (\d+)", said)
    if version is None:
        raise Unavailable(f"{found} 的版本不明。{cure}", code="client_program_old")
    if int(version[1]) < least:
        raise Unavailable(f"{found} 是 {version[1]} 版，低于所需的 {least} 版。{cure}", code="client_program_old")
    return found, int(version[1])


async def dump(url: str, *, schema: str, snapshot: str, server: int, file: BinaryIO) -> int:
    """Writes the tables of `schema`, as the exported snapshot sees them, to `file` in pg_dump's custom format; pg_dump's major version.

    Raises Unavailable when pg_dump is missing, older than the server or does not come to its end, OSError when the disk is full.
    """
    found, version = program("pg_dump", least=server)
    options = ["--format=custom", "--encoding=UTF8", "--no-owner", "--no-privileges", "--no-publications", "--no-subscriptions"]
    # Rows go by the name of the whole table, whichever partition they stand in.
    options += ["--load-via-partition-root"]
    asked = [f'--schema="{schema}"', f"--snapshot={snapshot}", "--lock-wait-timeout=60s"]
    dumping = await asyncio.create_subprocess_exec(
        found, *options, *asked, "--no-tablespaces", "--no-password",
        stdin=asyncio.subprocess.DEVNULL, stdout=file, stderr=asyncio.subprocess.PIPE, env=environment(url),
    )  # fmt: skip
    async with _ended(dumping):
        said = await dumping.stderr.read()
    _refuse_failure("pg_dump", dumping.returncode, said, url)
    return version


@dataclass(frozen=True, slots=True)
class Statements:
    """SQL between the data: one script of any number of statements."""

    sql: str


@dataclass(frozen=True, slots=True)
class Rows:
    """The data of one table, as COPY … FROM stdin takes it; `blocks` has whole lines and must be read to its end."""

    schema: str
    table: str
    columns: list[str]
    blocks: AsyncIterator[bytes]


@asynccontextmanager
async def contents(file: BinaryIO, *, dumped_by: int, schema: str) -> AsyncIterator[AsyncIterator[Statements | Rows]]:
    """What a dump in custom format holds of `schema`, in its order; `file` stands at its beginning and ends with it.

    Raises Unavailable when pg_restore is missing, older than the pg_dump that wrote it, or cannot read it to its end.
    """
    found, _ = program("pg_restore", least=dumped_by)
    restoring = await asyncio.create_subprocess_exec(
        found, "--file=-", f"--schema={schema}", "--no-owner", "--no-privileges",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    async with _ended(restoring):
        feeding = asyncio.create_task(_feed(file, restoring.stdin))
        listening = asyncio.create_task(restoring.stderr.read())
        try:
            yield Script(restoring.stdout).parts()
            await feeding
        finally:
            feeding.cancel()
    _refuse_failure("pg_restore", restoring.returncode, await listening, "")


async def _feed(file: BinaryIO, to: asyncio.StreamWriter) -> None:
    """A program that has ended early says why itself."""
    try:
        while block := file.read(CHUNK):
            to.write(block)
            await to.drain()
        to.close()
        await to.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        pass


@asynccontextmanager
async def _ended(process: asyncio.subprocess.Process) -> AsyncIterator[None]:
    """The program has ended when the block is left, whatever happens in it."""
    try:
        yield
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            # asyncio takes a process for ended only once its output was read to the end.
            if process.stdout:
                await process.stdout.read()
            await process.wait()


def _refuse_failure(name: str, code: int | None, said: bytes, url: str) -> None:
    if code == 0:
        return
    text = said.decode("utf-8", "replace").strip()
    if code == -signal.SIGXFSZ:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    for fault in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        if os.strerror(fault) in text:
            raise OSError(fault, os.strerror(fault))
    password = unquote(urlsplit(url).password or "")
    shown = "；".join(text.splitlines()[-LAST_LINES:]) or f"退出码 {code}"
    raise Unavailable(f"{name} 未能完成：{shown.replace(password, '***') if password else shown}", code="client_program_failed")


class Script:
    """pg_restore's script, taken apart: statements, and in between the rows of each table."""

    def __init__(self, stream: asyncio.StreamReader) -> None:
        self._stream = stream
        self._lines: list[bytes] = []
        self._rest = b""

    async def parts(self) -> AsyncIterator[Statements | Rows]:
        """The statements and the rows in their order; the rows of one part are read before the next is asked for."""
        statements: list[str] = []
        while lines := await self._take(lambda line: line.startswith(b"COPY ")):
            statements += (line.decode() for line in lines)
            if copy := _COPY.fullmatch(statements[-1].strip()):
                if script := _runnable(statements[:-1]):
                    yield Statements(script)
                statements = []
                yield Rows(_plain(copy[1]), _plain(copy[2]), [_plain(name) for name in re.findall(_NAME, copy[3])], self._data())
        if script := _runnable(statements):
            yield Statements(script)

    async def _data(self) -> AsyncIterator[bytes]:
        while lines := await self._take(lambda line: line == b"\\.\n"):
            is_last = lines[-1] == b"\\.\n"
            if block := b"".join(lines[:-1] if is_last else lines):
                yield block
            if is_last:
                return

    async def _take(self, is_end: Callable[[bytes], bool]) -> list[bytes]:
        """The next lines, up to the first that is an end, itself included; fewer when no more are there yet; none at the script's end."""
        while not self._lines:
            block = await self._stream.read(CHUNK)
            if not block:
                self._lines, self._rest = ([self._rest] if self._rest else []), b""
                break
            whole, newline, rest = (self._rest + block).rpartition(b"\n")
            self._lines, self._rest = [line + b"\n" for line in whole.split(b"\n")] if newline else [], rest
        upto = next((n + 1 for n, line in enumerate(self._lines) if is_end(line)), len(self._lines))
        taken, self._lines = self._lines[:upto], self._lines[upto:]
        return taken


def _runnable(lines: list[str]) -> str:
    """Without what is meant for psql alone, and without a setting that servers before version 17 do not know; "" for mere comments."""
    if all(line.isspace() or line.startswith("--") for line in lines):
        return ""
    return "".join(line for line in lines if not line.startswith(("\\", "SET transaction_timeout")))


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
