"""How long until the service answers, and what a worker weighs after a storm. `make bench SCENARIO=footprint`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import aiohttp

from bench import driving, places
from bench.driving import AGAIN
from bench.places import Place, process
from bench.report import Report, spread

CONNECTIONS = 128


async def ready_after(place: Place, workers: int) -> float:
    """Seconds from the start of `daka serve` to its first good answer."""
    place.port = process.free_port()
    words = [sys.executable, "-m", "backend", "serve", "--workers", str(workers), "--port", str(place.port)]
    began = time.monotonic()
    running = subprocess.Popen(words, env=place.alone(), cwd=place.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               text=True, start_new_session=True)  # fmt: skip
    try:
        async with aiohttp.ClientSession() as session:
            while time.monotonic() - began < 60:
                try:
                    async with session.get(f"{place.base}/readyz") as reply:
                        if reply.status == 200:
                            return time.monotonic() - began
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.01)
        raise SystemExit(f"{place.label} 没有启动")
    finally:
        await asyncio.sleep(0.5)  # Sanic's manager hangs on a signal within 0.3 s of its start (sanic#2997)
        await process.end(running)


def _children(pid: int) -> list[int]:
    found = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found + [grandchild for child in found for grandchild in _children(child)]


def proportional_mib(pid: int) -> float:
    """The process's memory with its share of what it has in common with others (PSS)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


async def weigh(place: Place, workers: int, seconds: float) -> list[float]:
    """MiB of each of the service's processes after check-ins and today's task, the heaviest first."""
    async with places.product(place, workers=workers) as running:
        await driving.drive(place, "check-in", seconds=seconds, connections=CONNECTIONS)
        await driving.drive(place, "today", seconds=seconds, connections=CONNECTIONS, options=AGAIN)
        return sorted((proportional_mib(pid) for pid in [running.pid, *_children(running.pid)]), reverse=True)


async def main() -> int:
    given = places.options("footprint", members=4000, branches=100)
    size = places.size_of(given)
    report = Report("footprint", "启动时间与内存")
    rows = []
    async with places.ground() as ground:
        await report.head(ground)
        for name, label, workers in (("postgres", "PostgreSQL", 2), ("sqlite", "SQLite", 1)):
            place = await places.prepared(ground, name, f"{label}，{workers} 进程", size, sqlite=name == "sqlite")
            starts = [await ready_after(place, workers) for _ in range(given.rounds)]
            weights = await weigh(place, workers, given.seconds)
            rows.append([place.label, spread(starts, 2), "、".join(f"{weight:.0f}" for weight in weights[:workers]), f"{sum(weights):.0f}"])
            places.refuse_unsound(place.env, place.folder, place.label)
    report.say(
        f"数据：{size}。启动：从 `daka serve` 到 /readyz 答 200，{given.rounds} 次。内存：PSS，在 {CONNECTIONS} 连接的打卡与今日任务各 "
        f"{given.seconds:g} 秒之后。"
    )
    report.table(("", "启动 秒", "每个工作进程 MiB", "全部进程合计 MiB"), rows)
    report.save()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
