"""`daka roster`: loading a real-name roster from a workbook, and the empty form for one."""

from __future__ import annotations

import argparse
from pathlib import Path

from backend import members_import
from backend.cli.arguments import content, day, row_id, write
from backend.kernel.settings import Settings


def add(commands: argparse._SubParsersAction) -> None:
    group = commands.add_parser("roster", help="实名名册").add_subparsers(dest="verb", required=True, metavar="操作")
    command = group.add_parser("import", help="从 xlsx 导入名册；有一行出错就一行也不导入")
    command.add_argument("file", type=Path, metavar="FILE.xlsx")
    command.add_argument("--branch", type=row_id, required=True, metavar="编号", help="支部编号")
    command.add_argument("--joined", type=day, metavar="日期", help="新成员从哪天起计任务，默认今天")
    command.add_argument("--partial", action="store_true", help="只导入无误的行")
    command.add_argument("--dry-run", action="store_true", help="只检查，不写入")
    command.set_defaults(run=load)
    command = group.add_parser("template", help="输出空白名册表")
    command.add_argument("file", type=Path, metavar="FILE.xlsx")
    command.set_defaults(run=template, bare=True)


async def load(parsed: argparse.Namespace, settings: Settings) -> int:
    """Prints each faulty row with its reason; 1 when there was one and the sound rows were not asked for."""
    report = await members_import.load(
        None,
        content=content(parsed.file),
        branch_id=parsed.branch,
        joined_on=parsed.joined,
        partial=parsed.partial,
        dry_run=parsed.dry_run,
    )
    for fault in report["faults"]:
        print(f"第 {fault['row']} 行：{fault['reason']}")
    if report["units_added"]:
        print(f"新增专委会：{'、'.join(report['units_added'])}")
    what = "试导入（未写入）" if report["dry_run"] else "导入"
    print(f"{what}完成：新增 {report['added']} 人，更新 {report['updated']} 人，未变 {report['unchanged']} 人。")
    return 1 if report["faults"] and not parsed.partial else 0


async def template(parsed: argparse.Namespace, settings: Settings) -> None:
    write(parsed.file, members_import.template())
    print(f"已写入空白名册表：{parsed.file}")
