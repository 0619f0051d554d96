"""`daka branch`: creating and listing branches."""

from __future__ import annotations

import argparse

from backend import branches
from backend.cli.arguments import row_id
from backend.kernel.settings import Settings


def add(commands: argparse._SubParsersAction) -> None:
    group = commands.add_parser("branch", help="支部").add_subparsers(dest="verb", required=True, metavar="操作")
    command = group.add_parser("create", help="新建支部，输出其编号")
    command.add_argument("name", metavar="名称")
    command.add_argument("--parent", type=row_id, metavar="编号", help="上级支部的编号")
    command.set_defaults(run=create)
    command = group.add_parser("list", help="列出全部支部")
    command.set_defaults(run=listing)


async def create(parsed: argparse.Namespace, settings: Settings) -> None:
    """Prints the new branch's id alone, so that a script can take it."""
    print(await branches.create(None, name=parsed.name, parent_id=parsed.parent))


async def listing(parsed: argparse.Namespace, settings: Settings) -> None:
    rows = await branches.listing(None)
    for row in rows:
        print(f"{row['id']}\t{row['name']}\t上级 {row['parent']}" if row["parent"] else f"{row['id']}\t{row['name']}")
    if not rows:
        print("还没有支部。用 daka branch create 名称 新建一个。")
