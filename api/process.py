"""One serving process from its start to its end: how it is told to stop, and that it does.

A stop is asked for by a signal (a process of its own) or by the supervisor's line going silent (a worker: docs/decisions/0016). Requests
under way are finished first, for `grace` seconds at most; a second ask, or a stop that hangs, ends the process at once.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from backend.kernel import logs, metrics
from backend.kernel.settings import Settings

if TYPE_CHECKING:
    # The supervisor of several workers serves nothing itself, and does without.
    from sanic import Sanic

log = structlog.get_logger()

SIGNALS = (signal.SIGTERM, signal.SIGINT)
GRACE_S = 15.0
# What closing the pools may take after the grace.
SPARE_S = 8.0
BACKLOG = 512
# The supervisor's line to its worker is the worker's standard input.
LINE = 0


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker is told: it listens on the inherited socket `listener`, as number `worker` of `workers`."""

    settings: Settings
    listener: int
    worker: str
    workers: int
    grace: float
    jobs: bool
    parent: int


class Ending:
    """Ends this process once it is asked to. `ask` may be called from any thread."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._app: Sanic | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked = False
        self._lock = threading.Lock()

    def serves(self, app: Sanic, loop: asyncio.AbstractEventLoop) -> None:
        """From now on there may be requests to finish."""
        with self._lock:
            self._app, self._loop = app, loop

    def ask(self) -> None:
        with self._lock:
            again, self._asked, loop = self._asked, True, self._loop
        if again:
            self._end_now(1, "stop_forced")
        if loop is None:
            # Nobody has been let in yet.
            self._end_now(0, "stopped_before_start")
        log.info("stopping", grace_s=self._grace)
        late = threading.Timer(self._grace + SPARE_S, self._end_now, (1, "stop_deadline"))
        late.daemon = True
        late.start()
        loop.call_soon_threadsafe(self._app.stop, False)

    @staticmethod
    def _end_now(code: int, event: str) -> None:
        (log.info if code == 0 else log.error)(event)
        sys.stdout.flush()
        os._exit(code)


def listen(host: str, port: int) -> socket.socket:
    """The socket of the service. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def serve_alone(make_app: Callable[[], Sanic], listener: socket.socket, *, grace: float = GRACE_S) -> None:
    """Serves in this process until a signal ends it."""
    ending = Ending(grace)
    # Blocked in every thread, so that none is lost while the framework sets handlers of its own; one thread waits for them.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)

    def wait_for_signals() -> None:
        while True:
            signal.sigwait(SIGNALS)
            ending.ask()

    threading.Thread(target=wait_for_signals, daemon=True, name="signals").start()
    _serve(make_app(), listener, ending, grace=grace, workers=1)


def serve_as_worker() -> None:
    """Serves as one of several, as standard input says, until it falls silent."""
    # A signal to the whole group (Ctrl+C, systemd) is the supervisor's affair.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    line = socket.socket(fileno=LINE)
    work: Work = pickle.load(line.makefile("rb"))
    logs.configure(work.settings.log_level, worker=work.worker)
    ending = Ending(work.grace)

    def wait_for_silence() -> None:
        line.recv(1)
        ending.ask()

    threading.Thread(target=wait_for_silence, daemon=True, name="line").start()
    from api.app import create_app

    app = create_app(work.settings, with_jobs=work.jobs)

    @app.after_server_start
    async def say_ready(app: Sanic) -> None:
        line.send(b"r")

    _serve(app, socket.socket(fileno=work.listener), ending, grace=work.grace, workers=work.workers)
    if os.getppid() != work.parent:
        # The supervisor was killed: nobody else tidies up.
        shutil.rmtree(Path(os.environ[metrics.DIRECTORY_VARIABLE]), ignore_errors=True)


def _serve(app: Sanic, listener: socket.socket, ending: Ending, *, grace: float, workers: int) -> None:
    logs.own_the_process()
    app.config.GRACEFUL_SHUTDOWN_TIMEOUT = grace

    @app.after_server_start
    async def begin(app: Sanic) -> None:
        for each in SIGNALS:
            # Sanic ignores them; where an ignored signal is dropped although it is blocked, it would never be waited for.
            signal.signal(each, lambda *_: None)
        metrics.begin(wanted=workers)
        ending.serves(app, asyncio.get_running_loop())

    app.run(sock=listener, single_process=True, register_sys_signals=False, access_log=False, motd=False, backlog=BACKLOG)
    log.info("stopped")
