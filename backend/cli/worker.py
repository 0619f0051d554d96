"""`daka worker`: the background process; ends gracefully on SIGTERM and SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import signal

from backend.kernel import clock, heartbeat
from backend.kernel.settings import Settings


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("worker", help="后台进程：定期清理等（与 daka serve --no-jobs 配合）")
    command.add_argument("--check", action="store_true", help="只看后台进程是否在工作：是则返回 0，否则返回 1")
    command.set_defaults(run=run, bare=True)


async def run(parsed: argparse.Namespace, settings: Settings) -> int:
    if parsed.check:
        return check(settings)
    # A health check every half minute should not wait for the database libraries.
    from backend import worker
    from backend.kernel import logs

    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    logs.configure(settings.log_level)
    await worker.work(settings, stop)
    return 0


def check(settings: Settings) -> int:
    now, instant = clock.now(), heartbeat.last(settings)
    if heartbeat.is_fresh(instant, now=now):
        print(f"后台进程在工作，{round((now - instant).total_seconds())} 秒前有应答。")
        return 0
    since = f"最后一次应答：{clock.shanghai(instant):%Y-%m-%d %H:%M:%S}" if instant else f"没有 {heartbeat.path(settings)}"
    print(f"后台进程没有在工作（{since}）。")
    return 1
