"""`daka restore`: a backup back into an empty place."""

from __future__ import annotations

import argparse
from pathlib import Path

from backend import backups_restore
from backend.cli.backup import DIALECTS, rows
from backend.cli.check import show
from backend.kernel.settings import Settings


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("restore", help="把备份恢复到空的数据库（先停止服务）")
    command.add_argument("file", type=Path, metavar="FILE", help="daka backup 写出的文件")
    command.add_argument("--keep-findings", action="store_true", help="备份中的数据不自洽时也恢复")
    command.set_defaults(run=run, bare=True)


async def run(parsed: argparse.Namespace, settings: Settings) -> None:
    """Exit 0 once everything is back, also under another key: that is said, and can be set right afterwards."""
    restored = await backups_restore.restore(settings, path=parsed.file, keep_findings=parsed.keep_findings)
    manifest = restored.manifest
    print(f"已恢复 {parsed.file}（{DIALECTS[manifest.dialect]}，daka {manifest.version}，{rows(manifest.counts)}），行数与备份一致。")
    if restored.migrated:
        print(f"数据库已升级到本版本：{'、'.join(restored.migrated)}。")
    show(restored.findings)
    print("全部登录、未用的控制台链接和邀请码均已失效：请重新登录，需要时重新生成。")
    print(
        f"数据是 {manifest.taken_at:%Y-%m-%d %H:%M:%S} 的。此后的打卡、绑定与解绑、角色与名册变动、撤回同意都不在其中，请核对并补办，"
        "撤回同意的尤须先办。"
    )
    if not restored.knows_the_keys:
        print(
            "注意：当前的 DAKA_SECRET_KEY 中缺少备份时所用的密钥。用它保存的手机号无法解读，也无法凭手机号查找和绑定。"
            "请把原来的密钥补进 DAKA_SECRET_KEY（多个以逗号分隔，最新的在前），数据不必重新恢复。"
        )
