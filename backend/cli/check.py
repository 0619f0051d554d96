"""`daka check`: reads the whole database and reports every broken invariant; exit 1 when there is one."""

from __future__ import annotations

import argparse

from backend import checks
from backend.kernel.settings import Settings, current

WORDS = {
    "member_id": "人员", "task_id": "任务", "other_id": "另一条", "unit_id": "单位", "tier": "类别", "status": "身份",
    "check_in_id": "打卡", "question_id": "题目", "plan_id": "计划", "account_id": "账号", "branch_id": "支部",
    "period": "期间", "aspect_id": "方面", "name": "表", "id": "编号",
}  # fmt: skip


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("check", help="检查全部数据是否自洽（只读）")
    command.set_defaults(run=run)


async def run(parsed: argparse.Namespace, settings: Settings) -> int:
    print("，".join(f"{word} {count}" for word, count in (await checks.sizes()).items()))
    found = await checks.broken(elsewhere=current())
    show(found)
    return 1 if found else 0


def show(found: list[checks.Finding]) -> None:
    """Prints each broken invariant with a few of its rows, and a last line that sums up."""
    for finding in found:
        print(f"✗ {finding.sentence}：{finding.count} 处")
        for sample in finding.samples:
            print("    " + "，".join(f"{WORDS.get(name, name)} {value}" for name, value in sample.items()))
    print(f"发现 {len(found)} 类问题。" if found else "检查完毕，没有发现问题。")
