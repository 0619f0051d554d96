"""The service as its own process: several workers, refused settings, a graceful stop."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import aiohttp
import pytest
from door import Door
from people import Cast, add_plan, whole_day
from process import daka, environment, free_port, running

from backend.kernel import clock, database
from backend.kernel.database import fetch
from backend.kernel.settings import Settings, SettingsError, load

KEY = "0" * 64


@pytest.fixture
def env(settings: Settings) -> dict[str, str]:
    """The test's own database and Redis, for a process of its own."""
    return environment(
        DATABASE_URL=settings.database_url, REDIS_URL=settings.redis_url, SECRET_KEY=KEY, WECHAT_APPID=settings.wechat_appid,
        WECHAT_SECRET=settings.wechat_secret, WECHAT_API_BASE=settings.wechat_api_base, LOG_LEVEL="WARNING",
    )  # fmt: skip


async def test_two_hundred_identical_check_ins_over_all_workers_make_one(door: Door, cast: Cast, env: dict[str, str], tmp_path: Path):
    [task] = await add_plan(cast, days=[clock.today()])
    day = whole_day((await door.get(f"/tasks/{task.id}", cast.alice)).json)
    workers = "1" if database.dialect() == "sqlite" else "2"
    async with running("serve", "--workers", workers, env=env, cwd=tmp_path) as (base, _):
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200, force_close=True)) as session:
            own = Door(base, session)
            replies = await asyncio.gather(*(own.post(f"/tasks/{task.id}/check-in", cast.alice, day) for _ in range(200)))
    assert sorted(r.status for r in replies) == [200] * 199 + [201]
    assert len({r.body for r in replies}) == 1
    assert (await fetch("SELECT COUNT(*) AS n FROM check_in WHERE task_id = $1", task.id))[0]["n"] == 1
    figures = await fetch("SELECT SUM(on_time) AS on_time, SUM(firsts) AS firsts FROM task_figure WHERE task_id = $1", task.id)
    assert figures == [{"on_time": 1, "firsts": 3}]


@pytest.mark.long
async def test_a_logged_out_token_is_dead_in_every_process_within_five_seconds(door: Door, cast: Cast, env: dict[str, str], tmp_path: Path):
    async with running("serve", env=env, cwd=tmp_path) as (base, _), aiohttp.ClientSession() as session:
        elsewhere = Door(base, session)
        assert (await elsewhere.get("/me", cast.alice)).status == 200
        assert (await door.post("/auth/logout", cast.alice)).status == 204
        assert (await door.get("/me", cast.alice)).status == 401
        await asyncio.sleep(5.1)
        assert (await elsewhere.get("/me", cast.alice)).status == 401


async def test_a_stop_lets_the_request_under_way_end(cast: Cast, env: dict[str, str], tmp_path: Path):
    async with running("serve", env=env, cwd=tmp_path) as (base, process), aiohttp.ClientSession() as session:
        own = Door(base, session)
        # Twenty connections that stand already: what is refused is a new connection, not a request under way.
        await asyncio.gather(*(own.get("/me", cast.alice) for _ in range(20)))
        requests = [asyncio.create_task(own.get("/me", cast.alice)) for _ in range(20)]
        await asyncio.sleep(0.005)
        process.send_signal(signal.SIGTERM)
        assert {r.status for r in await asyncio.gather(*requests)} == {200}
        for _ in range(100):
            if process.poll() is not None:
                break
            await asyncio.sleep(0.1)
        assert process.poll() == 0


@pytest.mark.parametrize(
    "changed, named",
    [
        ({"SECRET_KEY": "short"}, "DAKA_SECRET_KEY"),
        ({"SECRET_KEY": ""}, "DAKA_SECRET_KEY"),
        ({"ENV": "staging"}, "DAKA_ENV"),
        ({"ENV": "production", "SECRET_KEY": ""}, "DAKA_SECRET_KEY"),
        ({"ENV": "production", "WECHAT_API_BASE": "http://127.0.0.1:1"}, "DAKA_WECHAT_API_BASE"),
        ({"ENV": "production", "WECHAT_API_BASE": "", "PUBLIC_URL": "http://example.org"}, "DAKA_PUBLIC_URL"),
        ({"ENV": "production", "WECHAT_SECRET": ""}, "DAKA_WECHAT_SECRET"),
        ({"WECHAT_SECRET": ""}, "DAKA_WECHAT_SECRET"),
        ({"DATABASE_URL": "mysql://x"}, "DAKA_DATABASE_URL"),
        ({"DATABASE_URL": "postgres://x@y/z?sslmode=verify-full"}, "PGSSLMODE"),
        ({"REDIS_URL": "http://x"}, "DAKA_REDIS_URL"),
        ({"TRUSTED_PROXIES": "somewhere"}, "DAKA_TRUSTED_PROXIES"),
        ({"LOG_LEVEL": "loud"}, "DAKA_LOG_LEVEL"),
        ({"WECHAT_PUSH_AES_KEY": "short"}, "DAKA_WECHAT_PUSH_AES_KEY"),
        ({"WECHAT_PUSH_AES_KEY": "!" * 43}, "DAKA_WECHAT_PUSH_AES_KEY"),
        ({"TYPO": "1"}, "DAKA_TYPO"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(env: dict[str, str], tmp_path: Path, changed: dict[str, str], named: str):
    asked = {**env, "DAKA_DATA_DIR": str(tmp_path), **{f"DAKA_{name}": value for name, value in changed.items()}}
    with pytest.raises(SettingsError, match=named):
        load(asked, dotenv=None)


def test_no_secret_shows_in_the_settings_text(env: dict[str, str]):
    chosen = load({**env, "DAKA_METRICS_TOKEN": "canary-metrics"}, dotenv=None)
    assert not any(secret in repr(chosen) for secret in (KEY, env["DAKA_WECHAT_SECRET"], "canary-metrics"))


@pytest.mark.parametrize(
    "changed, words, named",
    [
        ({"DATABASE_URL": "sqlite://nowhere/daka.sqlite3"}, ("--workers", "2"), "--workers"),
        ({"DATABASE_URL": "sqlite://empty.sqlite3"}, (), "daka migrate"),
        ({"DATABASE_URL": "postgres://nobody@127.0.0.1:9/nothing"}, (), "DAKA_DATABASE_URL"),
    ],
)
def test_the_service_does_not_start_on_what_cannot_work(env: dict[str, str], tmp_path: Path, changed: dict, words: tuple, named: str):
    asked = {**env, **{f"DAKA_{name}": value for name, value in changed.items()}}
    done = daka("serve", *words, "--port", str(free_port()), env=asked, cwd=tmp_path)
    assert done.returncode == 1
    assert named in done.stderr and "Traceback" not in done.stderr


def test_the_demo_is_refused_in_production(env: dict[str, str], tmp_path: Path):
    done = daka("demo", "--port", str(free_port()), env={**env, "DAKA_ENV": "production"}, cwd=tmp_path)
    assert done.returncode == 1
    assert "演示" in done.stderr
