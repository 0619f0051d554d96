"""Several workers behind one socket: starts them, starts a new one in the place of one that died, stops them all (docs/decisions/0016).

Sanic's own manager is not used: a signal within its first moments makes it hang for ever (sanic#2997), and a worker that dies is
neither replaced nor spoken of.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import shutil
import socket
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from api.process import SIGNALS, SPARE_S, Work
from backend.kernel import logs, metrics
from backend.kernel.settings import Settings, SettingsError

log = structlog.get_logger()

# How long after a death the next worker starts: doubled each time, unless the last one lived a while.
FIRST_PAUSE_S, LONGEST_PAUSE_S, A_WHILE_S = 0.5, 30.0, 60.0
# So many starts in a row that fail, with no other worker serving, and the service gives up; at once where none has ever served.
MOST_FAILED_STARTS = 3


@dataclass(slots=True)
class Worker:
    """A worker and the line to it: what it says there is that it serves, and when the line is closed it stops."""

    process: asyncio.subprocess.Process
    line: socket.socket
    ready: bool = False

    def stop(self) -> None:
        with suppress(OSError):
            self.line.shutdown(socket.SHUT_WR)


class Supervisor:
    """Keeps `count` workers serving on `listener` until a signal; `run` returns the exit code."""

    def __init__(self, chosen: Settings, listener: socket.socket, *, count: int, grace: float, jobs: bool) -> None:
        self._settings, self._listener, self._count, self._grace, self._jobs = chosen, listener, count, grace, jobs
        self._workers: dict[str, Worker] = {}
        self._stopping = asyncio.Event()
        self._failed = False
        self._served = False
        try:
            self._directory = Path(tempfile.mkdtemp(prefix="daka-metrics-"))
        except OSError as error:
            raise SettingsError(f"不能在 {tempfile.gettempdir()} 中建立临时目录（{error.strerror}）：多个进程的指标放在那里") from None

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for each in SIGNALS:
            loop.add_signal_handler(each, self._asked)
        try:
            places = [asyncio.create_task(self._keep(str(number))) for number in range(self._count)]
            await self._stopping.wait()
            # The last copy that accepts new connections, besides the workers' own.
            self._listener.close()
            for worker in self._workers.values():
                worker.stop()
            _, late = await asyncio.wait(places, timeout=self._grace + SPARE_S + 2)
            if late:
                log.error("stop_deadline", workers=sorted(self._workers))
                self._kill()
                await asyncio.wait(late)
            log.info("stopped", failed=self._failed)
            return 1 if self._failed else 0
        finally:
            self._kill()
            shutil.rmtree(self._directory, ignore_errors=True)

    def _asked(self) -> None:
        if self._stopping.is_set():
            log.error("stop_forced")
            self._failed = True
            self._kill()
        self._stopping.set()

    def _kill(self) -> None:
        for worker in self._workers.values():
            if worker.process.returncode is None:
                worker.process.kill()
                self._failed = True

    async def _keep(self, number: str) -> None:
        """Keeps one place filled until the service stops."""
        loop = asyncio.get_running_loop()
        failed_starts, pause = 0, FIRST_PAUSE_S
        while not self._stopping.is_set():
            began = loop.time()
            served, code = await self._live(number)
            if self._stopping.is_set():
                self._failed = self._failed or (served and code != 0)
                return
            log.error("worker_died", worker=number, code=code, served=served)
            failed_starts = 0 if served else failed_starts + 1
            self._served = self._served or served
            most = MOST_FAILED_STARTS if self._served else 1
            if failed_starts >= most and not any(other.ready for other in self._workers.values()):
                log.error("service_gives_up")
                self._failed = True
                self._stopping.set()
                return
            pause = FIRST_PAUSE_S if loop.time() - began > A_WHILE_S else min(pause * 2, LONGEST_PAUSE_S)
            try:
                await asyncio.wait_for(self._stopping.wait(), timeout=pause)
            except TimeoutError:
                continue

    async def _live(self, number: str) -> tuple[bool, int | None]:
        """One worker from its start to its end: whether it ever served, and its exit code (None: it could not be started)."""
        try:
            worker = self._workers[number] = await self._start(number)
        except OSError as error:
            log.error("worker_not_started", worker=number, errno=error.errno)
            return False, None
        if self._stopping.is_set():
            worker.stop()
        worker.ready = await self._hears(worker)
        code = await worker.process.wait()
        del self._workers[number]
        worker.line.close()
        metrics.bury(number, str(self._directory))
        return worker.ready, code

    async def _start(self, number: str) -> Worker:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        listener = self._listener.fileno()
        variables = {metrics.WORKER_VARIABLE: number, metrics.DIRECTORY_VARIABLE: str(self._directory)}
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "api", "worker", stdin=theirs, pass_fds=(listener,), env={**os.environ, **variables}
            )
        work = Work(self._settings, listener, number, self._count, self._grace, self._jobs, os.getpid())
        with suppress(OSError):
            # Where it is gone already, its exit code will tell.
            await asyncio.get_running_loop().sock_sendall(ours, pickle.dumps(work))
        return Worker(process, ours)

    @staticmethod
    async def _hears(worker: Worker) -> bool:
        """True once the worker says that it serves; False when its end of the line is closed before."""
        try:
            return await asyncio.get_running_loop().sock_recv(worker.line, 1) == b"r"
        except OSError:
            return False


def run(chosen: Settings, listener: socket.socket, *, workers: int, grace: float, jobs: bool) -> int:
    """Serves with `workers` processes until a signal; 0 after a graceful stop."""
    logs.own_the_process()

    async def supervise() -> int:
        return await Supervisor(chosen, listener, count=workers, grace=grace, jobs=jobs).run()

    return asyncio.run(supervise())
