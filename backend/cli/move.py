"""`daka move`: a whole SQLite installation to PostgreSQL."""

from __future__ import annotations

import argparse
from urllib.parse import urlsplit

from backend import moves
from backend.cli.backup import rows
from backend.cli.check import show
from backend.kernel import clock, database
from backend.kernel.settings import Settings


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("move", help="把 SQLite 的全部数据迁入 PostgreSQL（先停止服务）")
    command.add_argument(
        "--to", type=postgres, required=True, metavar="postgres://…", help="空的 PostgreSQL 数据库；口令也可以放在环境变量 PGPASSWORD 里"
    )
    command.set_defaults(run=run, bare=True)


def postgres(text: str) -> str:
    """A PostgreSQL address. It may hold a password, so that it is not repeated."""
    scheme, _, rest = text.partition("://")
    if scheme not in ("postgres", "postgresql") or not urlsplit(text).path.strip("/"):
        raise argparse.ArgumentTypeError("应为 postgres://用户:口令@主机/库名")
    return f"postgres://{rest}"


async def run(parsed: argparse.Namespace, settings: Settings) -> None:
    before, after = await moves.move(settings, to=parsed.to, today=clock.today())
    wide = max(map(len, before.counts))
    for name, count in before.counts.items():
        print(f"{name:<{wide}}  SQLite {count:>8}  PostgreSQL {after.counts[name]:>8}")
    print(f"{rows(after.counts)}，逐表一致。")
    for branch in after.coverage.values():
        total = branch["total"]
        shown = "—" if total["coverage"] is None else f"{total['coverage']:.1%}"
        print(f"{branch['name']}：应学 {total['assigned']}，已完成 {total['done']}，覆盖率 {shown}；两边按每个维度逐行一致。")
    show(after.findings)
    print("已迁入 PostgreSQL。请把 DAKA_DATABASE_URL 改为新地址，再启动服务；登录不受影响。")
    print(f"原来的 {database.sqlite_path(settings)} 没有改动；确认无误后请妥善收好，不要再用它启动服务。")
