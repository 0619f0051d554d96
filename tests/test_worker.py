"""The background process: `daka worker`, its sign of life, and `daka serve --no-jobs`."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from door import Door
from people import Cast
from process import daka, end, environment, running
from waiting import until

from backend.kernel import clock, heartbeat, jobs
from backend.kernel.database import fetch
from backend.kernel.jobs import Job
from backend.kernel.settings import Settings
from models.checkins import IdempotencyKey

# Starts whole processes, again and again: see `make test-long`.
pytestmark = pytest.mark.long


@pytest.fixture
def env(settings: Settings, tmp_path: Path) -> dict[str, str]:
    return environment(DATABASE_URL=settings.database_url, SECRET_KEY="0" * 64, DATA_DIR=str(tmp_path / "var"), LOG_LEVEL="INFO")


@asynccontextmanager
async def working(env: dict[str, str], cwd: Path) -> AsyncIterator[tuple[subprocess.Popen[str], Path]]:
    """`daka worker` once its first round is done: the process, and the file that holds what it printed."""
    log = cwd / "worker.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "backend", "worker"],
            env=env, cwd=cwd, stdout=out, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
    try:
        await until(lambda: "job_done" in log.read_text("utf-8") or process.poll() is not None)
        yield process, log
    finally:
        await end(process)


async def old_key(cast: Cast) -> None:
    """Something that the next sweep removes."""
    await IdempotencyKey.create(member_id=cast.alice.id, key="old", request_hash="x", created_at=clock.now() - timedelta(days=8))


async def keys_of(cast: Cast) -> int:
    return (await fetch("SELECT COUNT(*) AS n FROM idempotency_key WHERE member_id = $1", cast.alice.id))[0]["n"]


@pytest.mark.parametrize("changed, named", [
    ({"DAKA_SECRET_KEY": "short"}, "DAKA_SECRET_KEY"),
    ({"DAKA_TYPO": "1"}, "DAKA_TYPO"),
    ({"DAKA_DATABASE_URL": "postgres://nobody@127.0.0.1:9/nothing"}, "DAKA_DATABASE_URL"),
    ({"DAKA_DATABASE_URL": "sqlite://empty.sqlite3"}, "daka migrate"),
])  # fmt: skip
def test_the_worker_does_not_start_on_what_cannot_work(env: dict[str, str], tmp_path: Path, changed: dict[str, str], named: str):
    done = daka("worker", env={**env, **changed}, cwd=tmp_path)
    assert done.returncode == 1
    assert named in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "var" / "worker.alive").exists()


def test_a_data_directory_that_cannot_be_written_is_refused_by_name(door: Door, env: dict[str, str], tmp_path: Path):
    (tmp_path / "var").write_text("一个文件，不是目录")
    done = daka("worker", env=env, cwd=tmp_path)
    assert done.returncode == 1
    assert "无法读写" in done.stderr and "var" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
async def test_the_worker_sweeps_shows_that_it_lives_and_ends_on_a_signal(
    door: Door, cast: Cast, env: dict[str, str], tmp_path: Path, signum: signal.Signals
):
    await old_key(cast)
    silent = daka("worker", "--check", env=env, cwd=tmp_path)
    assert silent.returncode == 1 and "没有在工作" in silent.stdout
    async with working(env, tmp_path) as (process, log):
        assert await keys_of(cast) == 0, log.read_text("utf-8")
        alive = daka("worker", "--check", env=env, cwd=tmp_path)
        assert alive.returncode == 0 and "后台进程在工作" in alive.stdout
        process.send_signal(signum)
        await until(lambda: process.poll() is not None)
        assert process.poll() == 0
        lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    # The end of the audit log is told where there is one: not before anything was done.
    lines = [line for line in lines if line["event"] != "audit_end"]
    assert [line["event"] for line in lines] == ["worker_started", "job_done", "worker_stopped"]
    assert lines[1]["job"] == "sweep" and all(line["at"].endswith("Z") for line in lines)
    gone = daka("worker", "--check", env=env, cwd=tmp_path)
    assert gone.returncode == 1 and "没有在工作" in gone.stdout


async def test_a_killed_worker_leaves_a_sign_that_goes_stale(env: dict[str, str], tmp_path: Path, door: Door):
    async with working(env, tmp_path) as (process, _):
        process.kill()
        process.wait(5)
    file = tmp_path / "var" / "worker.alive"
    assert daka("worker", "--check", env=env, cwd=tmp_path).returncode == 0
    for minutes in (-2, 2):
        file.write_text((clock.now() + timedelta(minutes=minutes)).isoformat())
        late = daka("worker", "--check", env=env, cwd=tmp_path)
        assert late.returncode == 1 and "最后一次应答" in late.stdout
    file.write_text("")
    assert daka("worker", "--check", env=env, cwd=tmp_path).returncode == 1


async def test_the_sign_is_given_again_and_again_and_to_systemd_too(
    door: Door, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from backend import worker

    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    heard.bind(str(tmp_path / "notify"))
    heard.setblocking(False)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setattr(heartbeat, "EVERY_S", 0.02)
    said = []
    beating = asyncio.create_task(worker.beat_on(settings))
    while len(said) < 3:
        said.append(await asyncio.wait_for(asyncio.get_running_loop().sock_recv(heard, 100), 5))
    first = heartbeat.last(settings)
    await until(lambda: heartbeat.last(settings) != first)
    beating.cancel()
    heartbeat.end(settings)
    heard.close()
    assert set(said) == {b"WATCHDOG=1"} and heartbeat.last(settings) is None


async def test_web_processes_without_jobs_leave_the_sweeping_to_the_worker(door: Door, cast: Cast, env: dict[str, str], tmp_path: Path):
    await old_key(cast)
    async with running("serve", "--no-jobs", env=env, cwd=tmp_path) as (base, _), aiohttp.ClientSession() as session:
        assert (await Door(base, session).get("/me", cast.alice)).status == 200
        assert await keys_of(cast) == 1
    async with running("serve", env=env, cwd=tmp_path):

        async def swept() -> bool:
            return await keys_of(cast) == 0

        await until(swept)


async def test_a_job_that_fails_or_hangs_is_due_again_and_holds_up_no_other():
    done: dict[str, int] = {"fails": 0, "hangs": 0, "works": 0}

    async def fails() -> None:
        done["fails"] += 1
        raise RuntimeError("planned")

    async def hangs() -> None:
        done["hangs"] += 1
        await asyncio.Event().wait()

    async def works() -> None:
        done["works"] += 1

    stop = asyncio.Event()
    rounds = [Job(run.__name__, every_s=0.01, run=run, deadline_s=0.01) for run in (fails, hangs, works)]
    keeping = asyncio.create_task(jobs.keep_all(rounds, stop))
    await until(lambda: min(done.values()) >= 3)
    stop.set()
    await asyncio.wait_for(keeping, 2)


async def test_a_round_under_way_may_end_and_one_that_does_not_is_cut_off(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jobs, "GRACE_S", 0.3)
    ended: list[str] = []

    async def slow() -> None:
        await asyncio.sleep(0.1)
        ended.append("slow")

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("endless")
            raise

    stop = asyncio.Event()
    keeping = asyncio.create_task(jobs.keep_all([Job("slow", 3600, slow), Job("endless", 3600, endless)], stop))
    await asyncio.sleep(0.02)
    stop.set()
    await asyncio.wait_for(keeping, 2)
    assert ended == ["slow", "endless"]
