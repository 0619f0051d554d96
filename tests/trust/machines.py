"""What the long checks stop, kill and start again: PostgreSQL and Redis on ports that stay, and the service on its own."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import aiohttp
import process
import servers
from door import Door
from figures_of import figures_of, value
from waiting import until


class Postgres:
    """A durable PostgreSQL that goes on with the same data after a stop of whatever kind."""

    MODES = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}

    def __init__(self, **settings: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="daka-cluster-")
        self.port, self.settings = process.free_port(), settings
        self.cluster = servers.cluster_in(Path(self._folder.name))
        self.url = f"postgres://daka:@127.0.0.1:{self.port}/daka"

    def start(self) -> None:
        directory = Path(tempfile.mkdtemp(prefix="daka-postgres-"))
        self._stop = servers.postgres_on(self.port, self.cluster, directory, durable=True, settings=self.settings)

    def stop(self, mode: str = "fast") -> None:
        """Returns when it has ended; `immediate` is a crash: it recovers from its log at the next start."""
        os.kill(int((self.cluster / "postmaster.pid").read_text().split()[0]), self.MODES[mode])
        self._stop()

    def __enter__(self) -> Postgres:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()
        self._folder.cleanup()


class Redis:
    """A Redis that forgets everything when it is stopped."""

    def __init__(self) -> None:
        self.port = process.free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self._stop = servers.redis_on(self.port)

    def stop(self) -> None:
        self._stop()

    def __enter__(self) -> Redis:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()


class Service:
    """`daka serve` on a port that stays; a new process takes its place after a kill. Its log is one file, `log`."""

    def __init__(self, env: Mapping[str, str], folder: Path, *, workers: int, prefix: tuple[str, ...] = ()) -> None:
        self.env, self.folder, self.count, self.prefix = env, folder, workers, prefix
        self.port = process.free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"daka-{self.port}.log"
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> float:
        """Seconds until it is ready."""
        began = time.monotonic()
        words = [*self.prefix, sys.executable, "-m", "backend", "serve", "--port", str(self.port), "--workers", str(self.count)]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(words, env=self.env, cwd=self.folder, stdout=out, stderr=out, start_new_session=True)
        await until(self.is_ready, seconds=60)
        return time.monotonic() - began

    async def is_ready(self) -> bool:
        """Over a new connection, whichever process accepts it."""
        assert self.process is not None and self.process.poll() is None, self.log.read_text("utf-8")[-4000:]
        try:
            async with aiohttp.ClientSession() as session:
                return (await Door(self.base, session).get("/readyz", root=True)).status == 200
        except (aiohttp.ClientError, ConnectionError):
            return False

    async def is_whole(self) -> bool:
        """Ready, and every worker serves."""
        return await self.is_ready() and (self.count == 1 or await self.figure("daka_workers") == self.count)

    async def figure(self, name: str, **labels: str) -> float:
        try:
            async with aiohttp.ClientSession() as session:
                return value(await figures_of(Door(self.base, session)), name, **labels)
        except (aiohttp.ClientError, ConnectionError):
            return -1.0

    def workers(self) -> list[int]:
        """The processes that serve: those below the supervisor, or the one process itself."""
        assert self.process is not None
        if self.count == 1:
            return [self.process.pid]
        return sorted(map(int, Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()))

    def open_files(self) -> int:
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in self.workers())

    def faults(self) -> list[str]:
        """What the service itself calls its errors, as its log has them."""
        lines = [json.loads(line) for line in self.log.read_text("utf-8").splitlines() if line.startswith("{")]
        return [json.dumps(line, ensure_ascii=False) for line in lines if line["event"] in ("server_error", "background_error")]

    def kill_one(self, dice: random.Random) -> None:
        os.kill(dice.choice(self.workers()), signal.SIGKILL)

    def kill_all(self) -> None:
        """The whole group at one instant."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    async def end(self) -> None:
        if self.process is not None:
            await process.end(self.process)

    async def __aenter__(self) -> Service:
        try:
            await self.start()
            await until(self.is_whole)
        except BaseException:
            await self.end()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.end()


def check(service: Service) -> None:
    """`daka check` must find nothing."""
    done = process.daka("check", env=service.env, cwd=service.folder)
    assert done.returncode == 0 and "没有发现问题" in done.stdout, done.stdout + done.stderr


@contextmanager
def folder(name: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=f"daka-{name}-") as path:
        yield Path(path)
