"""kill -9 in the middle of a storm: what was acknowledged must be there afterwards. `make bench SCENARIO=crash`.

Killed are, in turn, all processes of the service, one process of PostgreSQL (which then takes the whole server down and recovers from
its log), and the one process on SQLite. The generator's log is the ledger: the ids it was told. Afterwards every request is sent again.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import asyncpg

from bench import driving, places
from bench.places import Place
from bench.report import Report

SEED = 20221016
CONNECTIONS = 64
KINDS = {"service": "服务（PostgreSQL，2 进程）", "postgres": "PostgreSQL 的一个进程", "sqlite": "服务（SQLite，1 进程）"}
RECOVERY_S = 30


async def _ids(place: Place) -> set[int]:
    """The ids of all check-ins."""
    url = place.env.get("DAKA_DATABASE_URL")
    if not url:
        with sqlite3.connect(place.folder / "daka.sqlite3") as connection:
            return {row[0] for row in connection.execute("SELECT id FROM check_in")}
    for _ in range(RECOVERY_S * 10):
        try:
            connection = await asyncpg.connect(url)
            break
        except (asyncpg.CannotConnectNowError, ConnectionError):
            await asyncio.sleep(0.1)
    else:
        raise SystemExit("PostgreSQL 没有恢复。")
    try:
        return {row["id"] for row in await connection.fetch("SELECT id FROM check_in")}
    finally:
        await connection.close()


async def _kill(kind: str, place: Place, running: subprocess.Popen[str]) -> None:
    if kind != "postgres":
        os.killpg(running.pid, signal.SIGKILL)
        return
    connection = await asyncpg.connect(place.env["DAKA_DATABASE_URL"])
    pid = await connection.fetchval(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend' ORDER BY state_change DESC LIMIT 1"
    )
    connection.terminate()
    os.kill(pid, signal.SIGKILL)


def read_ledger(log: Path) -> tuple[set[int], str]:
    """The ids that were acknowledged, and which errors were answered how often."""
    rows = [line.split("\t") for line in log.read_text().splitlines()]
    errors = Counter(row[3] for row in rows if row[3][0] != "2")
    return {int(row[4]) for row in rows if row[3] in ("200", "201")}, "，".join(f"{status}：{n}" for status, n in errors.items()) or "0"


async def one(kind: str, place: Place, *, seconds: float, after: float) -> list[str | int]:
    """One crash: how many check-ins were acknowledged, how many of them are missing, and how many are there without a word."""
    before = await _ids(place)
    first, log = place.sent.get("check-in", 0), place.folder / "ledger.log"
    async with places.product(place, workers=1 if kind == "sqlite" else 2) as running:
        storm = asyncio.create_task(driving.drive(place, "check-in", seconds=seconds, connections=CONNECTIONS, options=("-l", str(log))))
        await asyncio.sleep(after)
        await _kill(kind, place, running)
        await storm
        acknowledged, errors = read_ledger(log)
        stored = await _ids(place) - before
    missing = acknowledged - stored
    sent = place.sent["check-in"] - first
    place.sent["check-in"] = first
    async with places.product(place, workers=1 if kind == "sqlite" else 2):
        again = await driving.drive(place, "check-in", seconds=60, connections=CONNECTIONS, options=("-n", str(sent)))
    place.sent["check-in"] = first + sent
    places.refuse_unsound(place.env, place.folder, place.label)
    print(f"{KINDS[kind]}：承认 {len(acknowledged)}，丢失 {len(missing)}", flush=True)
    if again.failed or again.succeeded != sent:
        raise SystemExit(f"{KINDS[kind]}：重发 {sent} 个请求，失败 {again.failed}，答复 {again.statuses}")
    return [KINDS[kind], f"{after:.1f}", len(acknowledged), len(missing), len(stored) - len(acknowledged), errors, sent]


async def main() -> int:
    given = places.options("crash", rounds=3, seconds=4.0, members=4000, branches=100)
    size = places.size_of(given)
    report = Report("crash", "打卡风暴中 kill -9")
    dice = random.Random(SEED)
    rows: list[list[str | int]] = []
    driving.build()
    async with places.ground() as ground:
        await report.head(ground)
        on_postgres = await places.prepared(ground, "postgres", "PostgreSQL", size)
        on_sqlite = await places.prepared(ground, "sqlite", "SQLite", size, sqlite=True)
        for _ in range(given.rounds):
            for kind in KINDS:
                place = on_sqlite if kind == "sqlite" else on_postgres
                rows.append(await one(kind, place, seconds=given.seconds, after=dice.uniform(0.5, given.seconds - 1)))
    report.say(
        f"数据：{size}；{CONNECTIONS} 连接。记账的是压测程序：每个得到 200 或 201 的打卡编号。之后把同样的请求再发一遍，"
        "每一个都得到 200 或 201，`daka check` 没有问题。"
    )
    report.table(("被杀的", "第几秒", "已承认", "其中丢失", "已写入而未及承认", "其间的错误答复", "重发"), rows)
    report.save()
    return 1 if any(row[3] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
