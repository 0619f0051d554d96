"""Rows on their way from SQLite to PostgreSQL: which tables come first, and each value as the models' fields say."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from graphlib import TopologicalSorter
from typing import Any

from tortoise.exceptions import ValidationError
from tortoise.fields import Field, JSONField
from tortoise.models import Model

from backend.kernel import database, tables
from backend.kernel.database import fetch
from backend.kernel.errors import Conflict

# Also the foreign keys that no model knows, such as that of a study row to a task's (id, date).
_KEYS = """
SELECT c.conrelid::regclass::text AS name, c.confrelid::regclass::text AS needs FROM pg_constraint c
JOIN pg_namespace n ON n.oid = c.connamespace WHERE c.contype = 'f' AND n.nspname = current_schema() AND c.conrelid <> c.confrelid
"""
_SEQUENCES = """
SELECT t.relname AS name, a.attname AS column, pg_get_serial_sequence(quote_ident(t.relname), a.attname) AS sequence
FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_attribute a ON a.attrelid = t.oid
WHERE n.nspname = current_schema() AND t.relkind IN ('r', 'p') AND NOT t.relispartition AND a.attnum > 0 AND NOT a.attisdropped
  AND pg_get_serial_sequence(quote_ident(t.relname), a.attname) IS NOT NULL
"""


async def in_order() -> list[type[Model]]:
    """Every model, after those whose rows its own refer to."""
    found = {model._meta.db_table: model for model in tables.all_models()}
    order: TopologicalSorter[str] = TopologicalSorter({name: set() for name in found})
    for row in await fetch(_KEYS):
        order.add(row["name"].strip('"'), row["needs"].strip('"'))
    return [found[name] for name in order.static_order() if name in found]


async def copy(source: sqlite3.Connection, model: type[Model]) -> None:
    """All rows of one table, in one COPY: rows may refer to rows of their own table in any order. Raises Conflict `move_failed`."""
    table = model._meta.db_table
    columns = {column: _converter(model._meta.fields_map[name]) for name, column in model._meta.fields_db_projection.items()}
    at: list[Any] = [None]
    try:
        await database.driver().copy_records_to_table(table, columns=list(columns), records=_records(source, model, columns, at))
    except (*database.REFUSED, ValidationError, ValueError, TypeError, OverflowError) as error:
        why = str(error).splitlines()[0]
        raise Conflict(f"表 {table} 中编号 {at[0]} 一带有 PostgreSQL 不能接受的内容（{why}），没有迁移。", code="move_failed") from error


async def _records(source: sqlite3.Connection, model: type[Model], columns: dict[str, Callable], at: list[Any]) -> AsyncIterator[tuple]:
    listed = ", ".join(tables.quoted(column) for column in columns)
    own = tables.quoted(model._meta.db_pk_column)
    converters = list(columns.values())
    # The cursor holds one row at a time, whatever the size of the table.
    for own_id, *row in source.execute(f"SELECT {own}, {listed} FROM {tables.quoted(model._meta.db_table)} ORDER BY {own}"):  # noqa: S608
        at[0] = own_id
        yield tuple(convert(value) for convert, value in zip(converters, row, strict=True))


def _converter(field: Field) -> Callable[[Any], Any]:
    """What SQLite keeps of a field's value, as PostgreSQL's driver takes it. JSON is text on both sides."""
    if isinstance(field, JSONField):
        return lambda value: value
    return lambda value: None if value is None else field.to_db_value(field.to_python_value(value), None)


async def set_sequences(source: sqlite3.Connection) -> None:
    """New rows get numbers behind the highest one ever given, also behind those of rows that were removed since."""
    given = dict(source.execute("SELECT name, seq FROM sqlite_sequence"))
    for row in await fetch(_SEQUENCES):
        name, column = tables.quoted(row["name"]), tables.quoted(row["column"])
        [highest] = await fetch(f"SELECT COALESCE(MAX({column}), 0) AS id FROM {name}")  # noqa: S608
        last = max(highest["id"], given.get(row["name"], 0))
        if last:
            await fetch("SELECT setval($1::text::regclass, $2)", row["sequence"], last)
