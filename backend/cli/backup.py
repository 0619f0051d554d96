"""`daka backup`: one file with everything, taken while the service runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from backend import backups
from backend.kernel.settings import Settings

DIALECTS = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("backup", help="把全部数据备份到一个新文件（服务不必停）")
    command.add_argument("file", type=Path, metavar="FILE", help="备份文件；已存在时不覆盖")
    command.set_defaults(run=run, bare=True)


async def run(parsed: argparse.Namespace, settings: Settings) -> None:
    manifest = await backups.take(settings, path=parsed.file)
    print(f"已备份到 {parsed.file}（{DIALECTS[manifest.dialect]}，{size(parsed.file.stat().st_size)}）。")
    print(f"备份时刻 {manifest.taken_at:%Y-%m-%d %H:%M:%S}，{rows(manifest.counts)}；已从头读回核对。")
    print("文件内有个人信息，只有您本人可读。密钥（DAKA_SECRET_KEY）不在其中，请另行妥善保存：没有它，手机号无法解读。")


def size(count: int) -> str:
    """A number of bytes for people."""
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.2f} GB"


def rows(counts: dict[str, int]) -> str:
    return f"共 {len(counts)} 张表、{sum(counts.values())} 行"
