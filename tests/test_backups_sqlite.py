"""What concerns an SQLite file alone: the journal of a lost one, a service that has it open, damage, backups of the other kind."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from installations import Installation, apart, installation

from backend import backups, backups_archive, backups_restore
from backend.backups_archive import Manifest
from backend.kernel import clock
from backend.kernel.errors import DakaError
from backend.kernel.settings import Settings


@pytest.fixture
async def place(settings: Settings, blank: Installation, tmp_path: Path) -> AsyncIterator[Installation]:
    async with apart(settings), installation(settings, tmp_path) as own:
        yield own


@pytest.fixture
async def backup(place: Installation, blank: Installation, tmp_path: Path) -> Path:
    await backups.take(blank.settings, path=tmp_path / "blank.daka")
    return tmp_path / "blank.daka"


async def refused(place: Installation, path: Path) -> DakaError:
    with pytest.raises(DakaError) as error:
        await backups_restore.restore(place.settings, path=path)
    return error.value


async def test_the_journal_of_a_lost_database_is_not_played_into_the_restored_one(place: Installation, blank: Installation, backup: Path):
    await place.become(blank)
    with closing(sqlite3.connect(place.file)) as writer:
        writer.execute("INSERT INTO branch (name, path, is_demo, created_at) VALUES ('旧支部', '/1/', 0, '2026-01-01 00:00:00+00:00')")
        writer.commit()
        left = Path(f"{place.file}-wal").read_bytes()
    await place.lose()
    Path(f"{place.file}-wal").write_bytes(left)
    error = await refused(place, backup)
    assert error.code == "in_use" and f"{place.file}-wal" in error.detail and not place.file.exists()
    Path(f"{place.file}-wal").unlink()
    await backups_restore.restore(place.settings, path=backup)
    assert await place.rows("SELECT name FROM branch") == []


async def test_a_database_that_a_service_has_open_is_not_replaced(place: Installation, blank: Installation, backup: Path):
    await place.become(blank)
    with closing(sqlite3.connect(place.file)) as service:
        service.execute("SELECT COUNT(*) FROM branch").fetchone()
        assert (await refused(place, backup)).code == "in_use"
    await backups_restore.restore(place.settings, path=backup)


async def test_a_database_of_another_program_is_not_replaced_though_it_is_empty(place: Installation, backup: Path):
    with closing(sqlite3.connect(place.file)) as other:
        other.execute("CREATE TABLE theirs (x)")
    assert (await refused(place, backup)).code == "not_empty"
    assert await place.rows("SELECT name FROM sqlite_master") == [{"name": "theirs"}]


async def test_a_damaged_database_makes_no_backup(place: Installation, blank: Installation, tmp_path: Path):
    await place.become(blank)
    with closing(sqlite3.connect(place.file)) as connection:
        [page] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'idx_branch_path_6d533f'").fetchone()
        [size] = connection.execute("PRAGMA page_size").fetchone()
    with place.file.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 200)
    with pytest.raises(DakaError) as error:
        await backups.take(place.settings, path=tmp_path / "damaged.daka")
    assert error.value.code == "database_damaged" and not (tmp_path / "damaged.daka").exists()


async def test_a_backup_of_postgresql_does_not_go_into_a_file(place: Installation, tmp_path: Path):
    (tmp_path / "daka.pgdump").write_bytes(b"PGDMP")
    payload = backups_archive.describe(tmp_path / "daka.pgdump")
    manifest = Manifest(version="0.1.0", taken_at=clock.now(), dialect="postgres", migrations=[], counts={}, keys=[], payload=payload)
    backups_archive.write(tmp_path / "postgres.daka", manifest, tmp_path / "daka.pgdump")
    error = await refused(place, tmp_path / "postgres.daka")
    assert error.code == "other_dialect" and "PostgreSQL" in error.detail and await place.is_empty()
