"""Very many rows at once, for load tests: COPY on PostgreSQL, bulk inserts on SQLite. Inside the caller's transaction."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from tortoise import connections

from backend.kernel.database import dialect, fetch, table_of

AT_ONCE = 5_000  # rows of one insert on SQLite

# Foreign keys first: each rests on nothing that is dropped here, while a unique constraint owns its index.
_CONSTRAINTS = """
SELECT conrelid::regclass::text AS owner, conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
WHERE conrelid = $1::regclass AND contype IN ('f', 'u') AND conparentid = 0 ORDER BY contype
"""
_INDEXES = """
SELECT i.indexrelid::regclass::text AS name, REPLACE(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') AS definition FROM pg_index i
WHERE i.indrelid = $1::regclass AND NOT i.indisprimary AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)
"""


async def load(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Inserts `rows`. JSON is given as text; ids may be given too, and new rows then get higher ones."""
    if dialect() == "sqlite":
        names = {f'"{name}"': "" for name in columns}
        remaining = iter(rows)
        while batch := list(itertools.islice(remaining, AT_ONCE)):
            given, values = table_of(names, batch)
            await fetch(f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(names)} FROM {given} w", *values)  # noqa: S608
        return
    async with connections.get("default").acquire_connection() as driver:
        await driver.copy_records_to_table(table, records=rows, columns=list(columns))
    if "id" in columns:
        await fetch(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT MAX(id) FROM {table}))")  # noqa: S608


@asynccontextmanager
async def unindexed(*tables: str) -> AsyncIterator[None]:
    """Within the block these tables have no index but the primary key and no foreign key: afterwards all are made anew, at once.

    On PostgreSQL; each row is checked all the same, at the end. When the block fails, so does the transaction: nothing is lost.
    """
    made_again: list[str] = []
    for table in tables if dialect() == "postgres" else ():
        for row in await fetch(_CONSTRAINTS, table):
            await fetch(f'ALTER TABLE {row["owner"]} DROP CONSTRAINT "{row["name"]}"')
            made_again.append(f'ALTER TABLE {row["owner"]} ADD CONSTRAINT "{row["name"]}" {row["definition"]}')
        for row in await fetch(_INDEXES, table):
            await fetch(f"DROP INDEX {row['name']}")
            made_again.append(row["definition"])
    yield
    if made_again:
        await fetch("SET LOCAL maintenance_work_mem = '512MB'")
    # Unique constraints and indexes before foreign keys, which are looked up along them.
    for statement in sorted(made_again, key=lambda text: " FOREIGN KEY " in text):
        await fetch(statement)
