"""Check-ins as fast as they go, beside what a team would have built instead and beside the limits of database and framework.

`make bench SCENARIO=storm`. Each check-in is new and whole: 3 passages, 5 answers, an Idempotency-Key. Rounds are interleaved.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
from contextlib import AsyncExitStack

from bench import driving, places
from bench.driving import Run
from bench.peers import pgbench
from bench.places import Ground, Place, Size
from bench.report import FIGURES, Report, figures

CLIENTS = 16  # of pgbench
WARM_UP_S = 2
LABELS = {
    "postgres": "打卡，PostgreSQL，2 进程",
    "sqlite": "打卡，SQLite，1 进程",
    "fastapi": "FastAPI + SQLAlchemy，2 进程",
    "django": "Django REST + gunicorn，2 进程",
    "pgbench": f"pgbench -M prepared -c {CLIENTS}，同样的语句",
    "bare": "单纯的 Sanic 回显同一请求，2 进程",
}
PEERS = {"FastAPI": "fastapi", "SQLAlchemy": "sqlalchemy", "uvicorn": "uvicorn", "Django": "django", "gunicorn": "gunicorn"}


async def contestants(stack: AsyncExitStack, ground: Ground, chosen: list[str], size: Size, seconds: float) -> list[Place]:
    """Everything under load, started, with its own copy of the same data."""
    found = {name: Place(name, LABELS[name], ground.folder / "postgres") for name in chosen}
    on_postgres = [name for name in chosen if name != "sqlite"]
    if on_postgres:
        first = await places.prepared(ground, "postgres", LABELS["postgres"], size)
        for name in on_postgres:
            if name == "postgres":
                found[name] = first
            elif name != "bare":
                found[name].env = ground.env(await ground.database(name, like="postgres"), first.folder)
            if name in SERVED:
                await places.forget_periods(found[name])
    if "sqlite" in found:
        found["sqlite"] = await places.prepared(ground, "sqlite", LABELS["sqlite"], size, sqlite=True)
    if "pgbench" in found:
        pgbench.write_scripts(found["pgbench"], size, seconds)
    for name, place in found.items():
        if name in ("postgres", "sqlite"):
            await stack.enter_async_context(places.product(place, workers=2 if name == "postgres" else 1))
        elif name == "bare":
            await stack.enter_async_context(places.bare(place, workers=2))
        elif name != "pgbench":
            await stack.enter_async_context(places.server(place, SERVED[name]))
    return list(found.values())


SERVED = {
    "fastapi": ["-m", "uvicorn", "bench.peers.fastapi_app:app", "--workers", "2", "--loop", "uvloop", "--http", "httptools",
                "--no-access-log", "--log-level", "warning", "--port", "{port}"],
    "django": ["-m", "gunicorn", "bench.peers.django_app:application", "--workers", "2", "--threads", "16", "--worker-class", "gthread",
               "--keep-alive", "75", "--log-level", "warning", "--bind", "127.0.0.1:{port}"],
}  # fmt: skip


async def one(place: Place, connections: int, seconds: float) -> Run:
    if place.name == "pgbench":
        return await pgbench.drive(place, seconds=seconds, clients=CLIENTS)
    # The echo answers faster than new requests can be laid out, and does not mind old ones.
    options = driving.AGAIN if place.name == "bare" else ()
    return await driving.drive(place, "check-in", seconds=seconds, connections=connections, options=options)


async def main() -> int:
    given = places.options("storm", connections="32,128,512", only=",".join(LABELS))
    size = places.size_of(given)
    chosen = [name for name in LABELS if name in given.only.split(",")]
    counts = [int(text) for text in given.connections.split(",")]
    report = Report("storm", "打卡风暴：全部规则开启，能有多快")
    runs: dict[tuple[str, int], list[Run]] = {}
    driving.build()
    async with places.ground() as ground, AsyncExitStack() as stack:
        await report.head(ground, **PEERS)
        contest = await contestants(stack, ground, chosen, size, given.seconds)
        for place in contest:
            if place.name != "pgbench":  # it warms up within its run
                await one(place, counts[0], WARM_UP_S)
        for number in range(given.rounds):
            for connections in counts:
                for place in contest:
                    if place.name == "pgbench" and connections != counts[0]:
                        continue
                    run = await one(place, connections, given.seconds)
                    runs.setdefault((place.name, CLIENTS if place.name == "pgbench" else connections), []).append(run)
                    print(
                        f"第 {number + 1} 轮 {connections} 连接 {place.label}：{run.rate:.0f}/s p99 {run.p99:.0f} ms，失败 {run.failed}",
                        flush=True,
                    )
        for place in contest:
            if place.env:
                places.refuse_unsound(place.env, place.folder, place.label)
    _tell(report, runs, given, size)
    return 0


def _tell(report: Report, runs: dict[tuple[str, int], list[Run]], given: argparse.Namespace, size: Size) -> None:
    report.say(
        f"数据：{size}。每次打卡都是新的，含 3 个段落、5 道题的作答和一个 Idempotency-Key；每轮 {given.seconds:g} 秒，"
        f"{given.rounds} 轮交错，取中位数（最小–最大）。"
        "结束后每个数据库的 `daka check` 都没有问题。各对照做了什么、省了什么：bench/peers/README.md。"
    )
    rows = []
    for name in LABELS:
        for (who, connections), some in sorted(runs.items(), key=lambda item: item[0][1]):
            if who == name:
                rows.append([LABELS[name], connections, *figures(some), _ratio(runs, connections, some)])
    report.table(("", "连接数", *FIGURES, "与“打卡，PostgreSQL”之比"), rows)
    groups = sorted({connections for name, connections in runs if name != "pgbench"})
    limit = {n: [[run.rate for run in some]] * len(groups) for (n, _), some in runs.items() if n == "pgbench"}
    shown = {name: [[run.rate for run in runs.get((name, c), [])] for c in groups] for name in LABELS if (name, groups[0]) in runs}
    report.bars([f"{c} 连接" for c in groups], {LABELS[name]: values for name, values in (shown | limit).items()}, "每秒打卡")
    report.save()


def _ratio(runs: dict[tuple[str, int], list[Run]], connections: int, some: list[Run]) -> str:
    """Beside the product at as many connections; pgbench beside its best figure."""
    ours = [statistics.median(run.rate for run in r) for (n, c), r in runs.items() if n == "postgres" and connections in (c, CLIENTS)]
    return f"{statistics.median(run.rate for run in some) / max(ours):.2f}" if ours else ""


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
