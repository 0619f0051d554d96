"""Each page of the console, one at a time, for a branch of 600 members: how soon all of it is there. `make bench SCENARIO=pages`.

No load: a secretary opens one page after the other, as the tests' desk does.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import sys
import time

import aiohttp

from bench import places
from bench.places import Place
from bench.report import Report, spread

# From the tests' folder, which `places` opens.
from desk import Desk, addresses  # isort: skip
from door import Door  # isort: skip

from console import app  # noqa: F401  (declares the pages)  # isort: skip
from console.http import PAGE, PAGES, PREFIX  # isort: skip

MOST_MS = 150
STUDYING = 2  # the branch below the one that observes
ALSO = ("/coverage?by=member", "/coverage?by=tier", "/members?q=a")


async def enter(place: Place, session: aiohttp.ClientSession) -> Desk:
    listed = places.run(["-m", "backend", "member", "list", "--branch", str(STUDYING)], env=place.env, cwd=place.folder)
    secretary = next(line for line in listed.splitlines() if "书记" in line).split()[0]
    link = places.run(["-m", "backend", "console", "link", secretary], env=place.env, cwd=place.folder)
    return await Desk(Door(place.base, session)).enter_by(re.search(r"token=([\w-]+)", link)[1])


async def measure(place: Place, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each page that the secretary may read, in every round but the first."""
    async with aiohttp.ClientSession() as session:
        desk = await enter(place, session)
        seen = [(await desk.see(path)).body.decode() for path in ("/", *ALSO, "/plans", "/questions", "/texts", "/reminders/ledger")]
        shown = {page.path for page in PAGES if page.method == "GET" and page.gives == PAGE}
        found = [path.removeprefix(PREFIX) for held, path in addresses(seen).items() if held in shown]
        taken: dict[str, list[float]] = {}
        for path in dict.fromkeys((*found, *ALSO)):
            for number in range(rounds + 1):
                began = time.perf_counter()
                reply = await desk.see(path)
                if reply.status == 200 and number:
                    taken.setdefault(path, []).append(1000 * (time.perf_counter() - began))
        return taken


async def main() -> int:
    given = places.options("pages", rounds=15, members=600, branches=1, days=120, open_days=1)
    size = places.size_of(given)
    report = Report("pages", "控制台的每一页")
    taken: dict[str, dict[str, list[float]]] = {}
    async with places.ground() as ground:
        await report.head(ground)
        for name, label, workers in (("postgres", "PostgreSQL，2 进程", 2), ("sqlite", "SQLite，1 进程", 1)):
            place = await places.prepared(ground, name, label, size, sqlite=name == "sqlite")
            async with places.product(place, workers=workers):
                taken[label] = await measure(place, given.rounds)
    report.say(
        f"数据：{size}。书记一页一页地打开，每页先开一次，再计 {given.rounds} 次，到全部收到为止，"
        f"中位数（最小–最大），毫秒。要求：不超过 {MOST_MS}。"
    )
    paths = sorted({path for pages in taken.values() for path in pages})
    report.table(("页面", *taken), [[f"`{path}`", *(spread(pages.get(path, [0.0]), 1) for pages in taken.values())] for path in paths])
    over = [f"{path} {label}" for label, pages in taken.items() for path, some in pages.items() if statistics.median(some) > MOST_MS]
    report.say(f"超过的：{'、'.join(over) or '没有'}。")
    report.save()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
