"""What each hot path costs as the data grows a hundredfold, and with 1, 2 and 4 processes. `make bench SCENARIO=growth`.

The largest size has about ten million check-ins and takes some minutes to fill; `--sizes 2` leaves it out.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import AsyncExitStack

from bench import driving, places
from bench.driving import AGAIN, Run
from bench.places import Place, Size
from bench.report import Report, spread

# About 100,000, one million and ten million check-ins; the last two of the same organisation, so that only the past differs.
SIZES = {"1×": Size(1_120, 28, 160, 60), "10×": Size(20_000, 500, 91, 30), "100×": Size(20_000, 500, 605, 30)}
WORKERS = (1, 2, 4)
# Path -> (title, connections; 0: as many as asked for, requests that may be repeated, figure shown, digits, unit).
PATHS = {
    "check-in": ("打卡", 0, False, "rate", 0, "次/秒"),
    "today": ("今日任务", 0, True, "rate", 0, "次/秒"),
    "day": ("今日情况", 1, True, "p50", 1, "毫秒"),
    "matrix": ("一个支部：人 × 方面，一季度", 1, True, "p50", 1, "毫秒"),
    "units": ("一个支部：党小组 × 方面，一季度", 1, True, "p50", 1, "毫秒"),
    "organisation": ("全部支部 × 方面，一季度", 1, True, "p50", 1, "毫秒"),
}
WARM_UP_S = 1


async def measure(place: Place, path: str, connections: int, seconds: float, most: int) -> Run:
    """One path once. Check-ins: at most `most`, so that every run has some."""
    _, own, again, _, _, _ = PATHS[path]
    options = AGAIN if again else ("-n", str(most))
    return await driving.drive(place, path, seconds=seconds, connections=own or connections, options=options)


async def one_size(place: Place, given: object, available: int, runs: dict[tuple[str, int, str], list[Run]]) -> None:
    counts = [int(text) for text in given.workers.split(",")]
    most = available // (len(counts) * (given.rounds + 1))
    for workers in counts:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(places.product(place, workers=workers))
            for path in PATHS:
                await measure(place, path, given.connections, WARM_UP_S, most)
            for _ in range(given.rounds):
                for path in PATHS:
                    run = await measure(place, path, given.connections, given.seconds, most)
                    runs.setdefault((place.name, workers, path), []).append(run)
                    print(f"{place.label} {workers} 进程 {path}：{run.rate:.0f}/s p50 {run.p50:.1f} ms 失败 {run.failed}", flush=True)


async def main() -> int:
    given = places.options(
        "growth", rounds=3, seconds=3.0, connections=128, workers=",".join(map(str, WORKERS)), sizes=len(SIZES), unchecked=0
    )
    report = Report("growth", "数据增长与进程数")
    runs: dict[tuple[str, int, str], list[Run]] = {}
    chosen = dict(list(SIZES.items())[: given.sizes])
    filled: dict[str, str] = {}
    async with places.ground() as ground:
        await report.head(ground)
        for number, (name, size) in enumerate(chosen.items()):
            began = time.monotonic()
            place = await places.prepared(ground, f"size{number}", f"数据 {name}", size)
            place.name, filled[name] = name, f"{size}（写入用时 {time.monotonic() - began:.0f} 秒）"
            available = sum(1 for _ in (place.folder / "check-in.tsv").open("rb"))
            await one_size(place, given, available, runs)
            if not given.unchecked:
                places.refuse_unsound(place.env, place.folder, place.label)
    report.say(*(f"- 数据 {name}：{text}" for name, text in filled.items()))
    report.say(
        f"打卡与今日任务：{given.connections} 连接，每秒次数；其余：1 个连接，中位延迟（毫秒）。"
        f"每次 {given.seconds:g} 秒，{given.rounds} 次，同一大小与进程数之内交错。"
        f"{'没有另作 `daka check`。' if given.unchecked else '结束后 `daka check` 没有问题。'}"
        f"本机 {len(os.sched_getaffinity(0))} 核，4 进程多于核数。"
    )
    workers = sorted({count for _, count, _ in runs})
    rows = []
    for path, (title, _, _, figure, digits, unit) in PATHS.items():
        for count in workers:
            cells = [spread([getattr(run, figure) for run in runs[name, count, path]], digits) for name in chosen]
            failed = sum(run.failed for name in chosen for run in runs[name, count, path])
            rows.append([title, count, *cells, unit, failed])
    report.table(("路径", "进程数", *(f"数据 {name}" for name in chosen), "单位", "失败"), rows)
    figure = {f"数据 {name}": [[run.rate for run in runs[name, count, "check-in"]] for count in workers] for name in chosen}
    report.bars([f"{count} 进程" for count in workers], figure, "每秒打卡")
    report.save()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
