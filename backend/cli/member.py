"""`daka member`: adding and listing members, roles, invitation codes, bindings, and a member's withdrawal."""

from __future__ import annotations

import argparse
from typing import Any

from backend import branches, members, privacy
from backend.cli.arguments import day, row_id
from backend.kernel.database import transactional
from backend.kernel.settings import Settings
from backend.rules import forms_roster
from models.members import Role, Status, Tier

TIERS = {tier: label for label, tier in forms_roster.TIERS.items()}
STATUSES = {status: label for label, status in forms_roster.STATUSES.items()}
ROLES = {"secretary": "书记", "editor": "党建工作部", "unit_head": "专委会主任", "observer": "上级党委"}


def add(commands: argparse._SubParsersAction) -> None:
    group = commands.add_parser("member", help="成员").add_subparsers(dest="verb", required=True, metavar="操作")
    command = group.add_parser("add", help="新增一名成员，输出其编号")
    command.add_argument("name", metavar="姓名")
    command.add_argument("--branch", type=row_id, required=True, metavar="编号", help="支部编号")
    command.add_argument("--phone", metavar="手机号")
    command.add_argument("--unit", metavar="专委会", help="名称；没有时新建")
    command.add_argument("--tier", choices=[tier.value for tier in Tier], default=Tier.PEER.value, help="类别")
    command.add_argument("--status", choices=[status.value for status in Status], default=Status.ASSOCIATE.value, help="身份")
    command.add_argument("--joined", type=day, metavar="日期", help="从哪天起计任务，默认今天")
    command.set_defaults(run=add_member)
    command = group.add_parser("list", help="列出支部成员")
    command.add_argument("--branch", type=row_id, required=True, metavar="编号", help="支部编号")
    command.add_argument("--all", action="store_true", help="包括已离开的成员")
    command.set_defaults(run=listing)
    command = group.add_parser("role", help="增减职责")
    command.add_argument("id", type=row_id, metavar="成员编号")
    change = command.add_mutually_exclusive_group(required=True)
    change.add_argument("--add", choices=[role.value for role in Role], dest="grant", help="增加")
    change.add_argument("--remove", choices=[role.value for role in Role], dest="revoke", help="减少")
    command.set_defaults(run=role)
    command = group.add_parser("invite", help="生成一次性邀请码（7 天有效，旧码作废）")
    command.add_argument("id", type=row_id, metavar="成员编号")
    command.set_defaults(run=invite)
    command = group.add_parser("unbind", help="解除微信绑定，结束其全部登录（换了微信号或手机丢失时；之后再发邀请码）")
    command.add_argument("id", type=row_id, metavar="成员编号")
    command.set_defaults(run=unbind)
    command = group.add_parser("withdraw", help="本人要求删除时：清除其个人信息，此人退出，不可恢复")
    command.add_argument("id", type=row_id, metavar="成员编号")
    command.add_argument("--name", required=True, metavar="姓名", help="须与该编号的成员一致，以免误删")
    command.set_defaults(run=withdraw)


async def add_member(parsed: argparse.Namespace, settings: Settings) -> None:
    """Prints the new member's id alone, so that a script can take it."""
    await branches.ensure(parsed.branch)
    print(await _add(parsed))


@transactional
async def _add(parsed: argparse.Namespace) -> int:
    units, _ = await branches.units_named(parsed.branch, [parsed.unit] if parsed.unit else [])
    return await members.add(
        None,
        branch_id=parsed.branch,
        name=parsed.name,
        phone=parsed.phone,
        unit_id=units[parsed.unit] if parsed.unit else None,
        tier=Tier(parsed.tier),
        status=Status(parsed.status),
        joined_on=parsed.joined,
    )


async def listing(parsed: argparse.Namespace, settings: Settings) -> None:
    await branches.ensure(parsed.branch)
    state, last, page = ("all" if parsed.all else "active"), 0, 200
    while True:
        rows = await members.listing(None, branch_id=parsed.branch, state=state, after=last, limit=page)
        for row in rows:
            print("\t".join(_cells(row)))
        if len(rows) < page:
            return
        last = rows[-1]["id"]


def _cells(row: dict[str, Any]) -> list[str]:
    unit = row["unit"]["name"] if row["unit"] else "-"
    bound = "已绑定" if row["bound"] else "未绑定"
    return [str(row["id"]), row["name"], unit, TIERS[row["tier"]], STATUSES[row["status"]], _roles(row["roles"]) or "-", bound]


def _roles(roles: list[str]) -> str:
    return "、".join(ROLES[role] for role in roles)


async def role(parsed: argparse.Namespace, settings: Settings) -> None:
    if parsed.grant:
        roles = await members.grant(None, member_id=parsed.id, role=Role(parsed.grant))
    else:
        roles = await members.revoke(None, member_id=parsed.id, role=Role(parsed.revoke))
    print(f"成员 {parsed.id} 现在的职责：{_roles(roles) or '无'}")


async def invite(parsed: argparse.Namespace, settings: Settings) -> None:
    """Prints the code alone, so that a script can take it."""
    print((await members.invite(None, member_id=parsed.id))["invite_code"])


async def unbind(parsed: argparse.Namespace, settings: Settings) -> None:
    await members.unbind(None, member_id=parsed.id)
    print(f"成员 {parsed.id} 没有绑定微信了，其全部登录与未用的控制台链接已失效。")


async def withdraw(parsed: argparse.Namespace, settings: Settings) -> None:
    await privacy.withdraw_for(None, member_id=parsed.id, name=parsed.name)
    print(f"成员 {parsed.id} 已退出，个人信息已清除，登录已结束；学习记录以“已退出成员{parsed.id}”留存，以往的统计不变。")
    print("此前的备份里仍有其个人信息，到期删除；若恢复了此前的备份，须再执行一次。")
