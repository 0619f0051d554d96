"""Starts the service: `python -m api serve …` and `python -m api demo …`. The `daka` command hands over to here (docs/decisions/0007)."""

from __future__ import annotations

import argparse
import asyncio
import functools
import socket
import sys
from pathlib import Path

from api import process
from backend.kernel import database, logs, schema, settings
from backend.kernel.settings import Settings, SettingsError


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="daka")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("serve", "demo"):
        command = commands.add_parser(name)
        command.add_argument("--port", type=int, default=8000)
        # The demo lets everybody sign in as anybody: it stays on this machine.
        command.set_defaults(host="127.0.0.1", workers=1, no_jobs=False, data_dir="", grace=process.GRACE_S)
    commands.choices["serve"].add_argument("--host")
    commands.choices["serve"].add_argument("--workers", type=int)
    commands.choices["serve"].add_argument("--no-jobs", action="store_true")
    commands.choices["serve"].add_argument("--grace", type=float)
    commands.choices["demo"].add_argument("--data-dir")
    commands.add_parser("worker")
    return parser.parse_args()


def main() -> int:
    """0 after a graceful stop, 1 when a setting is missing or makes no sense, or when the stop had to be forced."""
    given = arguments()
    if given.command == "worker":
        process.serve_as_worker()
        return 0
    # The service itself is imported once the settings are known to make sense: a refusal comes at once.
    try:
        if given.command == "demo":
            from backend import demo

            chosen = demo.settings_for(Path(given.data_dir) if given.data_dir else None, given.port)
        else:
            chosen = settings.load()
        if not 1 <= given.workers <= 64:
            raise SettingsError("--workers 应在 1 到 64 之间")
        if given.workers > 1 and chosen.on_sqlite:
            raise SettingsError("SQLite 只能用一个进程（--workers 1）；多进程请使用 PostgreSQL")
        if not 0 <= given.grace <= 600:
            raise SettingsError("--grace 应在 0 到 600 秒之间")
        settings.use(chosen)
        logs.configure(chosen.log_level)
        # A taken port is told at once; nobody is let in before all is ready.
        _listen(given.host, given.port).close()
        asyncio.run(_get_ready(chosen))
        with _listen(given.host, given.port) as listener:
            return run(chosen, listener, workers=given.workers, grace=given.grace, jobs=not given.no_jobs)
    except SettingsError as error:
        print(f"无法启动：{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        # Before anything was served.
        return 130


def _listen(host: str, port: int) -> socket.socket:
    if not 1 <= port <= 65535:
        raise SettingsError("端口应在 1 到 65535 之间")
    try:
        return process.listen(host, port)
    except OSError as error:
        raise SettingsError(f"不能使用 {host}:{port}（已被占用，或没有权限）：请换一个端口，例如 make run PORT=8001") from error


async def _get_ready(chosen: Settings) -> None:
    if chosen.demo:
        from backend import demo

        await schema.migrate(chosen)
        await demo.refuse_real_data(chosen)
        return
    await schema.refuse_unready(chosen)
    await _refuse_strange_key(chosen)


async def _refuse_strange_key(chosen: Settings) -> None:
    """A look at everything that is stored encrypted: a key that is missing is told now, not when a member's number is asked for."""
    from backend import keys

    async with database.opened(chosen):
        found = await keys.usage()
    if found.shut:
        raise SettingsError(f"{found.seen} 条加密的数据中有 {found.shut} 条打不开。{keys.CURE}")


def run(chosen: Settings, listener: socket.socket, *, workers: int, grace: float, jobs: bool) -> int:
    """Serves until a signal ends it; requests under way are finished first."""
    if workers > 1:
        from api import supervisor

        return supervisor.run(chosen, listener, workers=workers, grace=grace, jobs=jobs)
    from api.app import create_app

    process.serve_alone(functools.partial(create_app, chosen, with_jobs=jobs), listener, grace=grace)
    return 0


if __name__ == "__main__":
    sys.exit(main())
