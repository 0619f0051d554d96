"""Several workers behind one socket: their figures are one, a dead one is replaced, and every stop comes to its end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import aiohttp
import pytest
from door import Door
from figures_of import figures_of, value
from people import Cast
from process import DEADLINE_S, environment, free_port, running
from waiting import until

from backend.kernel import database
from backend.kernel.settings import Settings

# Starts whole processes, again and again: see `make test-long`.
pytestmark = pytest.mark.long


@pytest.fixture
def env(door: Door, settings: Settings, tmp_path: Path) -> dict[str, str]:
    """The test's own database and Redis, and a folder of its own for what the workers share."""
    (tmp_path / "shared").mkdir()
    own = environment(
        DATABASE_URL=settings.database_url, REDIS_URL=settings.redis_url, SECRET_KEY="0" * 64, WECHAT_APPID=settings.wechat_appid,
        WECHAT_SECRET=settings.wechat_secret, WECHAT_API_BASE=settings.wechat_api_base, LOG_LEVEL="INFO",
    )  # fmt: skip
    return {**own, "TMPDIR": str(tmp_path / "shared")}


def many() -> str:
    """SQLite allows one process: it goes the same way."""
    return "1" if database.dialect() == "sqlite" else "2"


def workers_of(process: subprocess.Popen) -> list[int]:
    """The worker processes below the supervisor."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return sorted(int(child) for child in children)


async def asked_by_new_connections(base: str, who, times: int) -> None:
    """Every request over a connection of its own, so that the kernel spreads them over the workers."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=20, force_close=True)) as session:
        own = Door(base, session)
        replies = await asyncio.gather(*(own.get("/me", who) for _ in range(times)))
    assert {reply.status for reply in replies} == {200}


async def seen(base: str, name: str, **labels: str) -> float:
    """What the service says over a new connection."""
    async with aiohttp.ClientSession() as session:
        return value(await figures_of(Door(base, session)), name, **labels)


ME = {"method": "GET", "route": "/api/v1/me", "status": "200"}


async def test_the_figures_of_all_workers_are_one_and_outlive_a_worker(cast: Cast, env: dict[str, str], tmp_path: Path):
    several = many() == "2"
    async with running("serve", "--workers", many(), env=env, cwd=tmp_path) as (base, process):
        # The first worker answers before the last one has come up.
        await until(lambda: alive(base, int(many())))
        await asked_by_new_connections(base, cast.alice, 60)
        for _ in range(8):
            assert await seen(base, "daka_requests_total", **ME) == 60
        assert await seen(base, "daka_workers") == await seen(base, "daka_workers_wanted") == int(many())
        if several:
            victim = workers_of(process)[0]
            os.kill(victim, signal.SIGKILL)
            await until(lambda: replaced(process, victim))
            await until(lambda: alive(base, 2))
        await asked_by_new_connections(base, cast.alice, 60)
        for _ in range(8):
            assert await seen(base, "daka_requests_total", **ME) == 120
        assert await seen(base, "daka_requests_in_flight") == 1
    lines = [json.loads(line) for line in next(tmp_path.glob("daka-*.log")).read_text("utf-8").splitlines()]
    served = Counter(line.get("worker") for line in lines if line["event"] == "request" and line["route"] == "/api/v1/me")
    assert served.total() == 120 and len(served) == int(many()), served
    if several:
        assert [line for line in lines if line["event"] == "worker_died" and line["code"] == -9]
    assert list((tmp_path / "shared").iterdir()) == []


async def replaced(process: subprocess.Popen, victim: int) -> bool:
    return victim not in workers_of(process) and len(workers_of(process)) == 2


async def alive(base: str, count: int) -> bool:
    return await seen(base, "daka_workers") == count


async def test_a_stop_at_the_first_answer_is_graceful(cast: Cast, env: dict[str, str], tmp_path: Path):
    port = free_port()
    words = [sys.executable, "-m", "backend", "serve", "--workers", many(), "--port", str(port)]
    process = subprocess.Popen(words, env=env, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        await until(lambda: answers(f"http://127.0.0.1:{port}"))
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, DEADLINE_S) == 0
        await until(lambda: group_gone(process))
    finally:
        end_group(process)


async def answers(base: str) -> bool:
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{base}/healthz") as reply:
            return reply.status == 200
    except aiohttp.ClientError:
        return False


async def group_gone(process: subprocess.Popen) -> bool:
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return True
    return False


def end_group(process: subprocess.Popen) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait(5)


async def test_a_service_that_cannot_start_gives_up_and_says_so_line_by_line(env: dict[str, str], tmp_path: Path):
    """What is missing is found only once a process opens its doors; no worker ever serves, and it must not be tried for ever."""
    (tmp_path / "sitecustomize.py").write_text('import sys\nsys.modules["fakeredis"] = None\n')
    broken = {**env, "PYTHONPATH": f"{tmp_path}:{env['PYTHONPATH']}", "DAKA_REDIS_URL": ""}
    words = [sys.executable, "-m", "backend", "serve", "--workers", many(), "--port", str(free_port())]
    done = await asyncio.to_thread(subprocess.run, words, env=broken, cwd=tmp_path, capture_output=True, text=True, timeout=40, check=False)
    assert done.returncode == 1 and done.stderr == ""
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert any("ModuleNotFoundError" in json.dumps(line.get("error", {})) for line in lines)
    assert many() == "1" or any(line["event"] == "service_gives_up" for line in lines)
    assert list((tmp_path / "shared").iterdir()) == []
