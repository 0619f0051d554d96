"""Today's task, which every phone asks for first, beside the bare framework answering the same document. `make bench SCENARIO=today`."""

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


async def reply_to_first(place: Place) -> Path:
    """The service's own reply to the first request, in a file: what the bare framework answers too."""
    _, _, path, token, _, _ = (place.folder / "today.tsv").read_text("utf-8").splitlines()[0].split("\t")
    async with aiohttp.ClientSession() as session:
        async with session.get(place.base + path, headers={"Authorization": f"Bearer {token}"}) as reply:
            reply.raise_for_status()
            document = place.folder / "today.json"
            document.write_bytes(await reply.read())
    return document


async def main() -> int:
    given = places.options("today", connections="32,128", days=31, open_days=1)
    counts = [int(text) for text in given.connections.split(",")]
    report = Report("today", "今日任务 GET /api/v1/tasks/today")
    runs: dict[tuple[str, int], list[Run]] = {}
    async with places.ground() as ground, AsyncExitStack() as stack:
        await report.head(ground)
        size = places.size_of(given)
        some = [
            await places.prepared(ground, "postgres", "PostgreSQL，2 进程", size),
            await places.prepared(ground, "sqlite", "SQLite，1 进程", size, sqlite=True),
        ]
        for place, workers in zip(some, (2, 1), strict=True):
            await stack.enter_async_context(places.product(place, workers=workers))
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
                    run = await driving.drive(place, "today", seconds=given.seconds, connections=connections, options=AGAIN)
                    runs.setdefault((place.name, connections), []).append(run)
        for place in some[:2]:
            places.refuse_unsound(place.env, place.folder, place.label)
    limit = {"postgres": "bare2", "sqlite": "bare1"}
    rate = {key: statistics.median(run.rate for run in rounds) for key, rounds in runs.items()}
    rows = []
    for place in some:
        for connections in counts:
            ratio = f"{rate[place.name, connections] / rate[limit[place.name], connections]:.2f}" if place.name in limit else ""
            rows.append([place.label, connections, *figures(runs[place.name, connections]), ratio])
    report.say(
        f"数据：{size}；{size.members} 人轮流请求，每轮 {given.seconds:g} 秒，{given.rounds} 轮交错；"
        f"回答 {length} 字节。结束后 `daka check` 没有问题。"
    )
    report.table(("", "连接数", *FIGURES, "与单纯的 Sanic（进程数相同）之比"), rows)
    shown = {place.label: [[run.rate for run in runs[place.name, c]] for c in counts] for place in some}
    report.bars([f"{c} 连接" for c in counts], shown, "每秒请求")
    report.save()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
