"""What is under load: PostgreSQL and Redis of our own, databases filled once and copied, services on free ports. All on 127.0.0.1."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import asyncpg

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import process  # noqa: E402
import servers  # noqa: E402

INSTALLED = ROOT / "bench" / "installed"
KEY = "0" * 64
CHECK_S = 3600
# The server's share of this machine; everybody under test gets the same one. The rest is PostgreSQL's default, fsync included.
POSTGRES = {"shared_buffers": "1GB", "max_wal_size": "4GB"}


@dataclass(frozen=True, slots=True)
class Size:
    """What `daka bench-data` is asked for."""

    members: int
    branches: int
    days: int
    open_days: int

    def __str__(self) -> str:
        return f"{self.branches} 个支部、{self.members} 人、{self.days} 天，其中最近 {self.open_days} 天还没有人打卡"


@dataclass
class Place:
    """A service under load. `folder` holds its request files, `sent`: how many of each are used up."""

    name: str
    label: str
    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    port: int = 0
    sent: dict[str, int] = field(default_factory=dict)

    def alone(self) -> dict[str, str]:
        """The environment of the product where nothing else is installed."""
        return {**self.env, "PYTHONPATH": os.pathsep.join(filter(None, (str(INSTALLED), self.env.get("PYTHONPATH"))))}

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass
class Ground:
    """The servers behind the places: addresses of an empty PostgreSQL and a Redis, a folder that goes away with them."""

    postgres: str
    redis: str
    folder: Path

    def env(self, database_url: str, folder: Path) -> dict[str, str]:
        """Settings of a `daka` on this database; "" for an SQLite file in `folder`."""
        chosen = {"DATABASE_URL": database_url, "REDIS_URL": self.redis} if database_url else {}
        env = process.environment(**chosen, DATA_DIR=str(folder), SECRET_KEY=KEY, LOG_LEVEL="WARNING")
        # Bytecode is kept between starts, as where the product is installed.
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        return env

    async def database(self, name: str, *, like: str = "") -> str:
        """The address of a new database, empty or a copy of the one called `like`, which nobody may be using."""
        await _execute(self.postgres, f"CREATE DATABASE bench_{name}" + (f" TEMPLATE bench_{like}" if like else ""))
        return self.postgres.rpartition("/")[0] + f"/bench_{name}"


async def _execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@asynccontextmanager
async def ground() -> AsyncIterator[Ground]:
    """A durable PostgreSQL, a Redis and a scratch folder, all gone afterwards."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="daka-bench-")))
        postgres, stop_postgres = servers.start_postgres(durable=True, settings=POSTGRES)
        stack.callback(stop_postgres)
        redis, stop_redis = servers.start_redis()
        stack.callback(stop_redis)
        yield Ground(postgres, redis, folder)


def run(words: Sequence[str], *, env: dict[str, str], cwd: Path) -> str:
    """What a command printed. Raises SystemExit with what it complained of."""
    done = subprocess.run([sys.executable, *words], env=env, cwd=cwd, capture_output=True, text=True, timeout=CHECK_S, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words[:4])}：{done.stdout}{done.stderr}")
    return done.stdout.strip()


def fill(env: dict[str, str], size: Size, folder: Path, *, check_ins: int = 0) -> dict[str, int]:
    """Migrates and fills the database behind `env` and writes request files into `folder`: how many requests of each kind."""
    run(["-m", "backend", "migrate"], env=env, cwd=folder)
    counts = (f"--members={size.members}", f"--branches={size.branches}", f"--days={size.days}", f"--open-days={size.open_days}")
    print(run(["-m", "backend", "bench-data", *counts], env=env, cwd=folder), flush=True)
    return json.loads(run(["-m", "bench.request_files", str(folder), f"--check-ins={check_ins}"], env=env, cwd=ROOT))


async def prepared(ground: Ground, name: str, label: str, size: Size, *, sqlite: bool = False, check_ins: int = 0) -> Place:
    """A place for the product with a filled database of its own and its request files, not yet served."""
    place = Place(name, label, ground.folder / name)
    place.folder.mkdir()
    place.env = ground.env("" if sqlite else await ground.database(name), place.folder)
    print(f"{label}：{fill(place.env, size, place.folder, check_ins=check_ins)}", flush=True)
    return place


async def forget_periods(place: Place) -> None:
    """Leaves the summaries of periods out of a database: the peers keep none, and the check of what they wrote asks for none."""
    await _execute(place.env["DAKA_DATABASE_URL"], "UPDATE daily_task SET rolled_up = false", "DELETE FROM period_figure")


def options(scenario: str, **defaults: int | float | str) -> argparse.Namespace:
    """The command line of a scenario: --rounds, --seconds and the size of its data, with these defaults, among others of its own."""
    parser = argparse.ArgumentParser(prog=f"make bench SCENARIO={scenario}")
    for name, value in {"rounds": 3, "seconds": 5.0, "members": 10_000, "branches": 250, "days": 65, "open_days": 60, **defaults}.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value, help=f"（{value}）")
    return parser.parse_args()


def size_of(given: argparse.Namespace) -> Size:
    return Size(given.members, given.branches, given.days, given.open_days)


def refuse_unsound(env: dict[str, str], folder: Path, label: str) -> None:
    """After the load every invariant must hold, or the figures are of no worth."""
    print(f"{label}：{run(['-m', 'backend', 'check'], env=env, cwd=folder)}", flush=True)


@asynccontextmanager
async def product(place: Place, *, workers: int) -> AsyncIterator[subprocess.Popen[str]]:
    """`daka serve` on the place's settings."""
    async with process.running("serve", "--workers", str(workers), env=place.alone(), cwd=place.folder) as (base, running):
        place.port = int(base.rpartition(":")[2])
        yield running


@asynccontextmanager
async def server(place: Place, words: Sequence[str]) -> AsyncIterator[None]:
    """Another server: `words` with {port} in its place, run from the repository with the place's environment."""
    place.port = process.free_port()
    with (place.folder / f"{place.name}.log").open("w") as out:
        running = subprocess.Popen(
            [sys.executable, *(word.replace("{port}", str(place.port)) for word in words)],
            cwd=ROOT, env=place.env or dict(os.environ), stdout=out, stderr=subprocess.STDOUT, start_new_session=True, text=True,
        )  # fmt: skip
    try:
        await _answers(place, running)
        yield
    finally:
        await process.end(running)


async def _answers(place: Place, running: subprocess.Popen[str]) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(800):
            if running.poll() is not None:
                break
            try:
                async with session.get(place.base):
                    # Sanic's manager hangs on a signal within 0.3 s of its start (sanic#2997).
                    await asyncio.sleep(0.5)
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
    raise SystemExit(f"{place.label} 没有启动：{(place.folder / f'{place.name}.log').read_text('utf-8')[-2000:]}")


def bare(place: Place, *, workers: int, document: Path | None = None) -> AsyncIterator[None]:
    """The framework alone: it answers GET with `document` and POST with the body that came."""
    return server(place, ["-m", "bench.bare", "{port}", str(workers), *([str(document)] if document else [])])
