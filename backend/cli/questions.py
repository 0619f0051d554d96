"""`daka questions`: loading a question bank from a workbook, and the empty form for one."""

from __future__ import annotations

import argparse
from pathlib import Path

from backend import branches, questions_import
from backend.cli.arguments import content, row_id, write
from backend.kernel.settings import Settings


def add(commands: argparse._SubParsersAction) -> None:
    group = commands.add_parser("questions", help="题库").add_subparsers(dest="verb", required=True, metavar="操作")
    command = group.add_parser("import", help="从 xlsx 导入题库；有一行出错就一行也不导入")
    command.add_argument("file", type=Path, metavar="FILE.xlsx")
    command.add_argument("--branch", type=row_id, metavar="编号", help="支部编号；只有一个支部时可以不写")
    command.add_argument("--partial", action="store_true", help="只导入无误的行")
    command.add_argument("--dry-run", action="store_true", help="只检查，不写入")
    command.set_defaults(run=load)
    command = group.add_parser("template", help="输出空白题库表")
    command.add_argument("file", type=Path, metavar="FILE.xlsx")
    command.set_defaults(run=template, bare=True)


async def load(parsed: argparse.Namespace, settings: Settings) -> int:
    """Prints each faulty row with its reason; 1 when there was one and the sound rows were not asked for."""
    sheet = content(parsed.file)
    branch_id = parsed.branch or await branches.only_branch()
    checked = await questions_import.import_sheet(None, branch_id=branch_id, content=sheet, dry_run=True, partial=False)
    for fault in checked["faults"]:
        print(f"第 {fault['row']} 行：{fault['reason']}")
    if parsed.dry_run or (checked["faults"] and not parsed.partial):
        print(f"未写入。无误的题目 {checked['added']} 道。")
        return 1 if checked["faults"] else 0
    loaded = await questions_import.import_sheet(None, branch_id=branch_id, content=sheet, dry_run=False, partial=parsed.partial)
    print(f"已导入 {loaded['added']} 道题。")
    return 0


async def template(parsed: argparse.Namespace, settings: Settings) -> None:
    write(parsed.file, questions_import.template())
    print(f"已写入空白题库表：{parsed.file}")
