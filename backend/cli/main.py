"""`daka`: parses the command line, opens the database where a command needs it, and shows every failure as one Chinese sentence."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from types import ModuleType

from backend.cli import serve
from backend.kernel import settings
from backend.kernel.errors import DakaError
from backend.kernel.settings import SettingsError



def parser(*, only_serve: bool = False) -> argparse.ArgumentParser:
    """Each group has add(commands), which sets `run` (async, gets the parsed arguments) and, where it needs no database, `bare=True`.

    Starting the service hands over at once, so it does not wait for the other groups to be imported.
    """
    top = argparse.ArgumentParser(prog="daka", description="打卡：每日学习、答题与覆盖统计")
    commands = top.add_subparsers(dest="command", required=True, metavar="命令")
    for group in (serve,) if only_serve else (serve, *_database_groups()):
        group.add(commands)
    return top


def _database_groups() -> tuple[ModuleType, ...]:
    from backend.cli import branch, check, console, curriculum, member, migrate, plan, questions, roster

    return migrate, curriculum, branch, roster, member, questions, plan, console, check


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; 0 when it did its work, 1 when it could not, 2 for a wrong command line."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parsed = parser(only_serve=words[:1] in (["serve"], ["demo"])).parse_args(words)
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
    from backend.kernel import database

    await database.connect(chosen, pool=2)
    try:
        return await parsed.run(parsed, chosen)
    finally:
        await database.close()
