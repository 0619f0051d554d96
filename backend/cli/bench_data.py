"""`daka bench-data`: fills an empty database with data for load tests."""

from __future__ import annotations

import argparse
import time

from backend import bench_data, checks
from backend.bench_data import Size
from backend.kernel.settings import Settings


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("bench-data", help="向空数据库写入压测数据（虚构）")
    command.add_argument("--members", type=int, required=True, metavar="人数", help="全部支部合计的人数")
    command.add_argument("--branches", type=int, required=True, metavar="个数", help="支部个数，人数平均分配")
    command.add_argument("--days", type=int, required=True, metavar="天数", help="截至今天的学习天数；最近 30 个已学习的日子有作答与阅读")
    command.add_argument("--open-days", type=int, default=1, metavar="天数", help="最近几天（含今天）的任务还没有人完成（默认 1）")
    command.add_argument("--seed", type=int, default=bench_data.SEED, metavar="整数", help="随机数种子，相同的种子写入相同的数据")
    command.set_defaults(run=run)


async def run(parsed: argparse.Namespace, settings: Settings) -> None:
    began = time.monotonic()
    await bench_data.fill(Size(parsed.members, parsed.branches, parsed.days, parsed.open_days), seed=parsed.seed)
    print("，".join(f"{word} {count}" for word, count in (await checks.sizes()).items()) + f"，用时 {time.monotonic() - began:.0f} 秒。")
