"""AC-05: WeChat is away, ten minutes as `hang` and two in each other way: `make trust-05`. The forms are gone through side by side.

refuse: nobody listens. hang: nobody answers. busy: errcode -1. html: 502 with a page. garbage: no JSON. Each has a service of its own, two
workers on PostgreSQL and Redis, with members who check in, each with a reflection, others who try to sign in, and secretaries who send
reminders (reminded.py).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import asyncpg
import process
import sandbox_server
from conftest import REMINDER
from door import Door
from figures_of import figures_of
from trust import books
from trust.ledger import Ledger, Load, Request, requests_of
from trust.machines import Postgres, Redis, Service, check, folder
from trust.reminded import Reminders, know
from trust.report import Run
from waiting import until
from wechat_user import wechat_user

from backend.kernel import clock
from backend.wechat.sandbox import SandboxState, build_app
from backend.wechat.sandbox.faults import parse_fault
from bench import places

FORMS: dict[str, dict[str, Any] | None] = {
    "refuse": None,
    "hang": {"hang": True},
    "busy": {"errcode": -1},
    "html": {"http_status": 502},
    "garbage": {"garbage": True},
}
SIZE = places.Size(600, 3, 13, 12)
CHECK_INS, SIGN_INS = 5.0, 2.0  # a second
LONGEST_S, LAG_S, BACK_S = 3.0, 0.1, 300.0


class Way:
    """The way from the service to its sandbox, which can be closed: then nobody listens there."""

    def __init__(self, port: int, to: int) -> None:
        self.port, self.to = port, to
        self._lines: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._both, "127.0.0.1", self.port)

    def close(self) -> None:
        self._server.close()
        # Those that are open too: a kept connection would go on.
        for line in self._lines:
            line.transport.abort()

    async def _both(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self.to)
        self._lines |= {writer, other_writer}
        await asyncio.gather(self._carry(reader, other_writer), self._carry(other_reader, writer), return_exceptions=True)
        self._lines -= {writer, other_writer}

    @staticmethod
    async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
        finally:
            writer.close()


@dataclass
class SignIns:
    """People who come one after the other: (status, seconds, Retry-After) of each."""

    base: str
    state: SandboxState
    answers: list[tuple[int, float, str | None]] = field(default_factory=list)

    async def one(self) -> int:
        began = time.monotonic()
        async with aiohttp.ClientSession() as session:
            reply = await wechat_user(self.state).sign_in(Door(self.base, session))
        self.answers.append((reply.status, time.monotonic() - began, reply.headers.get("Retry-After")))
        return reply.status

    async def go_on(self, seconds: float) -> None:
        ends, tasks = time.monotonic() + seconds, []
        while time.monotonic() < ends:
            tasks.append(asyncio.create_task(self.one()))
            await asyncio.sleep(1 / SIGN_INS)
        await asyncio.gather(*tasks)

    async def ten_in_a_row(self) -> bool:
        for _ in range(10):
            if await self.one() != 200:
                await asyncio.sleep(0.5)
                return False
        return True


@dataclass
class World:
    service: Service
    load: Load
    state: SandboxState
    way: Way
    source: str
    since: int
    reminders: Reminders


def with_reflections(requests: Iterator[Request], *, without: set[int]) -> Iterator[Request]:
    """All but those of the tasks `without`: today's, of which the secretaries remind."""
    for request in requests:
        if request.task_id in without:
            continue
        yield replace(request, body=json.dumps({**json.loads(request.body), "reflection": f"心得 {request.key}"}, ensure_ascii=False))


@asynccontextmanager
async def world(form: str, server: str, run: Run) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        home, redis = stack.enter_context(folder(form)), stack.enter_context(Redis())
        state = SandboxState(sandbox_server.APPID, sandbox_server.SECRET)
        know(state)
        address = await stack.enter_async_context(sandbox_server.serve(build_app(state)))
        way = Way(process.free_port(), int(address.rsplit(":", 1)[1]))
        await way.open()
        stack.callback(way.close)
        connection = await asyncpg.connect(server)
        await connection.execute(f"CREATE DATABASE trust_{form}")
        await connection.close()
        source = server.rpartition("/")[0] + f"/trust_{form}"
        env = process.environment(
            DATA_DIR=str(home), SECRET_KEY=places.KEY, LOG_LEVEL="WARNING", DATABASE_URL=source, REDIS_URL=redis.url,
            WECHAT_APPID=sandbox_server.APPID, WECHAT_SECRET=sandbox_server.SECRET, WECHAT_API_BASE=f"http://127.0.0.1:{way.port}/sandbox",
            WECHAT_REMINDER_TEMPLATE=REMINDER,
        )  # fmt: skip
        await asyncio.to_thread(places.fill, env, SIZE, home)
        since = await books.last_check_in(source)
        service = await stack.enter_async_context(Service(env, home, workers=2))
        todays = {row[0] for row in (await books.read(source, f"SELECT id FROM daily_task WHERE date = '{clock.today()}'"))[0]}  # noqa: S608
        requests = with_reflections(requests_of(home / "check-in.tsv"), without=todays)
        load = Load(service.base, requests, Ledger(home / "ledger.tsv"), run.dice(form), CHECK_INS, force_close=True)
        reminders = await Reminders.prepared(service.base, source, state, home / "check-in.tsv")
        yield World(service, load, state, way, source, since, reminders)


async def lags(service: Service) -> Counter[float]:
    """How often the service's loops have woken up at most so late, since it started."""
    async with aiohttp.ClientSession() as session:
        figures = await figures_of(Door(service.base, session))
    buckets = ((dict(labels), n) for (name, labels), n in figures.items() if name == "daka_event_loop_lag_seconds_bucket")
    return Counter({float(labels["le"]): n for labels, n in buckets})


def p99(before: Counter[float], after: Counter[float]) -> float:
    """The bound of the bucket in which 99 of 100 are."""
    counts = {bound: after[bound] - before[bound] for bound in sorted(after)}
    return next(bound for bound, count in counts.items() if count >= 0.99 * counts[max(counts)])


async def away(made: World, form: str, down_s: float, told: dict[str, Any]) -> None:
    """Calm, the outage, and calm again; `told` takes the figures."""
    signs = SignIns(made.service.base, made.state)
    async with made.load.going():
        begun = await lags(made.service)
        await asyncio.gather(signs.go_on(30), made.reminders.calm())
        calm, signs.answers = signs.answers, []
        assert {status for status, *_ in calm} == {200}, calm[:3]
        await made.reminders.answers_lost()
        cut = await lags(made.service)
        if FORMS[form] is None:
            made.way.close()
        else:
            made.state.faults[:] = [parse_fault({"do": FORMS[form]}, now=made.state.now())]
        await asyncio.gather(signs.go_on(down_s), made.reminders.during(down_s))
        during, signs.answers = signs.answers, []
        over = await lags(made.service)
        made.state.faults.clear()
        if FORMS[form] is None:
            await made.way.open()
        ended = time.monotonic()
        backlog = asyncio.create_task(made.reminders.settled(told))
        await until(signs.ten_in_a_row, seconds=BACK_S)
        back_s = time.monotonic() - ended
        await backlog
        await made.load.quiet()
    attempts = made.load.attempts
    found = await books.compare(made.source, made.load.ledger, since=made.since)
    reflections = "SELECT state, COUNT(*) FROM reflection GROUP BY state"
    [states] = await books.read(made.source, reflections)
    told |= {
        "down_s": down_s, "sign_ins": len(during), "longest_sign_in_s": max(seconds for _, seconds, _ in during),
        "lag_p99_s": p99(cut, over), "calm_lag_p99_s": p99(begun, cut), "check_ins": found["acknowledged"],
        "failed_check_ins": sum(a.status not in (200, 201) for a in attempts), "lost": found["lost"], "duplicates": found["duplicates"],
        "pending": dict(states).get("pending", 0), "back_s": back_s,
    }  # fmt: skip
    assert {status for status, *_ in during} == {503} and all(retry for *_, retry in during), Counter(s for s, *_ in during)
    assert told["longest_sign_in_s"] <= LONGEST_S
    assert told["failed_check_ins"] == told["lost"] == told["duplicates"] == 0 and not made.load.wrong, made.load.wrong[:3]
    assert dict(states) == {"pending": told["check_ins"]}, "a reflection is published unchecked, or lost"
    assert told["lag_p99_s"] <= max(LAG_S, told["calm_lag_p99_s"]), "the loop is held up"
    await asyncio.to_thread(check, made.service)


async def main() -> int:
    run = Run.of("AC-05", "WeChat away", hang_s=600.0, down_s=120.0)
    left = list(run.left(FORMS))
    if left:
        with Postgres(max_connections="300") as postgres:

            async def one(form: str) -> None:
                async with gate:
                    made = await stack.enter_async_context(world(form, postgres.url, run))
                with run.piece(form) as found:
                    await away(made, form, run.given.hang_s if form == "hang" else run.given.down_s, found)

            # They are built one after the other: the machine has other things to do.
            gate = asyncio.Semaphore(1)
            async with AsyncExitStack() as stack:
                await asyncio.gather(*(one(form) for form in left))
    return run.conclude(
        check_ins=sum, failed_check_ins=sum, lost=sum, sign_ins=sum, longest_sign_in_s=max, lag_p99_s=max, pending=sum, back_s=max,
        reminders_sent=sum, reminders_unknown=sum, reminded_twice=sum, open_at_end=sum, drained_s=max,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
