"""`daka curriculum`: loading a content pack, importing an official text."""

from __future__ import annotations

import argparse
from pathlib import Path

from backend import curriculum, curriculum_import
from backend.cli.arguments import content, row_id
from backend.curriculum_import import Source
from backend.kernel import clock
from backend.kernel.errors import Invalid
from backend.kernel.settings import Settings


def add(commands: argparse._SubParsersAction) -> None:
    group = commands.add_parser("curriculum", help="学习内容").add_subparsers(dest="verb", required=True, metavar="操作")
    command = group.add_parser("load", help="载入内容包（可重复）")
    command.add_argument("path", type=Path, metavar="PATH", nargs="?", default=curriculum.PACK, help="内容包目录（默认随产品提供的一份）")
    command.set_defaults(run=load)
    command = group.add_parser("import-text", help="导入原文：txt、docx 或保存的网页")
    command.add_argument("file", type=Path, metavar="FILE")
    command.add_argument("--text", default="report", metavar="名称", help="哪个文本（默认 report）")
    command.add_argument("--branch", type=row_id, metavar="编号", help="只给这个支部及其下级用；不写则给所有支部")
    command.add_argument("--dry-run", action="store_true", help="只显示找到了什么，不写入")
    command.add_argument("--partial", action="store_true", help="缺少部分也导入，只替换找到的部分")
    command.set_defaults(run=import_text)


async def load(parsed: argparse.Namespace, settings: Settings) -> None:
    if not (parsed.path / "pack.yaml").is_file():
        raise Invalid(f"{parsed.path} 不是内容包目录：其中没有 pack.yaml", code="unreadable_file")
    counts = await curriculum.load(parsed.path)
    print(
        f"已载入：{counts['aspects']} 个方面、{counts['units']} 个单元、{counts['questions']} 道题"
        f"（新增 {counts['new']}，更新 {counts['changed']}）。"
    )


async def import_text(parsed: argparse.Namespace, settings: Settings) -> None:
    """Prints a table of what was found."""
    official = content(parsed.file)
    report = await curriculum_import.import_text(
        None,
        branch_id=parsed.branch,
        source=Source(parsed.text, parsed.file.name, official),
        today=clock.today(),
        dry_run=parsed.dry_run,
        partial=parsed.partial,
    )
    print(f"{report['title'] or '（没有找到标题）'}\n")
    print("单元\t段数\t字数\t标题")
    for section in report["sections"]:
        print(f"{section['key']}\t{section['passages']}\t{section['characters']}\t{section['title']}")
    changes = report["passages"]
    print(f"\n段落：不变 {changes['kept']}，更正 {changes['corrected']}，新增 {changes['new']}，停用 {changes['retired']}。")
    for warning in report["warnings"]:
        print(f"注意：{warning}")
    for lost in report["unresolved"]:
        print(f"未找到出处：第 {lost['question']} 题，{lost['unit']}“{lost['locator']}”")
    print("试导入，未写入。" if report["dry_run"] else "已导入。今天及以前的任务不变，以后的任务使用新的段落。")
