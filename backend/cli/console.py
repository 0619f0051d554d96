"""`daka console`: one-time links into the console, and taking away a second factor that is lost."""

from __future__ import annotations

import argparse

from backend import console_links, second_factors
from backend.cli.arguments import row_id
from backend.kernel.settings import Settings


def add(commands: argparse._SubParsersAction) -> None:
    group = commands.add_parser("console", help="控制台").add_subparsers(dest="verb", required=True, metavar="操作")
    command = group.add_parser("link", help="为有角色的成员生成控制台的一次性链接")
    command.add_argument("member", type=row_id, metavar="编号", help="成员编号")
    command.set_defaults(run=link)
    command = group.add_parser("forget-factor", help="手机与恢复码都丢失时，取消成员的动态口令")
    command.add_argument("member", type=row_id, metavar="编号", help="成员编号")
    command.set_defaults(run=forget_factor)


async def link(parsed: argparse.Namespace, settings: Settings) -> None:
    token = await console_links.create(None, member_id=parsed.member)
    print(f"{settings.public_url}/console/enter?token={token}")
    print("此链接只能使用一次，30 分钟内有效；持有链接的人即可进入控制台，请只交给本人。")


async def forget_factor(parsed: argparse.Namespace, settings: Settings) -> None:
    await second_factors.forget(parsed.member)
    print("动态口令已取消；下次进入控制台后请本人重新设置。")
