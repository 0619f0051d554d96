"""`daka`: parses the command line, opens the database where a command needs it, and shows every failure as one Chinese sentence."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

from backend.cli.chinese import Parser
from backend.kernel import settings
from backend.kernel.errors import DakaError
from backend.kernel.settings import Settings, SettingsError

# Every group stands in a file of its name (a hyphen is an underscore there).
GROUPS = (
    *("serve", "worker", "migrate", "curriculum", "branch", "roster", "member", "questions", "plan", "keys", "console"),
    *("check", "doctor", "backup", "restore", "move", "bench-data"),
)


def parser(first_word: str = "") -> argparse.ArgumentParser:
    """Each group has add(commands), which sets `run` (async, gets the parsed arguments) and, where it needs no database, `bare=True`;
    with `serves=True` it runs by itself, before the settings are read.

    A command does not wait for the others' modules to be imported: only the group of `first_word` is, or all for the overview.
    """
    top = Parser(prog="daka", description="打卡：每日学习、答题与覆盖统计")
    commands = top.add_subparsers(dest="command", required=True, metavar="命令")
    wanted = "serve" if first_word == "demo" else first_word
    for name in (wanted,) if wanted in GROUPS else GROUPS:
        import_module(f"backend.cli.{name.replace('-', '_')}").add(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; 0 when it did its work, 1 when it could not, 2 for a wrong command line, 130 when it was interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parsed = parser(words[0] if words else "").parse_args(words)
    try:
        if getattr(parsed, "serves", False):
            return parsed.run(parsed) or 0
        return asyncio.run(_run(parsed)) or 0
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("已中断，没有完成。", file=sys.stderr)
        return 130
    except (DakaError, SettingsError) as error:
        print(getattr(error, "detail", str(error)), file=sys.stderr)
        for fault in getattr(error, "extra", {}).get("errors", []):
            print(f"  {fault.get('field', '')}：{fault.get('message', '')}", file=sys.stderr)
        return 1


async def _run(parsed: argparse.Namespace) -> int | None:
    # Like Ctrl+C: what was begun is taken back.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    chosen = settings.use(settings.load())
    try:
        return await _run_with(parsed, chosen)
    except (DakaError, SettingsError):
        raise
    except Exception as error:
        from backend.cli import failures

        sentence = await failures.sentence(error, chosen)
        if sentence is None:
            raise
        raise SettingsError(sentence) from error


async def _run_with(parsed: argparse.Namespace, chosen: Settings) -> int | None:
    if getattr(parsed, "bare", False):
        return await parsed.run(parsed, chosen)
    from backend.kernel import database

    await database.connect(chosen, pool=2)
    try:
        return await parsed.run(parsed, chosen)
    finally:
        await database.close()
