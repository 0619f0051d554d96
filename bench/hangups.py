"""Phones that hang up at random in the middle of a storm: before, during, after. `make bench SCENARIO=hangups`.

Were a connection to the database lost with each, the service would stand still long before the end.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack

from bench import driving, places
from bench.driving import Run
from bench.report import FIGURES, Report, figures

PERCENT = 20
WARM_UP_S = 2
PHASES = {"之前": (), f"{PERCENT}% 的请求被挂断": ("-x", str(PERCENT)), "之后": ()}


async def main() -> int:
    given = places.options("hangups", connections=64, members=4000, branches=100)
    size = places.size_of(given)
    report = Report("hangups", "随机挂断")
    runs: dict[tuple[str, str], list[Run]] = {}
    async with places.ground() as ground, AsyncExitStack() as stack:
        await report.head(ground)
        some = [
            await places.prepared(ground, "postgres", "PostgreSQL，2 进程", size),
            await places.prepared(ground, "sqlite", "SQLite，1 进程", size, sqlite=True),
        ]
        for place, workers in zip(some, (2, 1), strict=True):
            await stack.enter_async_context(places.product(place, workers=workers))
            await driving.drive(place, "check-in", seconds=WARM_UP_S, connections=given.connections)
        for _ in range(given.rounds):
            for phase, options in PHASES.items():
                for place in some:
                    run = await driving.drive(place, "check-in", seconds=given.seconds, connections=given.connections, options=options)
                    runs.setdefault((place.label, phase), []).append(run)
        for place in some:
            places.refuse_unsound(place.env, place.folder, place.label)
    report.say(
        f"数据：{size}；{given.connections} 连接，每段 {given.seconds:g} 秒，{given.rounds} 轮。发出后 0 至 60 毫秒挂断，不等答复。"
        "结束后 `daka check` 没有问题。"
    )
    rows = [[label, phase, sum(run.hung_up for run in some), *figures(some)] for (label, phase), some in runs.items()]
    report.table(("", "", "挂断", *FIGURES), rows)
    report.save()
    return 1 if any(run.failed for some in runs.values() for run in some) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
