"""First figures: today's task, a check-in and a branch's coverage, on PostgreSQL (2 workers) and SQLite (1 process), beside bare Sanic.

`make bench SCENARIO=first` or `python -m bench.first [--rounds 3] [--seconds 5] [--connections 32]`. Real servers of its own on
127.0.0.1, durable writes, rounds interleaved; writes a table into bench/results/. The load comes from `wrk`, with one thread.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import aiohttp  # noqa: E402
import asyncpg  # noqa: E402
import process  # noqa: E402
import servers  # noqa: E402

from backend.kernel import clock  # noqa: E402
from bench import first_seed  # noqa: E402

SCENARIOS = {
    "today": "今日任务 GET /tasks/today",
    "check-in": "打卡 POST /tasks/{id}/check-in",
    "coverage": "支部覆盖率 GET /stats/coverage?by=aspect",
}
KEY = "0" * 64
WARM_UP_S = 2


@dataclass
class Place:
    """A service under load: where it listens, where its requests stand, how many processes serve, the settings of its commands."""

    name: str
    workers: int
    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    base: str = ""
    sent: dict[str, int] = field(default_factory=dict)


@dataclass
class Run:
    """One `wrk` run: requests a second, latencies in ms, replies other than 2xx, broken connections, requests answered."""

    rate: float
    p50: float
    p99: float
    refused: int
    broken: int
    requests: int


def load(place: Place, scenario: str, *, seconds: int, connections: int) -> Run:
    """Drives one scenario. It goes on behind the last request of its file that the run before may have sent."""
    first = place.sent.get(scenario, 0)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(ROOT / "bench" / "first.lua"), place.base]
    command += ["--", str(place.folder / f"{scenario}.tsv"), str(first)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60)
    told = json.loads(done.stdout.splitlines()[-1])
    # What was sent and not answered when the time was up lies between the two: it is skipped.
    place.sent[scenario] = first + told["requests"] + connections
    return Run(told["requests"] / told["seconds"], told["p50"], told["p99"], told["refused"], told["broken"], told["requests"])


@asynccontextmanager
async def service(place: Place) -> AsyncIterator[Place]:
    """Seeds the place's database and serves it."""
    print(f"{place.name}：写入压测数据……", flush=True)
    seeded = subprocess.run(
        [sys.executable, "-m", "bench.first_seed", str(place.folder)], env=place.env, cwd=ROOT, check=True, capture_output=True, text=True
    )
    print(f"{place.name}：{seeded.stdout.strip()}", flush=True)
    async with process.running("serve", "--workers", str(place.workers), env=place.env, cwd=place.folder) as (base, _):
        place.base = base
        yield place


@asynccontextmanager
async def bare(place: Place, document: Path) -> AsyncIterator[Place]:
    """The bare framework on the same machine, answering `document`."""
    port = process.free_port()
    place.base = f"http://127.0.0.1:{port}"
    (place.folder / "bare.tsv").write_text("GET\t/\t\t\t\n", "utf-8")
    command = [sys.executable, "-m", "bench.bare", str(port), str(place.workers), str(document)]
    with (place.folder / "bare.log").open("w") as out:
        running = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        await _answers(place.base)
        yield place
    finally:
        await process.end(running)


async def _answers(base: str) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(400):
            try:
                async with session.get(base):
                    # Sanic's manager hangs on a signal within 0.3 s of its start (sanic#2997).
                    await asyncio.sleep(0.5)
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
    raise TimeoutError(base)


async def todays_reply(place: Place) -> Path:
    """The service's own reply to the first request of `today`, in a file: what the bare framework answers too."""
    _, path, token, _, _ = (place.folder / "today.tsv").read_text("utf-8").splitlines()[0].split("\t")
    async with aiohttp.ClientSession() as session:
        async with session.get(place.base + path, headers={"Authorization": f"Bearer {token}"}) as reply:
            reply.raise_for_status()
            document = place.folder / "today.json"
            document.write_bytes(await reply.read())
    return document


async def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench SCENARIO=first")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=32)
    given = parser.parse_args()
    if not shutil.which("wrk"):
        print("没有找到 wrk：请安装 Debian 软件包 wrk（apt-get install wrk）后再试。", file=sys.stderr)
        return 1
    runs: dict[tuple[str, str], list[Run]] = {}
    async with AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="daka-bench-")))
        database_url, stop_postgres = servers.start_postgres(durable=True)
        stack.callback(stop_postgres)
        redis_url, stop_redis = servers.start_redis()
        stack.callback(stop_redis)
        ours = [Place("PostgreSQL", 2, scratch / "postgres"), Place("SQLite", 1, scratch / "sqlite")]
        for place, url in zip(ours, (database_url, ""), strict=True):
            place.folder.mkdir()
            given_url = {"DATABASE_URL": url, "REDIS_URL": redis_url} if url else {}
            place.env = process.environment(**given_url, DATA_DIR=str(place.folder), SECRET_KEY=KEY, LOG_LEVEL="WARNING")
            await stack.enter_async_context(service(place))
        document = await todays_reply(ours[0])
        peers = [Place("单纯的 Sanic", 2, scratch / "bare2"), Place("单纯的 Sanic", 1, scratch / "bare1")]
        for place in peers:
            place.folder.mkdir()
            await stack.enter_async_context(bare(place, document))
        every = [(place, scenario) for scenario in SCENARIOS for place in ours] + [(place, "bare") for place in peers]
        for place, scenario in every:
            load(place, scenario, seconds=WARM_UP_S, connections=given.connections)
        for number in range(given.rounds):
            for place, scenario in every:
                run = load(place, scenario, seconds=given.seconds, connections=given.connections)
                runs.setdefault((f"{place.name}/{place.workers}", scenario), []).append(run)
                print(f"第 {number + 1} 轮 {place.name}（{place.workers} 进程）{scenario}：{run}", flush=True)
        for place in ours:
            _refuse_false_figures(place)
        postgres = await _postgres_version(database_url)
    table = _table(runs, given, postgres)
    path = ROOT / "bench" / "results" / f"{clock.today()}-first.md"
    path.write_text(table, "utf-8")
    print(table)
    return 0


def _refuse_false_figures(place: Place) -> None:
    """After the load the data must be sound, and the check-ins must not have run out: a replayed one is cheaper than a new one."""
    checked = process.daka("check", env=place.env, cwd=place.folder)
    print(f"{place.name}：{checked.stdout.strip()}", flush=True)
    if checked.returncode:
        raise SystemExit(f"{place.name}：daka check 发现问题，数字作废。")
    available = len((place.folder / "check-in.tsv").read_text("utf-8").splitlines())
    if place.sent["check-in"] > available:
        raise SystemExit(f"{place.name}：打卡请求用完了（{available}），数字作废：请缩短时间或减少轮数。")


async def _postgres_version(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval("SHOW server_version")
    finally:
        await connection.close()


def _table(runs: dict[tuple[str, str], list[Run]], given: argparse.Namespace, postgres: str) -> str:
    cpu = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "?")
    lines = [
        f"# 第一批数字（{clock.today()}）",
        "",
        f"机器：{_cores()} 核（{cpu}），Python {platform.python_version()}，Sanic {version('sanic')}，"
        f"Tortoise ORM {version('tortoise-orm')}，PostgreSQL {postgres}（fsync 与同步提交均开启），SQLite（WAL，synchronous=FULL）。",
        f"负载：`wrk -t1 -c{given.connections} -d{given.seconds}s`，与服务、数据库同在这台机器上；"
        f"{given.rounds} 轮交错，取中位数，括号内为最小至最大。",
        f"{first_seed.BRANCHES} 个支部、每支部 {first_seed.MEMBERS} 人、{first_seed.DAYS} 天任务；每次打卡是一份新的完整记录"
        "（全部段落、全部答案、一个 Idempotency-Key），结束后 `daka check` 无问题。",
        "",
        "| 场景 | 数据库（进程数） | 每秒请求 | p50 毫秒 | p99 毫秒 | 与单纯的 Sanic 之比 | 失败 |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    bare_rate = {
        place.rpartition("/")[2]: statistics.median(run.rate for run in some)
        for (place, scenario), some in runs.items()
        if scenario == "bare"
    }
    for (name, scenario), some in runs.items():
        rate = statistics.median(run.rate for run in some)
        title, _, workers = name.rpartition("/")
        cells: list[Any] = [
            SCENARIOS.get(scenario, "同一份“今日任务”JSON"),
            f"{title}（{workers}）",
            f"{rate:.0f}（{min(r.rate for r in some):.0f}–{max(r.rate for r in some):.0f}）",
            f"{statistics.median(r.p50 for r in some):.1f}",
            f"{statistics.median(r.p99 for r in some):.1f}",
            f"{rate / bare_rate[workers]:.2f}",
            sum(r.refused + r.broken for r in some),
        ]
        lines.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _cores() -> int:
    return len(os.sched_getaffinity(0))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
