"""What a database consists of: its tables, their rows, its migrations. Asked of the open database; the ORM's metadata is the only list."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from importlib import import_module

from tortoise.models import Model

import models
from backend.kernel.database import dialect, driver, fetch
from models import migrations

RECORD = "tortoise_migrations"

_PRESENT = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    # Of a table in parts the parts hold the rows; tables of an extension come and go with it.
    "postgres": "SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT EXISTS "
    "(SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') ORDER BY c.relname",
}
_OUR_FUNCTIONS = """
SELECT p.oid::regprocedure::text AS signature FROM pg_proc p
WHERE p.pronamespace = current_schema()::regnamespace AND p.proname LIKE 'daka\\_%'
  AND NOT EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgfoid = p.oid)
"""


def all_models() -> list[type[Model]]:
    """Every model of this version, in the order in which they are written down."""
    found: dict[str, type[Model]] = {}
    for module in models.MODULES:
        for model in vars(import_module(module)).values():
            if isinstance(model, type) and issubclass(model, Model) and model.__module__ == module and not model._meta.abstract:
                found[model._meta.db_table] = model
    return list(found.values())


def ours() -> set[str]:
    """The names of all tables that this version makes."""
    return {model._meta.db_table for model in all_models()} | {RECORD}


def known_migrations() -> set[str]:
    """The names of the migrations that this version brings."""
    return {module.name for module in pkgutil.iter_modules(migrations.__path__)}


async def present() -> list[str]:
    """The tables that hold rows, by name; on PostgreSQL those of the schema in use, a partitioned one as a whole."""
    return [row["name"] for row in await fetch(_PRESENT[dialect()])]


async def counts(names: Iterable[str]) -> dict[str, int]:
    """Rows of each table (one query)."""
    parts = [f"SELECT '{name.replace(chr(39), chr(39) * 2)}' AS name, COUNT(*) AS n FROM {quoted(name)}" for name in names]  # noqa: S608
    return {row["name"]: row["n"] for row in await fetch(" UNION ALL ".join(parts))} if parts else {}


async def applied_migrations() -> list[str]:
    """The names of the migrations that made this database, in their order."""
    return [row["name"] for row in await fetch(f"SELECT name FROM {RECORD} ORDER BY id")]  # noqa: S608


async def drop(names: Iterable[str]) -> None:
    """Removes these tables with all that is in them, inside the transaction under way (PostgreSQL)."""
    listed = ", ".join(quoted(name) for name in names)
    if listed:
        await driver().execute(f"DROP TABLE {listed}")
        # What their triggers called: nobody does any more, and a backup brings its own.
        for row in await fetch(_OUR_FUNCTIONS):
            await driver().execute(f"DROP FUNCTION {row['signature']}")


def quoted(name: str) -> str:
    """A name of the database as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
