"""pgbench with the statements of one check-in, a transaction each: the limit of the database without group commit."""

from __future__ import annotations

import asyncio
import shutil
from math import ceil
from pathlib import Path

from bench.driving import Run
from bench.places import ROOT, Place, Size, run

FASTEST = 10_000  # check-ins a second that must not use up a run's script
WARM_UP_S = 2  # a run's first seconds, in which each client prepares and plans its statements, do not count
GRACE_S = 60


def write_scripts(place: Place, size: Size, seconds: float) -> None:
    """A script for each run of so many seconds, with days of its own on which everybody has joined, into the place's folder."""
    kept, each = min(size.open_days, size.days // 2), ceil((seconds + WARM_UP_S) * FASTEST / size.members)
    counts = [str(count) for count in (size.members, size.branches, size.days, kept, each)]
    written = run(["-m", "bench.peers.pgbench_script", str(place.folder), *counts], env=place.env, cwd=ROOT)
    place.sent = {"members": size.members, "branches": size.branches, "days": size.days, "used": 0}
    print(f"pgbench：{written} 轮的脚本", flush=True)


async def drive(place: Place, *, seconds: float, clients: int) -> Run:
    """One run. Raises SystemExit when a client gave up: its pairs were used up, or a statement failed."""
    program = shutil.which("pgbench") or next((str(p) for p in sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"))), None)
    if program is None:
        raise SystemExit("没有找到 pgbench：请安装 Debian 软件包 postgresql-contrib 后再试。")
    script = place.folder / f"pgbench-{place.sent['used']}.sql"
    if not script.exists():
        raise SystemExit("pgbench 的打卡数据用完了：请增加人数，或减少轮数与秒数。")
    place.sent["used"] += 1
    words = [program, "-M", "prepared", "-n", "-c", str(clients), "-j", "1", "-T", str(ceil(seconds + WARM_UP_S)), "-f", str(script)]
    words += ["-l", "--log-prefix=pgbench-log"]
    variables = {"n": -1, "clients": clients, **{name: place.sent[name] for name in ("members", "branches", "days")}}
    words += [word for name, value in variables.items() for word in ("-D", f"{name}={value}")]
    running = await asyncio.create_subprocess_exec(
        *words, place.env["DAKA_DATABASE_URL"], cwd=place.folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out = (await asyncio.wait_for(running.communicate(), seconds + GRACE_S))[0].decode()
    if running.returncode or "aborted" in out:
        raise SystemExit(f"pgbench 失败：{out[-1500:]}")
    return _run(place.folder)


def _run(folder: Path) -> Run:
    """The run's figures from the log of its transactions: client, number, latency in us, script, end in s and us."""
    ended: list[tuple[float, float]] = []
    for log in folder.glob("pgbench-log.*"):
        for line in log.read_text().splitlines():
            _, _, latency, _, second, rest = line.split()[:6]
            ended.append((int(second) + int(rest) / 1e6, int(latency) / 1000))
        log.unlink()
    begin = min(at for at, _ in ended) + WARM_UP_S
    latencies = sorted(latency for at, latency in ended if at >= begin)
    p50, p90, p99, p999, most = (latencies[int((len(latencies) - 1) * share)] for share in (0.5, 0.9, 0.99, 0.999, 1))
    seconds = max(at for at, _ in ended) - begin
    return Run(len(latencies), seconds, p50, p90, p99, p999, most, {"200": len(latencies)}, 0, 0)
