"""Installations beside the one of the suite: databases of their own on the same kind of server, opened in this process."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
from process import environment
from tortoise import connections
from tortoise.migrations.api.migrate import migrate
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget

from backend.kernel import database
from backend.kernel.settings import Settings


@asynccontextmanager
async def apart(settings: Settings) -> AsyncIterator[None]:
    """Within the block this process may open other databases; afterwards the service that it runs has its own again."""
    await database.close()
    try:
        yield
    finally:
        await database.connect(settings)


@dataclass
class Installation:
    """`settings` name its database. `server`: an address from which databases are made (PostgreSQL)."""

    settings: Settings
    server: str

    @property
    def env(self) -> dict[str, str]:
        """For a process of the product on this installation."""
        mine = self.settings
        return environment(
            DATABASE_URL=mine.database_url, SECRET_KEY=",".join(mine.secret_keys), DATA_DIR=str(mine.data_dir), LOG_LEVEL="WARNING"
        )  # fmt: skip

    @property
    def file(self) -> Path:
        return database.sqlite_path(self.settings)

    async def lose(self) -> None:
        """The database is gone; on PostgreSQL an empty one of the same name is made, as an administrator would."""
        if self.settings.on_sqlite:
            for name in (self.file, f"{self.file}-wal", f"{self.file}-shm"):
                Path(name).unlink(missing_ok=True)
        else:
            await self._tell_server("DROP DATABASE IF EXISTS {name} WITH (FORCE)", "CREATE DATABASE {name}")

    async def become(self, other: Installation) -> None:
        """Its database is a copy of the other's, which nobody has open."""
        if self.settings.on_sqlite:
            shutil.copyfile(other.file, self.file)
        else:
            name = other.settings.database_url.rpartition("/")[2]
            await self._tell_server("DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {{name}} TEMPLATE {name}")

    async def go_back_to(self, migration: str) -> None:
        """Its tables are as this migration left them, its rows are kept."""
        if self.settings.on_sqlite:
            await self._begin_again_at(migration)
            return
        async with self.opened():
            executor = MigrationExecutor(connections.get("default"), database.config(self.settings)["apps"])
            await executor.migrate([MigrationTarget("models", migration)])

    async def _begin_again_at(self, migration: str) -> None:
        """SQLite makes a table anew to take a column away, and loses its triggers: the rows are carried over instead."""
        later = self.file.with_suffix(".later")
        self.file.rename(later)
        await migrate(config=database.config(self.settings), target=f"models.{migration}")
        await connections.close_all()
        with closing(sqlite3.connect(self.file, isolation_level=None)) as connection:
            connection.execute("ATTACH ? AS later", (str(later),))
            tables = "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'tortoise%'"
            for (table,) in connection.execute(tables).fetchall():
                columns = ", ".join(f'"{row[1]}"' for row in connection.execute(f"PRAGMA main.table_info({table})"))
                connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM later.{table}")  # noqa: S608
            connection.execute("DETACH later")
        later.unlink()

    async def remove(self) -> None:
        if not self.settings.on_sqlite:
            await self._tell_server("DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def is_empty(self) -> bool:
        """Nothing of ours is there, nor anything half-done beside it."""
        if self.settings.on_sqlite:
            return [path.name for path in self.file.parent.glob("*") if path.name.startswith((self.file.name, ".daka-"))] == []
        connection = await asyncpg.connect(self.settings.database_url)
        try:
            return await connection.fetchval("SELECT COUNT(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0
        finally:
            await connection.close()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """This process's database is this one, inside `apart`."""
        async with database.opened(self.settings):
            yield

    async def rows(self, sql: str, *values: Any) -> list[dict]:
        async with self.opened():
            return await database.fetch(sql, *values)

    async def _tell_server(self, *statements: str) -> None:
        connection = await asyncpg.connect(self.server)
        try:
            for statement in statements:
                await connection.execute(statement.format(name=self.settings.database_url.rpartition("/")[2]))
        finally:
            await connection.close()


@asynccontextmanager
async def installation(settings: Settings, folder: Path) -> AsyncIterator[Installation]:
    """An installation with an empty database, like that of `settings`; its data folder is `folder`."""
    name = f"apart_{secrets.token_hex(6)}"
    if settings.on_sqlite:
        url = f"sqlite://{folder / name}.sqlite3?synchronous=OFF"
    else:
        url = settings.database_url.rpartition("/")[0] + f"/{name}"
    own = Installation(replace(settings, database_url=url, data_dir=folder), settings.database_url)
    await own.lose()
    try:
        yield own
    finally:
        await own.remove()
