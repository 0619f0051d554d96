"""Everybody in one branch beside everybody in many: what rows that all move at once cost. `make bench SCENARIO=hot`."""

from __future__ import annotations

import asyncio
import statistics
import sys
from contextlib import AsyncExitStack

from bench import driving, places
from bench.driving import Run
from bench.places import Size
from bench.report import FIGURES, Report, figures

WARM_UP_S = 2


async def main() -> int:
    given = places.options("hot", connections=128)
    report = Report("hot", "热点支部：所有人在同一个支部、同一天打卡")
    spread = places.size_of(given)
    sizes = {"spread": spread, "hot": Size(spread.members, 1, spread.days, spread.open_days)}
    labels = {"spread": f"分散在 {spread.branches} 个支部", "hot": "全部在一个支部"}
    runs: dict[str, list[Run]] = {name: [] for name in sizes}
    async with places.ground() as ground, AsyncExitStack() as stack:
        await report.head(ground)
        some = [await places.prepared(ground, name, labels[name], size) for name, size in sizes.items()]
        for place in some:
            await stack.enter_async_context(places.product(place, workers=2))
            await driving.drive(place, "check-in", seconds=WARM_UP_S, connections=given.connections)
        for _ in range(given.rounds):
            for place in some:
                runs[place.name].append(await driving.drive(place, "check-in", seconds=given.seconds, connections=given.connections))
        for place in some:
            places.refuse_unsound(place.env, place.folder, place.label)
    ratio = statistics.median(run.rate for run in runs["hot"]) / statistics.median(run.rate for run in runs["spread"])
    report.say(
        f"PostgreSQL，2 进程，{given.connections} 连接；{spread.members} 人同一天的任务，一天打完再打前一天；每轮 {given.seconds:g} 秒，"
        f"{given.rounds} 轮交错。结束后 `daka check` 没有问题。**热点 ÷ 分散 = {ratio:.2f}**"
    )
    report.table(("", *FIGURES), [[labels[name], *figures(some)] for name, some in runs.items()])
    report.bars(["每秒打卡"], {labels[name]: [[run.rate for run in some]] for name, some in runs.items()}, "每秒打卡")
    report.save()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
