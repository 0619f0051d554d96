"""AC-16: whose day it is, decided by the server in Shanghai: `make trust-16`.

rules-ZONE: ten thousand instants in a process of that zone. live-ZONE: a service in that zone, its clock put (libfaketime) a quarter of
a minute before a midnight at the end of a year, a quarter or on a leap day, and members who check in across it; the database's own
clock is months away, the phones state days up to two off. Needs libfaketime (Debian: faketime).
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import process
from trust import books
from trust.ledger import Request, requests_of
from trust.machines import Postgres, Redis, Service, check, folder
from trust.report import ROOT, Run

from bench import places

ZONES = ("UTC", "America/New_York", "Pacific/Auckland", "Asia/Shanghai")
# The zone, the database, and the first day after the midnight.
LIVE = {
    "UTC": ("postgres", date(2027, 1, 1)),
    "America/New_York": ("sqlite", date(2027, 4, 1)),
    "Pacific/Auckland": ("postgres", date(2028, 2, 29)),
    "Asia/Shanghai": ("sqlite", date(2028, 3, 1)),
}
SIZE = places.Size(240, 3, 14, 10)
MAKEUP_DAYS = 3
CLOSE_SOON = {
    "postgres": "UPDATE daily_task SET makeup_until = date + 3",
    "sqlite": "UPDATE daily_task SET makeup_until = date(date, '+3 days')",
}
BEFORE_S, AFTER_S, RATE = 15.0, 15.0, 30.0
LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1", "/usr/local/lib/faketime/libfaketimeMT.so.1")
EAST = timedelta(hours=8)
Windows = dict[int, tuple[date, date]]  # task -> its day and the last on which it may be made up


def rules(zone: str, seed: int, examples: int) -> dict[str, Any]:
    env = {**process.environment(), "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "TZ": zone}
    words = [sys.executable, "-m", "trust.midnight_examples", str(seed), str(examples)]
    done = subprocess.run(words, env=env, cwd=ROOT, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


class Clock:
    """The time that the service is told, as an offset to the true one: the same in every zone. Clocks that only run are left alone."""

    def __init__(self) -> None:
        found = [path for pattern in LIBRARIES for path in Path("/").glob(pattern.removeprefix("/"))]
        assert found, "no libfaketime: apt install faketime"
        self.library, self.offset_s = str(found[0]), 0.0

    def put(self, instant: datetime) -> None:
        self.offset_s = instant.timestamp() - time.time()

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self.offset_s, UTC)

    def env(self, zone: str) -> dict[str, str]:
        offset = f"{self.offset_s:+.3f}"
        return {"LD_PRELOAD": self.library, "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1", "TZ": zone}


def shanghai(instant: datetime) -> date:
    return (instant + EAST).date()


def at(day: date, hour: int = 0) -> datetime:
    """The UTC instant of a Shanghai hour, by arithmetic."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC) - EAST


async def across(
    service: Service, clock: Clock, requests: list[Request], windows: dict[int, tuple[date, date]], dice: random.Random
) -> dict[str, Any]:
    """Check-ins until some time after midnight; AssertionError for an answer that no moment between question and answer explains."""
    answered: dict[str, int] = {}
    stated = 0

    async def one(session: aiohttp.ClientSession, request: Request) -> None:
        nonlocal stated
        body = json.loads(request.body)
        if dice.random() < 0.3:
            # Nobody fetched the task: what a phone says of its day changes nothing.
            body["studied_on"] = str(shanghai(clock.now()) + timedelta(days=dice.randint(-2, 2)))
            stated += 1
        headers = {"Authorization": f"Bearer {request.token}", "Idempotency-Key": request.key}
        sent = clock.now()
        async with session.post(service.base + request.path, headers=headers, json=body) as reply:
            told = await reply.json()
        first, last = windows[request.task_id]
        days = {shanghai(sent), shanghai(clock.now())}
        may = {"not_open" if day < first else "closed" if day > last else "on_time" if day == first else "makeup" for day in days}
        word = told["kind"] if reply.status == 201 else told["code"]
        assert word in may, (word, may, str(sent), reply.status, request.path, told)
        answered[word] = answered.get(word, 0) + 1

    ends = time.monotonic() + BEFORE_S + AFTER_S
    tasks = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True)) as session:
        for request in requests:
            if time.monotonic() > ends:
                break
            tasks.append(asyncio.create_task(one(session, request)))
            await asyncio.sleep(dice.expovariate(RATE))
        await asyncio.gather(*tasks)
    return {**answered, "stated": stated}


async def live(zone: str, database: str, morrow: date, dice: random.Random, told: dict[str, Any]) -> None:
    """One midnight; `told` takes the figures."""
    clock, eve = Clock(), morrow - timedelta(days=1)
    with folder("midnight") as home, Postgres() as postgres, Redis() as redis:
        chosen = {"DATA_DIR": str(home), "SECRET_KEY": places.KEY, "LOG_LEVEL": "WARNING"}
        source: str | Path = home / "daka.sqlite3"
        if database == "postgres":
            source, chosen = postgres.url, {**chosen, "DATABASE_URL": postgres.url, "REDIS_URL": redis.url}
        own = process.environment(**chosen)
        clock.put(at(morrow, 12))
        await asyncio.to_thread(places.fill, {**own, **clock.env(zone)}, SIZE, home)
        rows = await books.change(source, CLOSE_SOON[database], "SELECT id, date, makeup_until FROM daily_task")
        windows = {row[0]: tuple(date.fromisoformat(str(day)[:10]) for day in row[1:]) for row in rows}
        # Tasks that open, whose own day ends, and that close at this midnight.
        near = {morrow, eve, eve - timedelta(days=MAKEUP_DAYS), morrow - timedelta(days=MAKEUP_DAYS)}
        requests = [r for r in requests_of(home / "check-in.tsv") if windows[r.task_id][0] in near]
        dice.shuffle(requests)
        clock.put(at(morrow) - timedelta(seconds=BEFORE_S + 20))
        service = Service({**own, **clock.env(zone)}, home, workers=2 if database == "postgres" else 1)
        async with service:
            # It may have been slow to start: midnight comes when it comes.
            await asyncio.sleep(max(0.0, (at(morrow) - clock.now()).total_seconds() - BEFORE_S))
            began = clock.now()
            assert began < at(morrow) - timedelta(seconds=5), f"the service took too long to start: {began}"
            told |= {"zone": zone, "database": database, "midnight": str(morrow)}
            told |= await across(service, clock, requests, windows, dice)
            ended = clock.now()
            since = at(eve, 23).strftime("%Y-%m-%d %H:%M:%S")
            sql = f"SELECT checked_in_at, checked_in_on, task_date, kind FROM check_in WHERE checked_in_at >= '{since}+00:00'"  # noqa: S608
            [stored] = await books.read(source, sql)
            told |= {"rows": len(stored), "differences": sum(differs(row, began, ended) for row in stored)}
            assert told["rows"] == told["on_time"] + told["makeup"] and told["differences"] == 0
            days = {str(row[1])[:10] for row in stored}
            assert days == {str(eve), str(morrow)} and {"not_open", "closed"} <= told.keys(), (days, told)
            await asyncio.to_thread(check, service)


def differs(row: tuple[Any, ...], began: datetime, ended: datetime) -> bool:
    """Whether a stored check-in is not what the arithmetic says: its instant, its day, its kind."""
    instant = row[0] if isinstance(row[0], datetime) else datetime.fromisoformat(row[0])
    on, task = (date.fromisoformat(str(value)[:10]) for value in row[1:3])
    slack = timedelta(seconds=1)
    return not (began - slack <= instant <= ended + slack and on == shanghai(instant) and row[3] == ("on_time" if task == on else "makeup"))


def main() -> int:
    run = Run.of("AC-16", "midnight in Shanghai", examples=10_000)
    names = [*(f"rules-{zone}" for zone in ZONES), *(f"live-{zone}" for zone in LIVE)]
    for name in run.left(names):
        kind, _, zone = name.partition("-")
        with run.piece(name) as found:
            if kind == "rules":
                found |= rules(zone, run.given.seed, run.given.examples)
                digests = {p["digest"] for n, p in run.told["pieces"].items() if n.startswith("rules")} | {found["digest"]}
                assert len(digests) == 1, "another zone decided otherwise"
            else:
                asyncio.run(live(zone, *LIVE[zone], run.dice(name), found))
    return run.conclude(examples=sum, rows=sum, differences=sum, stated=sum)


if __name__ == "__main__":
    sys.exit(main())
