"""`daka keys`: which of the secret keys are still needed, and bringing everything under the newest."""

from __future__ import annotations

import argparse

from backend import keys
from backend.kernel import security
from backend.kernel.settings import Settings


def add(commands: argparse._SubParsersAction) -> None:
    group = commands.add_parser("keys", help="密钥").add_subparsers(dest="verb", required=True, metavar="操作")
    command = group.add_parser("status", help="每个密钥各有多少数据在用（只读）")
    command.set_defaults(run=status)
    command = group.add_parser("rotate", help="把全部加密的数据改用 DAKA_SECRET_KEY 里的第一个密钥（服务不必停；中断后再执行即可）")
    command.add_argument(
        "--lost", action="store_true", help="旧密钥确已遗失：清除打不开的手机号，停用打不开的动态口令，不再核对旧的封印；不可恢复"
    )
    command.set_defaults(run=rotate)


async def status(parsed: argparse.Namespace, settings: Settings) -> int:
    found = await keys.usage()
    for number, (fingerprint, count) in enumerate(zip(security.fingerprints(), found.by_key, strict=True)):
        if number == 0:
            print(f"密钥 {fingerprint}（第 1 个，新数据用它）：{count} 条")
        else:
            print(f"密钥 {fingerprint}（第 {number + 1} 个）：{count} 条{'' if count else '，可以从列表里去掉（先 daka keys rotate）'}")
    if found.shut:
        print(f"✗ 列表里的密钥都打不开的：{found.shut} 条。请把旧密钥补在 DAKA_SECRET_KEY 末尾。")
    return 1 if found.shut else 0


async def rotate(parsed: argparse.Namespace, settings: Settings) -> None:
    changed, blanked = await keys.rotate(lost=parsed.lost, told=lambda done: print(f"已改用新密钥 {done} 条", flush=True))
    if blanked:
        print(f"打不开的 {blanked} 条已清除：请重新导入名册补上手机号，动态口令由本人重新设置。")
    print(f"全部加密的数据与操作记录的封印都已改用第一个密钥（{security.fingerprints()[0]}），这次改了 {changed} 条。")
    if old := security.fingerprints()[1:]:
        print(f"其余密钥（{'、'.join(old)}）不再需要：从 DAKA_SECRET_KEY 里去掉，重启 web 与 worker。更早的备份仍要用它们才能读出手机号。")
