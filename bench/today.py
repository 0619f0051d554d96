"""Today's task, which every phone asks for first, beside the bare framework answering the same document. `make bench SCENARIO=today`.

What a process has answered it remembers for 5 s, so there are two figures: everybody asks once, and everybody asks again and again.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp

from bench import driving, places
from bench.driving import AGAIN, Run
from bench.places import Place
from bench.report import FIGURES, Report, figures

WARM_UP_S = 3
FORGOTTEN_S = 6
GIVEN_UP_S = 60
FEW = 2_000  # as many as check in on a Monday
KINDS = {"once": "每人一次", "again": "5 秒内反复", "few": f"5 秒内反复，{FEW} 人"}


async def reply_to_first(place: Place) -> Path:
    """The service's own reply to the first request, in a file: what the bare framework answers too."""
    _, _, path, token, _, _ = (place.folder / "today.tsv").read_text("utf-8").splitlines()[0].split("\t")
    async with aiohttp.ClientSession() as session:
        async with session.get(place.base + path, headers={"Authorization": f"Bearer {token}"}) as reply:
            reply.raise_for_status()
            document = place.folder / "today.json"
            document.write_bytes(await reply.read())
    return document


def _write_few(place: Place) -> None:
    """The requests of the first FEW members, in a file of their own."""
    lines = (place.folder / "today.tsv").read_text("utf-8").splitlines(keepends=True)
    (place.folder / "today-few.tsv").write_text("".join(lines[:FEW]), "utf-8")


async def _all(place: Place, connections: int, seconds: float, members: int) -> dict[str, Run]:
    """Everybody once, when all that was remembered is forgotten; then as often as it goes, all of them and FEW of them."""
    await asyncio.sleep(FORGOTTEN_S)
    place.sent["today"] = 0
    once = await driving.drive(place, "today", seconds=GIVEN_UP_S, connections=connections, options=("-n", str(members)))
    again = await driving.drive(place, "today", seconds=seconds, connections=connections, options=AGAIN)
    few = await driving.drive(place, "today-few", seconds=seconds, connections=connections, options=AGAIN)
    return {"once": once, "again": again, "few": few}


async def main() -> int:
    given = places.options("today", connections="32,128", days=31, open_days=1)
    counts = [int(text) for text in given.connections.split(",")]
    report = Report("today", "今日任务 GET /api/v1/tasks/today")
    runs: dict[tuple[str, int, str], list[Run]] = {}
    async with places.ground() as ground, AsyncExitStack() as stack:
        await report.head(ground)
        size = places.size_of(given)
        some = [
            await places.prepared(ground, "postgres", "PostgreSQL，2 进程", size),
            await places.prepared(ground, "sqlite", "SQLite，1 进程", size, sqlite=True),
        ]
        for place, workers in zip(some, (2, 1), strict=True):
            await stack.enter_async_context(places.product(place, workers=workers))
            _write_few(place)
        document = await reply_to_first(some[0])
        length = document.stat().st_size
        for workers in (2, 1):
            place = Place(f"bare{workers}", f"单纯的 Sanic 回答同一份 JSON，{workers} 进程", some[0].folder)
            await stack.enter_async_context(places.bare(place, workers=workers, document=document))
            some.append(place)
        for place in some:
            await driving.drive(place, "today", seconds=WARM_UP_S, connections=counts[0], options=AGAIN)
        for _ in range(given.rounds):
            for connections in counts:
                for place in some:
                    for kind, run in (await _all(place, connections, given.seconds, given.members)).items():
                        runs.setdefault((place.name, connections, kind), []).append(run)
        for place in some[:2]:
            places.refuse_unsound(place.env, place.folder, place.label)
    limit = {"postgres": "bare2", "sqlite": "bare1"}
    rate = {key: statistics.median(run.rate for run in rounds) for key, rounds in runs.items()}
    rows = []
    for place in some:
        for (name, connections, kind), rounds in runs.items():
            if name == place.name:
                ratio = f"{rate[name, connections, kind] / rate[limit[name], connections, kind]:.2f}" if name in limit else ""
                rows.append([place.label, connections, KINDS[kind], *figures(rounds), ratio])
    report.say(
        f"数据：{size}。每人一次：{size.members} 人各请求一次，此前 {FORGOTTEN_S} 秒没有请求；"
        f"反复：{size.members} 人（或其中 {FEW} 人）轮流，{given.seconds:g} 秒，每个进程第一次遇到一个人都要查库；{given.rounds} 轮交错；"
        f"回答 {length} 字节。结束后 `daka check` 没有问题。"
    )
    report.table(("", "连接数", "", *FIGURES, "与单纯的 Sanic（进程数相同）之比"), rows)
    shown = {p.label: [[run.rate for run in runs[p.name, c, k]] for c in counts for k in KINDS] for p in some}
    report.bars([f"{c} 连接，{k}" for c in counts for k in KINDS.values()], shown, "每秒请求")
    report.save()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
