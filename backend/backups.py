"""Backups: one file with a consistent copy of everything, taken while the service runs, and read back before it bears its name."""

from __future__ import annotations

import sqlite3
from importlib.metadata import version
from pathlib import Path
from typing import Any

from backend import backups_archive as archive
from backend import backups_files as files
from backend.backups_archive import Manifest
from backend.kernel import clock, database, postgres, security, tables
from backend.kernel.database import fetch
from backend.kernel.errors import Conflict, NotFound
from backend.kernel.settings import Settings

SQLITE_DATA, POSTGRES_DATA = "daka.sqlite3", "daka.pgdump"


async def take(settings: Settings, *, path: Path) -> Manifest:
    """Writes a backup of the whole database to a new file `path`, mode 0600: what it says of itself.

    Writers are not kept waiting. The rows are counted in the copy itself (SQLite) or in the snapshot that pg_dump reads (PostgreSQL),
    and the finished file is read back. Nothing bears the name `path` before that. Raises Conflict `file_exists` for a file that is
    there already or `database_damaged`, NotFound `no_database` where there is nothing to save, Unavailable for pg_dump missing, too
    old or failing, OSError naming `path`.
    """
    files.refuse_existing(path)
    # Read before the copy is taken: what was acknowledged by then is in it.
    taken_at = clock.shanghai(clock.now())
    with files.beside(path) as folder:
        if settings.on_sqlite:
            data = folder / SQLITE_DATA
            facts = await _copy(settings, data)
        else:
            data = folder / POSTGRES_DATA
            facts = await _dump(settings, data)
        manifest = Manifest(
            version=version("daka"), taken_at=taken_at, keys=security.fingerprints(), payload=archive.describe(data), **facts
        )  # fmt: skip
        whole = folder / "backup"
        archive.write(whole, manifest, data)
        with archive.opened(whole):
            files.publish(whole, path)
    return manifest


async def _facts(dialect: str) -> dict[str, Any]:
    """What the open database holds: dialect, migrations, rows of each table. Raises NotFound for an empty place."""
    present = await tables.present()
    if tables.RECORD not in present:
        raise NotFound("数据库里还没有数据表，没有可备份的内容。", code="no_database")
    return {"dialect": dialect, "migrations": await tables.applied_migrations(), "counts": await tables.counts(present)}


# --- SQLite -----------------------------------------------------------------------------------------------------------


async def _copy(settings: Settings, data: Path) -> dict[str, Any]:
    live = database.sqlite_path(settings)
    if not live.exists():
        raise NotFound(f"没有找到数据库文件 {live}。", code="no_database")
    try:
        files.copy_sqlite(live, data)
        async with database.opened(database.elsewhere(settings, data)):
            said = [row["integrity_check"] for row in await fetch("PRAGMA integrity_check")]
            if said != ["ok"]:
                raise sqlite3.DatabaseError(said[0])
            facts = await _facts("sqlite")
            # One file that needs no other beside it.
            await fetch("PRAGMA journal_mode = DELETE")
            return facts
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        raise Conflict("数据库文件已损坏，没有写出备份。请保留现有文件，并从上一份备份恢复。", code="database_damaged") from error


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


async def _dump(settings: Settings, data: Path) -> dict[str, Any]:
    async with database.opened(settings), database.interruptible():
        facts = await _dump_snapshot(settings.database_url, data)
    await _compare(data, facts)
    return facts


async def _dump_snapshot(url: str, data: Path) -> dict[str, Any]:
    """Rows are counted in the very snapshot that pg_dump reads, which lives as long as the transaction."""
    await fetch("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    [of] = await fetch(
        "SELECT pg_export_snapshot() AS snapshot, current_schema() AS schema, current_setting('server_version_num')::int / 10000 AS server"
    )
    facts = await _facts("postgres")
    with data.open("wb") as file:
        dumped_by = await postgres.dump(url, schema=of["schema"], snapshot=of["snapshot"], server=of["server"], file=file)
    return {**facts, "server": of["server"], "schema": of["schema"], "dumped_by": dumped_by}


async def _compare(data: Path, facts: dict[str, Any]) -> None:
    """The dump can be read to its end, and has of each table as many rows as were counted."""
    found: dict[str, int] = {}
    with data.open("rb") as file:
        async with postgres.contents(file, dumped_by=facts["dumped_by"], schema=facts["schema"]) as parts:
            async for part in parts:
                if isinstance(part, postgres.Rows):
                    found[part.table] = found.get(part.table, 0) + sum([block.count(b"\n") async for block in part.blocks])
    if found != facts["counts"]:
        raise Conflict("pg_dump 写出的行数与同一时刻库中的行数不一致，没有写出备份；请再试一次。", code="backup_differs")
