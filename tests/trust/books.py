"""The database after a disaster, held against the ledger: read with the drivers themselves, not with the product."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
from trust.ledger import Ledger

_TWICE = "SELECT COUNT(*) FROM (SELECT {columns} FROM {table} {where} GROUP BY {columns} HAVING COUNT(*) > 1) AS twice"
TWICE = {
    "check_in": _TWICE.format(table="check_in", columns="member_id, task_id", where=""),
    "first answer": _TWICE.format(table="answer", columns="member_id, task_id, question_id", where="WHERE is_first"),
    "reading": _TWICE.format(table="reading", columns="member_id, task_id, passage_id", where=""),
    "idempotency_key": _TWICE.format(table="idempotency_key", columns="member_id, key", where=""),
}

# This load only checks in: what belongs to a check-in has one, and each check-in of the load has its answers, readings and key.
_ALONE = """
SELECT COUNT(*) FROM {table} o WHERE NOT EXISTS (SELECT 1 FROM check_in c WHERE c.member_id = o.member_id AND c.task_id = o.task_id)
"""
_BARE = """
SELECT COUNT(*) FROM check_in c WHERE c.id > {since}
AND NOT EXISTS (SELECT 1 FROM {table} o WHERE o.member_id = c.member_id AND {belongs})
"""
_KEY = "o.key = 'bench-' || CAST(c.task_id AS TEXT) || '-' || CAST(c.member_id AS TEXT)"
ORPHANS = {
    "answer": _ALONE.format(table="answer"),
    "reading": _ALONE.format(table="reading"),
    "check_in without answers": _BARE.format(table="answer", belongs="o.task_id = c.task_id", since="{since}"),
    "check_in without readings": _BARE.format(table="reading", belongs="o.task_id = c.task_id", since="{since}"),
    "check_in without key": _BARE.format(table="idempotency_key", belongs=_KEY, since="{since}"),
    "key without check_in": "SELECT (SELECT COUNT(*) FROM idempotency_key) - (SELECT COUNT(*) FROM check_in WHERE id > {since})",
}


async def read(source: str | Path, *statements: str) -> list[list[tuple[Any, ...]]]:
    """The rows of each statement; `source`: a PostgreSQL address, or the path of an SQLite file."""
    if isinstance(source, Path):
        with closing(sqlite3.connect(source, timeout=30)) as connection:
            return [connection.execute(statement).fetchall() for statement in statements]
    connection = await asyncpg.connect(source)
    try:
        return [[tuple(row) for row in await connection.fetch(statement)] for statement in statements]
    finally:
        await connection.close()


async def change(source: str | Path, statement: str, question: str) -> list[tuple[Any, ...]]:
    """Writes before the load, and reads what is there then."""
    if isinstance(source, Path):
        with closing(sqlite3.connect(source)) as connection:
            connection.execute(statement)
            connection.commit()
    else:
        connection = await asyncpg.connect(source)
        await connection.execute(statement)
        await connection.close()
    return (await read(source, question))[0]


async def last_check_in(source: str | Path) -> int:
    """The id of the last check-in before the load."""
    [[(last,)]] = await read(source, "SELECT MAX(id) FROM check_in")
    return last or 0


async def compare(source: str | Path, ledger: Ledger, *, since: int) -> dict[str, int]:
    """acknowledged, lost, duplicates, orphans, unacknowledged (stored after `since`, though nobody was told)."""
    wanted = "SELECT member_id, task_id, id FROM check_in WHERE id > {since}"
    rows, *counts = await read(source, *(sql.format(since=since) for sql in (wanted, *TWICE.values(), *ORPHANS.values())))
    stored = {(member, task): number for member, task, number in rows}
    lost = [pair for pair, number in ledger.acknowledged.items() if stored.get(pair) != number]
    numbers = [int(found[0][0]) for found in counts]
    broken = {name: n for name, n in zip([*TWICE, *ORPHANS], numbers, strict=True) if n}
    if broken or lost:
        print(f"    {broken} lost: {lost[:5]}", flush=True)
    return {
        "acknowledged": len(ledger.acknowledged),
        "lost": len(lost),
        "duplicates": sum(numbers[: len(TWICE)]) + len(ledger.changed),
        "orphans": sum(map(abs, numbers[len(TWICE) :])),
        "unacknowledged": len(stored.keys() - ledger.acknowledged.keys()),
    }
