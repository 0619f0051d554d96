"""The secretary's pages, alone and while a storm of check-ins runs. `make bench SCENARIO=secretary`."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack

from bench import driving, places
from bench.driving import AGAIN, Run
from bench.places import Place
from bench.report import Report, spread

PAGES = {
    "day": "今日情况 /stats/today?by=member",
    "matrix": "人 × 方面，一个季度 /stats/coverage?by=member&and=aspect",
    "units": "党小组 × 方面，一个季度 /stats/coverage?by=unit&and=aspect",
    "people": "名册 /members?limit=100",
    "organisation": "全部支部 × 方面，一个季度（上级党委）/stats/coverage?by=branch&and=aspect",
}
ASKING = 2  # connections of the secretaries
WARM_UP_S = 2


async def ask(place: Place, page: str, given: object) -> Run:
    """One page, asked for at a steady rate by one secretary after the other."""
    options = (*AGAIN, "-r", str(given.rate))
    return await driving.drive(place, page, seconds=given.seconds, connections=ASKING, options=options)


async def main() -> int:
    given = places.options("secretary", connections=32, rate=20.0, days=160)
    size = places.size_of(given)
    report = Report("secretary", "书记的页面：平时，与打卡风暴进行时")
    alone: dict[str, list[Run]] = {page: [] for page in PAGES}
    stormy: dict[str, list[Run]] = {page: [] for page in PAGES}
    storms: list[Run] = []
    async with places.ground() as ground, AsyncExitStack() as stack:
        await report.head(ground)
        place = await places.prepared(ground, "postgres", "PostgreSQL，2 进程", size)
        await stack.enter_async_context(places.product(place, workers=2))
        for page in PAGES:
            await driving.drive(place, page, seconds=WARM_UP_S, connections=ASKING, options=(*AGAIN, "-r", str(given.rate)))
        for _ in range(given.rounds):
            for page in PAGES:
                alone[page].append(await ask(place, page, given))
                storm = asyncio.create_task(driving.drive(place, "check-in", seconds=given.seconds + 1, connections=given.connections))
                await asyncio.sleep(0.5)
                stormy[page].append(await ask(place, page, given))
                storms.append(await storm)
        places.refuse_unsound(place.env, place.folder, place.label)
    report.say(
        f"数据：{size}。每页每秒 {given.rate:g} 次，各支部书记轮流；风暴：{given.connections} 连接不停打卡，"
        f"其间每秒 {spread([run.rate for run in storms])} 次，失败 {sum(run.failed for run in storms)}。"
        f"每页每轮 {given.seconds:g} 秒，{given.rounds} 轮交错。"
        "结束后 `daka check` 没有问题。"
    )
    rows = []
    for page, title in PAGES.items():
        for when, runs in (("平时", alone[page]), ("风暴中", stormy[page])):
            cells = [spread([getattr(run, name) for run in runs], 1) for name in ("p50", "p99", "max")]
            rows.append([title, when, *cells, sum(run.failed for run in runs)])
    report.table(("页面", "", "p50 毫秒", "p99 毫秒", "最大 毫秒", "失败"), rows)
    shown = {"平时": alone, "风暴中": stormy}
    report.bars(
        [title.split()[0] for title in PAGES.values()], {k: [[r.p50 for r in v[p]] for p in PAGES] for k, v in shown.items()}, "p50 毫秒"
    )
    report.save()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
