"""What large tables and large answers need of SQL, on top of backend/kernel/database.py."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from tortoise import connections

from backend.kernel import database


def within(column: str, first: date, last: date) -> str:
    """An SQL condition that the date `column` lies in the months from that of `first` to that of `last`.

    It stands beside an exact one, and is written out: so PostgreSQL plans for the partitions of these months alone, and keeps the plan.
    """
    begins = f"{column} >= '{first.replace(day=1).isoformat()}'"
    if last.replace(day=1) == date.max.replace(day=1):
        return begins
    following = (last.replace(day=28) + timedelta(days=4)).replace(day=1)
    return f"{begins} AND {column} < '{following.isoformat()}'"


async def fetch_many(sql: str, *values: Any) -> Sequence[Any]:
    """The rows of a statement that gives thousands: asked like tuples, row[0] or row[2:], or by name; no dicts are made of them."""
    connection = connections.get("default")
    if database.dialect() == "sqlite":
        return (await connection.execute_query(database.for_sqlite(sql), [database.plain(v) for v in values]))[1]
    return (await connection.execute_query(sql, list(values)))[1]
