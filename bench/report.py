"""What a scenario says in the end: a table with machine, date, versions and spread, a picture, both under bench/results/."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import asyncpg

from backend.kernel import clock
from bench.driving import Run
from bench.places import POSTGRES, ROOT, Ground

RESULTS = ROOT / "bench" / "results"
FONTS = ["Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "DejaVu Sans"]


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Median（least–most）; the value alone when there is one."""
    middle = f"{statistics.median(values):.{digits}f}"
    return middle if len(values) == 1 else f"{middle}（{min(values):.{digits}f}–{max(values):.{digits}f}）"


def figures(runs: Sequence[Run]) -> list[Any]:
    """The cells of some rounds: requests a second, p50, p99 and worst latency, and what failed."""
    latencies = [spread([getattr(run, name) for run in runs], 1) for name in ("p50", "p99", "max")]
    return [spread([run.rate for run in runs]), *latencies, sum(run.failed for run in runs)]


FIGURES = ("每秒请求", "p50 毫秒", "p99 毫秒", "最大 毫秒", "失败")


@dataclass
class Report:
    """Made when a scenario begins, so that it knows how busy the machine was before."""

    name: str
    title: str
    lines: list[str] = field(default_factory=list)
    load_before: float = field(default_factory=lambda: os.getloadavg()[0])

    async def head(self, ground: Ground, **packages: str) -> None:
        """The machine, the versions, the date; `packages`: names to show -> distributions whose versions count."""
        connection = await asyncpg.connect(ground.postgres)
        postgres = await connection.fetchval("SHOW server_version")
        await connection.close()
        versions = {"Sanic": "sanic", "Tortoise ORM": "tortoise-orm", "asyncpg": "asyncpg", **packages}
        named = "，".join(f"{word} {_version(name)}" for word, name in versions.items())
        settings = "，".join(f"{name} {value}" for name, value in POSTGRES.items())
        self.lines += [
            f"# {self.title}（{clock.today()}）",
            "",
            f"机器：{_cores()} 核（{_cpu()}），开始前 1 分钟平均负载 {self.load_before:.2f}（大于 0.5 说明还有别的程序在跑，数字偏低）。",
            f"版本：Python {platform.python_version()}，{named}，PostgreSQL {postgres}"
            f"（fsync 与同步提交均开启，{settings}），SQLite（WAL，synchronous=FULL）。",
            "负载程序（bench/load.c）、服务与数据库同在这台机器上，共用这些核：看比例，不看绝对值。",
            "",
        ]

    def say(self, *lines: str) -> None:
        self.lines += [*lines, ""]

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self.lines += [f"| {' | '.join(columns)} |", f"| {' | '.join('---' for _ in columns)} |"]
        self.lines += [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
        self.lines.append("")

    @property
    def stem(self) -> Path:
        return RESULTS / f"{clock.today()}-{self.name}"

    def bars(self, groups: Sequence[str], series: Mapping[str, Sequence[Sequence[float]]], label: str) -> None:
        """A picture of grouped bars: for each series and group some values, shown as their median with a line from least to most."""
        plot = _plot()
        figure, axes = plot.subplots(figsize=(9, 4.5))
        width = 0.8 / len(series)
        for number, (name, values) in enumerate(series.items()):
            middles = [statistics.median(some) if some else 0 for some in values]
            below = [m - min(some, default=m) for m, some in zip(middles, values, strict=True)]
            above = [max(some, default=m) - m for m, some in zip(middles, values, strict=True)]
            at = [group + width * (number - (len(series) - 1) / 2) for group in range(len(groups))]
            bars = axes.bar(at, middles, width * 0.92, yerr=[below, above], capsize=2, label=name)
            axes.bar_label(bars, fmt="{:,.0f}", fontsize=7, padding=2)
        axes.set_xticks(range(len(groups)), groups)
        axes.set_ylabel(label)
        self._show(figure, axes)

    def curves(self, series: Mapping[str, tuple[Sequence[float], Sequence[float]]], across: str, label: str, *, log: bool = False) -> None:
        """A picture of lines: for each name its x and y values."""
        figure, axes = _plot().subplots(figsize=(9, 4.5))
        for name, (x, y) in series.items():
            axes.plot(x, y, label=name, marker="." if len(x) < 20 else None, linewidth=1.2)
        axes.set_xlabel(across)
        axes.set_ylabel(label)
        if log:
            axes.set_yscale("log")
        self._show(figure, axes)

    def _show(self, figure: Any, axes: Any) -> None:
        axes.set_title(f"{self.title}（{clock.today()}）")
        axes.grid(axis="y", alpha=0.3)
        axes.legend(fontsize=8)
        figure.tight_layout()
        RESULTS.mkdir(exist_ok=True)
        figure.savefig(f"{self.stem}.png", dpi=130)
        self.say(f"![{self.title}]({self.stem.name}.png)")

    def save(self) -> Path:
        """Writes the page and prints it."""
        RESULTS.mkdir(exist_ok=True)
        path = Path(f"{self.stem}.md")
        text = "\n".join(self.lines).rstrip() + f"\n\n结束后 1 分钟平均负载 {os.getloadavg()[0]:.2f}。\n"
        path.write_text(text, "utf-8")
        print(text)
        return path


def _plot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams["font.sans-serif"] = FONTS
    pyplot.rcParams["axes.unicode_minus"] = False
    return pyplot


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if "model name" in line), "?")


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "未安装"
