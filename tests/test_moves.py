"""`daka move`: the demo from SQLite to PostgreSQL, the same through the door on both sides; what is refused leaves both as they were."""

from __future__ import annotations

import asyncio
import datetime
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
from door import Door
from installations import Installation, apart, installation
from process import daka, environment, running
from test_demo import sign_in

from backend import moves
from backend.cli.main import main
from backend.kernel import clock
from backend.kernel.errors import DakaError
from backend.kernel.schema import MIGRATION_LOCK
from backend.kernel.settings import Settings

# Starts whole processes, again and again: see `make test-long`.
pytestmark = pytest.mark.long

AXES = ("aspect", "unit", "tier", "status", "member", "day")
MEDDLING = """
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.excused := NEW.excused + 1; RETURN NEW; END $$;
CREATE TRIGGER meddle BEFORE INSERT ON task_figure FOR EACH ROW EXECUTE FUNCTION meddle();
"""


@dataclass
class Demo:
    """A demo on SQLite that was stopped: its folder, and what its secretary saw through the door."""

    folder: Path
    token: str
    seen: dict[str, Any]

    def env(self, folder: Path, **other: str) -> dict[str, str]:
        url = {"DATABASE_URL": f"sqlite://{folder / 'daka.sqlite3'}?synchronous=OFF"}
        return environment(DATA_DIR=str(folder), LOG_LEVEL="WARNING", **{**url, **other})


@pytest.fixture(scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    made = Demo(tmp_path_factory.mktemp("demo"), "", {})
    async with running("demo", env=made.env(made.folder), cwd=made.folder) as (base, _), aiohttp.ClientSession() as session:
        door = Door(base, session)
        people = (await door.get("/sandbox/people", root=True)).json["items"]
        made.token, _ = await sign_in(door, next(p["openid"] for p in people if "secretary" in p["roles"]))
        made.seen = await look(door, made.token)
    return made


@pytest.fixture
async def target(settings: Settings, door: Door, tmp_path: Path) -> AsyncIterator[Installation]:
    """An empty place in PostgreSQL."""
    async with apart(settings), installation(settings, tmp_path) as own:
        yield own


@asynccontextmanager
async def plain(target: Installation) -> AsyncIterator[asyncpg.Connection]:
    """A connection without the product."""
    connection = await asyncpg.connect(target.settings.database_url)
    try:
        yield connection
    finally:
        await connection.close()


async def look(door: Door, token: str) -> dict[str, Any]:
    """What the secretary is shown of every axis, of the days and of the questions."""
    found = {}
    for path in [
        *(f"/stats/coverage?by={axis}" for axis in AXES),
        "/stats/coverage?by=tier&and=aspect",
        "/stats/questions",
        "/stats/today",
    ]:
        reply = await door.get(path, token)
        assert reply.status == 200, reply.body
        found[path] = reply.json
    return found


def copied(demo: Demo, folder: Path, *statements: str) -> dict[str, str]:
    """The environment of a copy of the demo, after these statements."""
    shutil.copyfile(demo.folder / "daka.sqlite3", folder / "daka.sqlite3")
    shutil.copyfile(demo.folder / "secret_key", folder / "secret_key")
    with closing(sqlite3.connect(folder / "daka.sqlite3", isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
    return demo.env(folder)


async def refused(target: Installation, source: Path) -> DakaError:
    """The refusal of a move, run in this process: it asks both databases in plain SQL."""
    settings = replace(target.settings, database_url=f"sqlite://{source / 'daka.sqlite3'}")
    with pytest.raises(DakaError) as error:
        await moves.move(settings, to=target.settings.database_url, today=clock.today())
    return error.value


# --- what is refused --------------------------------------------------------------------------------------------------


async def test_a_row_that_postgresql_cannot_take_leaves_the_target_empty(demo: Demo, target: Installation, tmp_path: Path):
    copied(demo, tmp_path, "UPDATE question SET stem = 'a' || char(0) || 'b' WHERE id = 5")
    error = await refused(target, tmp_path)
    assert error.code == "move_failed" and "表 question" in error.detail
    assert await target.is_empty()


async def test_figures_that_come_out_otherwise_leave_the_target_empty(
    demo: Demo, blank: Installation, target: Installation, tmp_path: Path
):
    """Something in the target itself changes a figure on the way in: the counts agree, the coverage does not."""
    copied(demo, tmp_path)
    await target.become(blank)
    async with plain(target) as connection:
        await connection.execute(MEDDLING)
        error = await refused(target, tmp_path)
        assert error.code == "move_failed" and "覆盖率不同" in error.detail
        assert await connection.fetchval("SELECT COUNT(*) FROM task_figure") == 0


async def test_a_service_that_still_runs_on_the_source_is_noticed(demo: Demo, target: Installation, tmp_path: Path):
    copied(demo, tmp_path)
    with closing(sqlite3.connect(tmp_path / "daka.sqlite3")) as service:
        service.execute("SELECT COUNT(*) FROM branch").fetchone()
        error = await refused(target, tmp_path)
        assert error.code == "in_use" and "请先停止服务" in error.detail
    assert await target.is_empty()


async def test_nobody_can_write_to_the_source_meanwhile(demo: Demo, target: Installation, tmp_path: Path):
    copied(demo, tmp_path)
    async with plain(target) as connection:
        # The move waits for the migration lock, in the midst of its work.
        await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
        moving = asyncio.create_task(refused(target, tmp_path))
        while not await connection.fetchval("SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
            assert not moving.done()
            await asyncio.sleep(0.02)
        with closing(sqlite3.connect(tmp_path / "daka.sqlite3", timeout=0.1)) as late:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                late.execute("UPDATE branch SET name = '某支部'")
        moving.cancel()
        await asyncio.wait([moving])
    assert await target.is_empty()


async def test_a_target_with_anything_in_it_is_refused_and_keeps_it(demo: Demo, blank: Installation, target: Installation, tmp_path: Path):
    copied(demo, tmp_path)
    await target.become(blank)
    async with plain(target) as connection:
        await connection.execute("INSERT INTO branch (name, path, is_demo, created_at) VALUES ('某支部', '/1/', false, now())")
        error = await refused(target, tmp_path)
        assert error.code == "not_empty" and "党支部 1" in error.detail
        assert await connection.fetchval("SELECT COUNT(*) FROM branch") == 1


async def test_an_account_that_may_not_make_tables_is_told_so(demo: Demo, target: Installation, tmp_path: Path):
    copied(demo, tmp_path)
    async with plain(target) as connection:
        await connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE ROLE guest LOGIN")
        try:
            strong = target.settings
            target.settings = replace(strong, database_url=strong.database_url.replace("daka:@", "guest:@"))
            error = await refused(target, tmp_path)
            target.settings = strong
        finally:
            await connection.execute("DROP ROLE guest")
    assert error.code == "move_failed" and "permission denied" in error.detail
    assert await target.is_empty()


def test_an_address_that_leads_nowhere_is_not_repeated(demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    done = daka("move", "--to", "postgres://daka:canary@127.0.0.1:9/daka", env=demo.env(demo.folder), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "") and done.stderr.startswith("--to 指向的数据库无法连接") and "canary" not in done.stderr
    with pytest.raises(SystemExit):
        main(["move", "--to", "mysql://daka:canary@127.0.0.1/daka"])
    printed = capsys.readouterr().err
    assert "--to" in printed and "canary" not in printed


# --- what is moved ----------------------------------------------------------------------------------------------------


async def test_the_demo_is_the_same_on_both_sides(demo: Demo, blank: Installation, target: Installation, tmp_path: Path):
    await target.become(blank)
    # The highest numbers were given to rows that are gone: they are not given again.
    env = copied(demo, tmp_path, "UPDATE sqlite_sequence SET seq = 5000 WHERE name = 'branch'")
    before = (tmp_path / "daka.sqlite3").read_bytes()
    done = await asyncio.to_thread(daka, "move", "--to", target.settings.database_url, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "逐表一致" in done.stdout and "两边按每个维度逐行一致" in done.stdout and "没有发现问题" in done.stdout
    assert (tmp_path / "daka.sqlite3").read_bytes() == before
    await _compare_rows(tmp_path / "daka.sqlite3", target, done.stdout)
    env = demo.env(tmp_path, DATABASE_URL=target.settings.database_url)
    async with running("demo", env=env, cwd=tmp_path) as (base, _), aiohttp.ClientSession() as session:
        # Signed in on SQLite, and still.
        assert await look(Door(base, session), demo.token) == demo.seen


async def _compare_rows(file: Path, target: Installation, printed: str) -> None:
    """Every column of every row of every table, and the number of rows as the command printed it."""
    async with plain(target) as connection:
        await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
        with closing(sqlite3.connect(file)) as source:
            source.row_factory = sqlite3.Row
            names = [row["name"] for row in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            tables = sorted(set(names) - {"sqlite_sequence", "tortoise_migrations"})
            for table in tables:
                sql = f'SELECT * FROM "{table}" ORDER BY id'  # noqa: S608
                moved = [dict(row) for row in await connection.fetch(sql)]
                assert [_like(row, there) for row, there in zip(source.execute(sql), moved, strict=True)] == moved, table
                assert f"{table} " in printed and f"SQLite {len(moved):>8}  PostgreSQL {len(moved):>8}" in printed
        assert len(tables) > 35
        # As the service itself stores it there.
        assert await connection.fetchval("SELECT COUNT(*) FROM standing WHERE starts_on = '-infinity'") > 50
        assert await connection.fetchval("SELECT nextval('branch_id_seq')") == 5001
        highest = await connection.fetchval("SELECT MAX(id) FROM check_in")
        assert await connection.fetchval("SELECT nextval('check_in_id_seq')") == highest + 1


def _like(row: sqlite3.Row, there: dict[str, Any]) -> dict[str, Any]:
    """A row of SQLite with its values as those of PostgreSQL are: read here without the product's help."""
    values = dict(row)
    for name, value in values.items():
        match there[name]:
            case bool():
                values[name] = {0: False, 1: True}[value]
            case datetime.datetime():
                values[name] = datetime.datetime.fromisoformat(value)
            case datetime.date():
                values[name] = datetime.date.fromisoformat(value)
            case dict() | list():
                values[name] = json.loads(value)
    return values
