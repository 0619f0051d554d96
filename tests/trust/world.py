"""A filled installation under load, as the long checks begin with it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import process
from trust import books
from trust.ledger import Attempt, Ledger, Load, requests_of
from trust.machines import Postgres, Redis, Service, folder

from bench import places


@dataclass
class World:
    """`source`: where the rows are, for books.py; `since`: the last check-in before the load."""

    service: Service
    load: Load
    source: str | Path
    since: int
    postgres: Postgres | None
    redis: Redis | None

    async def settled(self) -> dict[str, int]:
        """The books, once everything that was sent has been acknowledged."""
        await self.load.quiet()
        assert self.load.wrong == [], (self.load.wrong[:3], self.service.faults()[:3])
        found = await books.compare(self.source, self.load.ledger, since=self.since)
        broken = {name: found[name] for name in ("lost", "duplicates", "orphans", "unacknowledged") if found[name]}
        assert broken == {}, broken
        return found


@asynccontextmanager
async def world(
    database: str,
    *,
    size: places.Size,
    rate: float,
    dice: random.Random,
    server: Mapping[str, str] | None = None,
    force_close: bool = False,
) -> AsyncIterator[World]:
    """Two workers on PostgreSQL and Redis, or one process on SQLite, with members who check in. `server`: settings of PostgreSQL."""
    with ExitStack() as stack:
        home = stack.enter_context(folder("trust"))
        chosen = {"DATA_DIR": str(home), "SECRET_KEY": places.KEY, "LOG_LEVEL": "WARNING"}
        source: str | Path = home / "daka.sqlite3"
        postgres = redis = None
        if database == "postgres":
            postgres, redis = stack.enter_context(Postgres(**server or {})), stack.enter_context(Redis())
            source = postgres.url
            chosen |= {"DATABASE_URL": source, "REDIS_URL": redis.url}
        env = process.environment(**chosen)
        await asyncio.to_thread(places.fill, env, size, home)
        since = await books.last_check_in(source)
        async with Service(env, home, workers=2 if database == "postgres" else 1) as service:
            load = Load(service.base, requests_of(home / "check-in.tsv"), Ledger(home / "ledger.tsv"), dice, rate, force_close=force_close)
            async with load.going():
                yield World(service, load, source, since, postgres, redis)


@dataclass
class Watch:
    """What the service says of itself four times a second, and its open files, while the block lasts."""

    service: Service
    in_flight: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)

    async def __aenter__(self) -> Watch:
        self._task = asyncio.create_task(self._look())
        return self

    async def _look(self) -> None:
        while True:
            self.in_flight.append(await self.service.figure("daka_requests_in_flight"))
            self.files.append(self.service.open_files())
            await asyncio.sleep(0.25)

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def between(attempts: list[Attempt], first: float, last: float) -> list[Attempt]:
    """Those that began then, by the monotonic clock."""
    return [attempt for attempt in attempts if first <= attempt.began <= last]
