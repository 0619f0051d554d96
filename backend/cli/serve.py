"""`daka serve` and `daka demo`: checked and started by the door itself, `python -m api`, which takes this process's place."""

from __future__ import annotations

import argparse
import os
import sys

from backend.cli.arguments import port


def add(commands: argparse._SubParsersAction) -> None:
    serve = commands.add_parser("serve", help="按设置启动服务")
    serve.add_argument("--host", default="127.0.0.1", help="监听地址（默认 127.0.0.1）")
    serve.add_argument("--port", type=port, default=8000, help="端口（默认 8000）")
    serve.add_argument("--workers", type=int, default=1, help="进程数（SQLite 只能为 1）")
    serve.add_argument("--no-jobs", action="store_true", help="定期清理等交给另一个进程 daka worker")
    serve.add_argument("--grace", type=float, default=15.0, metavar="秒", help="停止时最多等待进行中的请求多少秒（默认 15）")
    serve.set_defaults(run=run, serves=True)
    demo = commands.add_parser("demo", help="演示：内置数据库、微信沙箱与演示支部（不用于生产）")
    demo.add_argument("--port", type=port, default=8000, help="端口（默认 8000）")
    demo.add_argument("--data-dir", default="", help="数据目录（默认 var）")
    demo.set_defaults(run=run, serves=True)


def run(parsed: argparse.Namespace) -> None:
    words = [parsed.command]
    for name in ("host", "port", "workers", "grace", "data_dir"):
        if (value := getattr(parsed, name, None)) not in (None, ""):
            words += [f"--{name.replace('_', '-')}", str(value)]
    if getattr(parsed, "no_jobs", False):
        words.append("--no-jobs")
    os.execv(sys.executable, [sys.executable, "-m", "api", *words])
