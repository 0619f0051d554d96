"""What concerns PostgreSQL alone: its client programs, the password, a database that others use too, and an interrupted command."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from installations import Installation, apart, installation

from backend import backups, backups_archive, backups_restore
from backend.backups_archive import Manifest
from backend.kernel import clock
from backend.kernel.errors import DakaError
from backend.kernel.settings import Settings

PASSWORD = "canary/p@ss"
# The beginning of a script that answers for its version as the real program does.
VERSION = 'case "$1" in --version) exec REAL "$@";; esac\n'


@pytest.fixture
async def place(settings: Settings, blank: Installation, tmp_path: Path) -> AsyncIterator[Installation]:
    """An empty place whose address has a password in it."""
    async with apart(settings), installation(settings, tmp_path) as own:
        own.settings = replace(own.settings, database_url=own.settings.database_url.replace("daka:@", "daka:canary%2Fp%40ss@"))
        yield own


@pytest.fixture
async def backup(place: Installation, blank: Installation, tmp_path: Path) -> Path:
    await backups.take(blank.settings, path=tmp_path / "blank.daka")
    return tmp_path / "blank.daka"


def programs(folder: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> Path:
    """A PATH on which these shell scripts come first; REAL in one is the program whose place it takes."""
    (folder / "bin").mkdir()
    for name, script in scripts.items():
        (folder / "bin" / name).write_text("#!/bin/sh\n" + script.replace("REAL", shutil.which(name)))
        (folder / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
    return folder / "bin"


async def refused(place: Installation, path: Path) -> DakaError:
    """The refusal of a backup, after which nothing is left in its folder."""
    with pytest.raises(DakaError) as error:
        await backups.take(place.settings, path=path)
    assert not [left.name for left in path.parent.iterdir() if left.name.startswith((".daka-", path.name))]
    assert PASSWORD not in error.value.detail and "canary" not in error.value.detail
    return error.value


async def refused_restore(place: Installation, path: Path) -> DakaError:
    with pytest.raises(DakaError) as error:
        await backups_restore.restore(place.settings, path=path)
    return error.value


# --- the client programs ----------------------------------------------------------------------------------------------


async def test_a_missing_or_old_client_program_is_named_with_the_cure(
    place: Installation, blank: Installation, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    await place.become(blank)
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(tmp_path))
        error = await refused(place, tmp_path / "x.daka")
        assert error.code == "client_program_missing" and "apt install postgresql-client-" in error.detail
    programs(tmp_path, monkeypatch, pg_dump="echo 'pg_dump (PostgreSQL) 9.6.24'", pg_restore="echo 'pg_restore (PostgreSQL) 9.6.24'")
    error = await refused(place, tmp_path / "x.daka")
    assert error.code == "client_program_old" and "9 版" in error.detail and "apt install postgresql-client-" in error.detail
    await place.lose()
    error = await refused_restore(place, backup)
    assert error.code == "client_program_old" and "pg_restore" in error.detail
    assert await place.is_empty()


async def test_a_dump_that_fails_or_loses_rows_makes_no_backup(
    place: Installation, blank: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    await place.become(blank)
    await place.rows("INSERT INTO aspect (id, title, short, guidance, prompt) VALUES (1, '方面', '方面', '', '')")
    folder = programs(tmp_path, monkeypatch, pg_dump=f'{VERSION}echo "no luck with $PGPASSWORD" >&2\nexit 1')
    error = await refused(place, tmp_path / "x.daka")
    assert error.code == "client_program_failed" and "no luck with ***" in error.detail
    shutil.rmtree(folder)
    programs(tmp_path, monkeypatch, pg_dump=f'{VERSION}exec REAL --exclude-table-data=aspect "$@"')
    assert (await refused(place, tmp_path / "x.daka")).code == "backup_differs"


async def test_the_password_goes_by_the_environment_alone(
    place: Installation, blank: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    await place.become(blank)
    told = tmp_path / "told"
    log = f'echo "$0 $@" >>{told}\necho "PGPASSWORD=$PGPASSWORD" >>{told}\nexec REAL "$@"'
    programs(tmp_path, monkeypatch, pg_dump=log, pg_restore=log)
    await backups.take(place.settings, path=tmp_path / "x.daka")
    await place.lose()
    await backups_restore.restore(place.settings, path=tmp_path / "x.daka")
    lines = told.read_text("utf-8").splitlines()
    arguments = [line for line in lines if not line.startswith("PGPASSWORD=")]
    assert f"PGPASSWORD={PASSWORD}" in lines and len(arguments) >= 4
    assert not any("canary" in line for line in arguments)
    assert b"canary" not in (tmp_path / "x.daka").read_bytes()


async def test_an_interrupted_backup_leaves_no_file_and_no_process(place: Installation, blank: Installation, tmp_path: Path, monkeypatch):
    await place.become(blank)
    programs(tmp_path, monkeypatch, pg_dump=f"{VERSION}echo $$ >{tmp_path / 'pid'}\nexec sleep 60")
    command = subprocess.Popen(
        [sys.executable, "-m", "backend", "backup", "x.daka"], env=place.env, cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert command.poll() is None
        await asyncio.sleep(0.02)
    command.send_signal(signal.SIGTERM)
    _, said = await asyncio.to_thread(command.communicate, timeout=30)
    assert (command.returncode, said) == (130, "已中断，没有完成。\n")
    assert {path.name for path in tmp_path.iterdir()} == {"bin", "pid"}
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


# --- the place --------------------------------------------------------------------------------------------------------


async def test_a_backup_of_sqlite_is_refused_with_the_command_that_moves_it(place: Installation, tmp_path: Path):
    (tmp_path / "daka.sqlite3").write_bytes(b"SQLite format 3\0")
    payload = backups_archive.describe(tmp_path / "daka.sqlite3")
    manifest = Manifest(version="0.1.0", taken_at=clock.now(), dialect="sqlite", migrations=[], counts={}, keys=[], payload=payload)
    backups_archive.write(tmp_path / "sqlite.daka", manifest, tmp_path / "daka.sqlite3")
    error = await refused_restore(place, tmp_path / "sqlite.daka")
    assert error.code == "other_dialect" and "daka move" in error.detail and await place.is_empty()


async def test_what_belongs_to_others_in_the_same_database_stays(place: Installation, backup: Path):
    connection = await asyncpg.connect(place.settings.database_url)
    try:
        await connection.execute("CREATE SCHEMA theirs; CREATE TABLE theirs.member (x int); INSERT INTO theirs.member VALUES (7)")
        await connection.execute("CREATE VIEW member AS SELECT 1 AS id")
        error = await refused_restore(place, backup)
        assert error.code == "restore_failed" and '"member" already exists' in error.detail
        assert await connection.fetchval("SELECT COUNT(*) FROM pg_class WHERE relname = 'branch'") == 0
        await connection.execute("DROP VIEW member")
        await backups_restore.restore(place.settings, path=backup)
        assert await connection.fetchval("SELECT x FROM theirs.member") == 7
        assert await connection.fetchval("SELECT COUNT(*) FROM pg_class WHERE relname = 'branch'") == 1
    finally:
        await connection.close()
