"""AC-02: a thousand identical check-ins at the same moment are one check-in: `make trust-02`.

one-key, a-key-each: to one process. processes: over four services. redis: over four, and Redis goes away in the middle. other-body: one
key, two bodies in turn. answers: a thousand first answers to one question, half of them wrong. On SQLite one process serves, so that
the variants of several processes are PostgreSQL's.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import process
from trust import books
from trust.ledger import Request, requests_of
from trust.machines import Postgres, Redis, Service, check, folder
from trust.report import Run

from bench import places

VARIANTS = {
    "postgres": ("one-key", "a-key-each", "processes", "redis", "other-body", "answers"),
    "sqlite": ("one-key", "a-key-each", "other-body", "answers"),
}
SIZE = places.Size(60, 3, 8, 4)
WRONG = {"A": "B", "true": "false", "false": "true"}  # of a single right answer, one that is wrong
Reply = tuple[int, bytes]


@dataclass
class World:
    source: str | Path
    services: list[Service]
    requests: Iterator[Request]
    redis: Redis

    def asked(self, variant: str, request: Request, taps: int) -> list[tuple[str, Request]]:
        """What is sent at once, and where to."""
        bases = [s.base for s in self.services] if variant in ("processes", "redis") else [self.services[0].base]
        if variant == "a-key-each":
            some = [replace(request, key=f"{request.key}/{number}") for number in range(taps)]
        elif variant == "other-body":
            other = json.dumps({**json.loads(request.body), "reflection": "另一个请求"}, ensure_ascii=False)
            some = [request, replace(request, body=other)] * (taps // 2)
        elif variant == "answers":
            some = [answer(request, number % 2 == 0) for number in range(taps)]
        else:
            some = [request] * taps
        return list(zip(itertools.cycle(bases), some, strict=False))


def answer(request: Request, right: bool) -> Request:
    """The first question of the day alone, answered as the day has it, or otherwise."""
    first = json.loads(request.body)["answers"][0]
    if not right:
        first["choice"] = [WRONG.get(first["choice"][0], "A")]
    return replace(request, path=request.path.replace("/check-in", "/answers"), key="", body=json.dumps({"answers": [first]}))


async def at_once(asked: list[tuple[str, Request]], midway: Any = None) -> list[Reply]:
    """All of them over connections of their own; `midway` is called when half of them have left."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=60)) as session:

        async def one(base: str, request: Request) -> Reply:
            headers = {"Authorization": f"Bearer {request.token}", "Content-Type": "application/json"}
            headers |= {"Idempotency-Key": request.key} if request.key else {}
            async with session.post(base + request.path, headers=headers, data=request.body.encode()) as reply:
                return reply.status, await reply.read()

        sent = [asyncio.create_task(one(*each)) for each in asked[: len(asked) // 2]]
        if midway is not None:
            # Let them leave.
            await asyncio.sleep(0.05)
            await asyncio.to_thread(midway)
        sent += [asyncio.create_task(one(*each)) for each in asked[len(asked) // 2 :]]
        return await asyncio.gather(*sent)


async def burst(world: World, variant: str, taps: int) -> dict[str, int]:
    """One day of one member, tapped so many times: the figures; AssertionError where they are not what they must be."""
    request = next(r for r in world.requests if "choice" in json.loads(r.body)["answers"][0])
    try:
        replies = await at_once(world.asked(variant, request, taps), world.redis.stop if variant == "redis" else None)
    finally:
        if variant == "redis":
            world.redis.start()
    statuses = Counter(status for status, _ in replies)
    pair = f"member_id = {request.member_id} AND task_id = {request.task_id}"
    counted = f"SELECT COUNT(*) FROM check_in WHERE {pair}"  # noqa: S608
    firsts = f"SELECT question_id, SUM(CASE WHEN is_first THEN 1 ELSE 0 END) FROM answer WHERE {pair} GROUP BY question_id"  # noqa: S608
    [[(rows,)], answered] = await books.read(world.source, counted, firsts)
    failed = sum(count for status, count in statuses.items() if status >= 500)
    assert failed == 0, statuses
    assert {first for _, first in answered} == {1}, answered
    if variant == "answers":
        assert statuses == {200: taps} and rows == 0 and len(answered) == 1, (statuses, rows, answered)
        return {"rows": len(answered), "server_errors": failed, "refused": 0}
    told = {body for status, body in replies if status < 300}
    refused = taps // 2 if variant == "other-body" else 0
    expected = {201: 1, 200: taps - 1 - refused, **({422: refused} if refused else {})}
    assert statuses == expected and len(told) == 1 and rows == 1, (statuses, len(told), rows)
    return {"rows": rows, "server_errors": failed, "refused": refused}


@asynccontextmanager
async def world(database: str) -> AsyncIterator[World]:
    """Four services of one process each on PostgreSQL and Redis, or one on SQLite."""
    async with AsyncExitStack() as stack:
        home = stack.enter_context(folder("trust"))
        chosen = {"DATA_DIR": str(home), "SECRET_KEY": places.KEY, "LOG_LEVEL": "WARNING"}
        source: str | Path = home / "daka.sqlite3"
        redis = stack.enter_context(Redis())
        if database == "postgres":
            source = stack.enter_context(Postgres()).url
            chosen |= {"DATABASE_URL": source, "REDIS_URL": redis.url}
        env = process.environment(**chosen)
        await asyncio.to_thread(places.fill, env, SIZE, home)
        services = [Service(env, home, workers=1) for _ in range(4 if database == "postgres" else 1)]
        for service in services:
            await stack.enter_async_context(service)
        yield World(source, services, requests_of(home / "check-in.tsv"), redis)


async def main() -> int:
    run = Run.of("AC-02", "identical check-ins at once", taps=1000, times=20)
    for database, variants in VARIANTS.items():
        names = [f"{database}-{variant}" for variant in variants]
        if not run.has_left(names):
            continue
        async with world(database) as made:
            for name in run.left(names):
                with run.piece(name) as found:
                    for _ in range(run.given.times):
                        for figure, value in (await burst(made, name.partition("-")[2], run.given.taps)).items():
                            found[figure] = found.get(figure, 0) + value
                        found["bursts"] = found.get("bursts", 0) + 1
                    await asyncio.to_thread(check, made.services[0])
    return run.conclude(bursts=sum, rows=sum, refused=sum, server_errors=sum)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
