"""The load of the long checks, and its ledger: every check-in that was acknowledged, written down before anybody looks into the database.

Requests leave when they are due, however the service is. One that is cut off or answered 503 is sent again with its key, as a phone
does it; some are sent once more although they were answered. Acknowledged: the body of a 2xx has come back whole.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

AGAIN = 0.15  # so many are tapped twice
PAUSE_S = 0.2
TIMEOUT_S = 30.0
CROWD = 600  # so many under way at most: the generator itself must stay honest


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    token: str
    key: str
    body: str

    @property
    def task_id(self) -> int:
        return int(self.path.split("/")[4])

    @property
    def member_id(self) -> int:
        """Stands in the key: bench/request_files.py."""
        return int(self.key.rsplit("-", 1)[1])


def requests_of(file: Path, *, first: int = 0) -> Iterator[Request]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            if number >= first:
                yield Request(*line.rstrip("\n").split("\t")[1:])


@dataclass(slots=True)
class Attempt:
    """One request on the wire. `status` 0: cut off; `began` on the monotonic clock."""

    began: float
    seconds: float
    status: int
    retry_after: str | None = None


class Ledger:
    """`acknowledged`: (member, task) -> id of the check-in; `keep` puts the file on the disk, before the books are read."""

    def __init__(self, file: Path) -> None:
        self.acknowledged: dict[tuple[int, int], int] = {}
        self.first_told: dict[tuple[int, int], float] = {}
        self.changed: list[str] = []
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def enter(self, request: Request, check_in: int) -> None:
        pair = (request.member_id, request.task_id)
        os.write(self._file, f"{check_in}\t{request.key}\t{time.time():.3f}\n".encode())
        self.first_told.setdefault(pair, time.time())
        if self.acknowledged.setdefault(pair, check_in) != check_in:
            self.changed.append(f"{pair}: {self.acknowledged[pair]}, then {check_in}")

    def keep(self) -> None:
        os.fdatasync(self._file)


@dataclass
class Load:
    """`wrong`: answers that no outage explains; they are sent no more."""

    base: str
    requests: Iterator[Request]
    ledger: Ledger
    dice: random.Random
    rate: float
    force_close: bool = False  # a connection for each request, as from that many phones
    attempts: list[Attempt] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    cut_off: Counter[str] = field(default_factory=Counter)
    under_way: set[asyncio.Task[None]] = field(default_factory=set)
    _sending: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def going(self) -> AsyncIterator[None]:
        """Within the block requests leave while `send` holds; in the end all that were sent are seen through."""
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=self.force_close), timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)
        ) as self._session:
            self.go_on()
            sender = asyncio.create_task(self._send())
            try:
                yield
                await self.quiet()
            finally:
                sender.cancel()
                for task in self.under_way:
                    task.cancel()
                await asyncio.gather(sender, *self.under_way, return_exceptions=True)

    def go_on(self) -> None:
        self._sending.set()

    async def quiet(self, seconds: float = 120) -> None:
        """Nothing new leaves, and everything sent has been acknowledged."""
        self._sending.clear()
        if self.under_way:
            _, late = await asyncio.wait(list(self.under_way), timeout=seconds)
            assert not late, f"{len(late)} check-ins were not acknowledged within {seconds} s"
        self.ledger.keep()

    async def _send(self) -> None:
        """At the rate, with the gaps of people who know nothing of each other."""
        due = time.monotonic()
        while True:
            if not self._sending.is_set() or len(self.under_way) >= CROWD:
                await asyncio.sleep(0.02)
                due = time.monotonic()
                continue
            request = next(self.requests, None)
            assert request is not None, "the check-ins are used up: more members or days"
            task = asyncio.create_task(self._see_through(request))
            self.under_way.add(task)
            task.add_done_callback(self.under_way.discard)
            due += self.dice.expovariate(self.rate)
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _see_through(self, request: Request) -> None:
        again = self.dice.random() < AGAIN
        while True:
            attempt, body = await self._ask(request)
            if attempt.status in (200, 201):
                self.ledger.enter(request, json.loads(body)["id"])
                if not again:
                    return
                again = False
            elif attempt.status in (0, 503):
                await asyncio.sleep(min(float(attempt.retry_after or 0), 1.0) or PAUSE_S)
            else:
                self.wrong.append(f"{attempt.status} {request.path} {body[:200]!r}")
                return

    async def _ask(self, request: Request) -> tuple[Attempt, bytes]:
        headers = {"Authorization": f"Bearer {request.token}", "Content-Type": "application/json", "Idempotency-Key": request.key}
        began = time.monotonic()
        attempt, body = Attempt(began, 0.0, 0), b""
        try:
            asked = self._session.request(request.method, self.base + request.path, headers=headers, data=request.body.encode())
            async with asked as reply:
                body = await reply.read()
                attempt.status, attempt.retry_after = reply.status, reply.headers.get("Retry-After")
        except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
            self.cut_off[type(error).__name__] += 1
        attempt.seconds = time.monotonic() - began
        self.attempts.append(attempt)
        return attempt, body


def percentile(attempts: list[Attempt], share: float) -> float:
    """Of the seconds that answers took; 0 where there is none."""
    times = sorted(attempt.seconds for attempt in attempts if attempt.status)
    return times[min(len(times) - 1, int(len(times) * share))] if times else 0.0
