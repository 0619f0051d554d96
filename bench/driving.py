"""Driving a service with the generator in C (load.c): building it, running it, what it says."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.places import ROOT, Place

SOURCE = ROOT / "bench" / "load.c"
PROGRAM = ROOT / "var" / "bench" / "load"
GRACE_S = 60


@dataclass(frozen=True, slots=True)
class Run:
    """One run: requests answered in time, latencies in ms, answers by status. `rate` is of those that succeeded; `failed` is to be 0."""

    requests: int
    seconds: float
    p50: float
    p90: float
    p99: float
    p999: float
    max: float
    statuses: dict[str, int]
    broken: int
    hung_up: int

    @property
    def rate(self) -> float:
        return self.succeeded / self.seconds if self.seconds else 0.0

    @property
    def succeeded(self) -> int:
        return sum(count for status, count in self.statuses.items() if status.startswith("2"))

    @property
    def failed(self) -> int:
        return self.broken + self.requests - self.succeeded


def build() -> Path:
    """The generator, compiled anew when its source is younger. Raises SystemExit without a C compiler."""
    if PROGRAM.exists() and PROGRAM.stat().st_mtime > SOURCE.stat().st_mtime:
        return PROGRAM
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("没有找到 C 编译器：请安装 Debian 软件包 gcc 与 libc6-dev 后再试。")
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([compiler, "-O2", "-Wall", "-std=gnu11", "-o", str(PROGRAM), str(SOURCE)], check=True)
    return PROGRAM


def command(place: Place, scenario: str, *, seconds: float, connections: int, options: Sequence[str] = ()) -> list[str]:
    """The generator's command line; a file whose requests are each good for once goes on where the last run stopped."""
    words = [str(build()), "-p", str(place.port), "-i", str(place.folder / f"{scenario}.tsv"), "-c", str(connections), "-d", str(seconds)]
    return [*words, *(() if "-w" in options else ("-f", str(place.sent.get(scenario, 0)))), *options]


def _told(place: Place, scenario: str, out: str, seconds: float) -> Run:
    told: dict[str, Any] = json.loads(out)
    place.sent[scenario] = place.sent.get(scenario, 0) + told.pop("sent")
    run = Run(**{name: told[name] for name in Run.__slots__})
    if not run.requests:
        raise SystemExit(f"{place.label} {scenario}：没有得到任何回答，数字作废。")
    return run


AGAIN = ("-w",)  # for requests that may be repeated


async def drive(place: Place, scenario: str, *, seconds: float, connections: int, options: Sequence[str] = ()) -> Run:
    """Runs one scenario of the place's request files to its end. `options` go to the generator, AGAIN for example."""
    words = command(place, scenario, seconds=seconds, connections=connections, options=options)
    running = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    try:
        out, _ = await asyncio.wait_for(running.communicate(), seconds + GRACE_S)
    except BaseException:
        running.kill()
        raise
    if running.returncode:
        raise SystemExit(f"{place.label} {scenario}：压测程序失败（{running.returncode}）")
    return _told(place, scenario, out.decode(), seconds)
