"""`daka`: parses the command line, opens the database where a command needs it, and shows every failure as one Chinese sentence."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from backend.cli import migrate, serve
from backend.kernel import database, settings
from backend.kernel.errors import DakaError
from backend.kernel.settings import SettingsError

# Each group has add(commands), which sets `run` (async, gets the parsed arguments) and, where it needs no database, `bare=True`.
GROUPS = (serve, migrate)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="daka", description="打卡：每日学习、答题与覆盖统计")
    commands = top.add_subparsers(dest="command", required=True, metavar="命令")
    for group in GROUPS:
        group.add(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; 0 when it did its work, 1 when it could not, 2 for a wrong command line."""
    parsed = parser().parse_args(arguments)
    try:
        if getattr(parsed, "serves", False):
            return parsed.run(parsed) or 0
        return asyncio.run(_run(parsed)) or 0
    except (DakaError, SettingsError) as error:
        print(getattr(error, "detail", str(error)), file=sys.stderr)
        for fault in getattr(error, "extra", {}).get("errors", []):
            print(f"  {fault.get('field', '')}：{fault.get('message', '')}", file=sys.stderr)
        return 1


async def _run(parsed: argparse.Namespace) -> int | None:
    chosen = settings.use(settings.load())
    if getattr(parsed, "bare", False):
        return await parsed.run(parsed, chosen)
    await database.connect(chosen, pool=2)
    try:
        return await parsed.run(parsed, chosen)
    finally:
        await database.close()
