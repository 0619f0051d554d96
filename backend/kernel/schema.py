"""The tables' form: migrations, one process at a time (they take no lock of their own: docs/decisions/0003), and whether they are done."""

from __future__ import annotations

import asyncio
import fcntl
import pkgutil

import asyncpg
from tortoise import connections
from tortoise.exceptions import OperationalError

import models.migrations
from backend.kernel.database import AWAY, config, fetch, opened, sqlite_path
from backend.kernel.settings import Settings, SettingsError

MIGRATION_LOCK = 0x64616B61  # "daka"


async def migrate(settings: Settings) -> None:
    """Brings the database to the newest schema, one process at a time."""
    if settings.on_sqlite:
        lock_path = sqlite_path(settings).with_suffix(".migrating")
        lock_path.parent.mkdir(parents=True, exist_ok=True)
        with lock_path.open("w") as lock:
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
            await _migrate(settings)
        return
    connection = await asyncpg.connect(settings.database_url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
        await _migrate(settings)
    finally:
        await connection.close()


async def _migrate(settings: Settings) -> None:
    from tortoise.migrations.api.migrate import migrate as run_migrations

    try:
        await run_migrations(config=config(settings))
    finally:
        await connections.close_all()


async def is_behind(settings: Settings) -> bool:
    """True when the database lacks a migration of this version. Raises what the driver does when it is away."""
    # By their names: what the ORM would load to plan them (all migrations, 7 MiB) stays with the process that goes on to serve.
    async with opened(settings):
        await fetch("SELECT 1")
        try:
            return not _known() <= await _made()
        except OperationalError:
            # Not even the table that remembers them.
            return True


async def refuse_unready(settings: Settings) -> None:
    """Before a process starts to serve or to work: raises SettingsError when the database is away or not at the newest schema."""
    try:
        behind = await is_behind(settings)
    except (*AWAY, OSError) as error:
        raise SettingsError(f"DAKA_DATABASE_URL 指向的数据库无法连接（{type(error).__name__}）") from None
    if behind:
        raise SettingsError("数据库结构不是最新，请先运行 daka migrate")


async def unknown_migrations() -> list[str]:
    """The names of migrations that were made in the open database and that this version does not have."""
    return sorted(await _made() - _known())


def _known() -> set[str]:
    return {module.name for module in pkgutil.iter_modules(models.migrations.__path__)}


async def _made() -> set[str]:
    return {row["name"] for row in await fetch("SELECT name FROM tortoise_migrations") if row["name"]}
