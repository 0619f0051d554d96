"""Starts the service: `python -m api serve …` and `python -m api demo …`. The `daka` command hands over to here (docs/decisions/0007)."""

from __future__ import annotations

import argparse
import asyncio
import functools
import socket
import sys
from pathlib import Path

from sanic import Sanic
from sanic.worker.loader import AppLoader

from backend.kernel import database, settings
from backend.kernel.settings import Settings, SettingsError


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="daka")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("serve", "demo"):
        command = commands.add_parser(name)
        command.add_argument("--port", type=int, default=8000)
        # The demo lets everybody sign in as anybody: it stays on this machine.
        command.set_defaults(host="127.0.0.1", workers=1, no_jobs=False, data_dir="")
    commands.choices["serve"].add_argument("--host")
    commands.choices["serve"].add_argument("--workers", type=int)
    commands.choices["serve"].add_argument("--no-jobs", action="store_true")
    commands.choices["demo"].add_argument("--data-dir")
    return parser.parse_args()


def main() -> int:
    """0 after a graceful stop, 1 when a setting is missing or makes no sense."""
    given = arguments()
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
        _refuse_taken_port(given.host, given.port)
        settings.use(chosen)
        asyncio.run(_get_ready(chosen))
    except SettingsError as error:
        print(f"无法启动：{error}", file=sys.stderr)
        return 1
    run(chosen, host=given.host, port=given.port, workers=given.workers, jobs=not given.no_jobs)
    return 0


def _refuse_taken_port(host: str, port: int) -> None:
    if not 1 <= port <= 65535:
        raise SettingsError("端口应在 1 到 65535 之间")
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        raise SettingsError(f"不能使用 {host}:{port}（已被占用，或没有权限）：请换一个端口，例如 make run PORT=8001") from error


async def _get_ready(chosen: Settings) -> None:
    if chosen.demo:
        from backend import demo

        await database.migrate(chosen)
        await demo.refuse_real_data(chosen)
        return
    await database.refuse_unready(chosen)


def run(chosen: Settings, *, host: str, port: int, workers: int, jobs: bool) -> None:
    """Serves until a signal ends it; requests under way are finished first."""
    from api.app import create_app

    if workers == 1:
        create_app(chosen, with_jobs=jobs).run(host=host, port=port, single_process=True, access_log=False, motd=False)
        return
    loader = AppLoader(factory=functools.partial(create_app, chosen, with_jobs=jobs))
    app = loader.load()
    app.prepare(host=host, port=port, workers=workers, access_log=False, motd=False)
    Sanic.serve(primary=app, app_loader=loader)


if __name__ == "__main__":
    sys.exit(main())
