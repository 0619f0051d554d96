"""Partitions by month (PostgreSQL): there before the first row of a month comes, and made late where a row came first.

A row of a month without a partition is kept in the default one, so that a check-in never fails for it; `keep` moves it to its place.
SQLite has one table for each, and nothing of this to do. Why and how: docs/decisions/0019.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import structlog

from backend.kernel.database import LockedOut, as_date, dialect, fetch, inside_transaction, transactional
from backend.rules import periods

# In the order in which a check-in touches them.
TABLES = ("check_in", "reading", "answer", "reflection")
BEFORE, AHEAD = 1, 2  # months made around the current one
LOCK = 0x6D6F6E7468  # "month", of PostgreSQL's advisory locks
PATIENCE = "3s"
log = structlog.get_logger()


async def keep(*, today: date) -> None:
    """Makes the partitions of this month, the last and the next two, and of every month that has rows in a default partition."""
    if dialect() == "sqlite":
        return
    stray = " UNION ".join(f"SELECT date_trunc('month', task_date)::date AS month FROM {table}_default" for table in TABLES)  # noqa: S608
    found = {as_date(row["month"]) for row in await fetch(stray)}
    await _make_missing(found | {periods.month_after(today, step) for step in range(-BEFORE, AHEAD + 1)})


async def prepare(first: date, last: date) -> None:
    """Makes the partitions of the months from `first` to `last` that have none yet: a plan has been laid out.

    Inside a transaction nothing is made, since the tables would stay locked until it ends: `keep` is never more than an hour away.
    """
    if dialect() == "sqlite" or inside_transaction():
        return
    months = {periods.month_after(first, 0)}
    while (following := periods.month_after(max(months), 1)) <= last:
        months.add(following)
    await _make_missing(months)


def partition(table: str, month: date) -> str:
    return f"{table}_{month:%Y_%m}"


async def _make_missing(months: Collection[date]) -> None:
    """One transaction for a month. What cannot get its locks in time is left for the next round."""
    there = await _there()
    for month in sorted(months):
        if not {partition(table, month) for table in TABLES} <= there:
            try:
                await _make(month)
            except LockedOut:
                log.warning("month_not_made", month=str(month))


async def _there() -> set[str]:
    parents = ", ".join(f"'{table}'::regclass" for table in TABLES)
    rows = await fetch(
        f"SELECT c.relname::text AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent IN ({parents})"  # noqa: S608
    )
    return {row["name"] for row in rows}


# Everything is locked in one order before anything is changed: the tables referred to, which get the partition's foreign keys, then the
# default partitions, which nobody may read while rows leave them. Check-ins under way are waited for, later ones wait some milliseconds.
_MADE = """
DO $$ BEGIN
  PERFORM set_config('lock_timeout', '{patience}', true), pg_advisory_xact_lock({lock});
  LOCK TABLE member, daily_task, passage, question IN SHARE ROW EXCLUSIVE MODE;
  {tables}
END $$
"""
_PARTITION = """
  IF to_regclass('{name}') IS NULL THEN
    LOCK TABLE {table}_default IN ACCESS EXCLUSIVE MODE;
    CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING COMMENTS);
    WITH moved AS (DELETE FROM {table}_default WHERE task_date >= '{first}' AND task_date < '{following}' RETURNING *)
      INSERT INTO {name} SELECT * FROM moved;
    ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{first}') TO ('{following}');
  END IF;
"""


@transactional
async def _make(month: date) -> None:
    """The partitions of one month that are not there, with the rows that stand in the default ones. Whoever comes second finds them."""
    days = {"first": month.isoformat(), "following": periods.month_after(month, 1).isoformat()}
    tables = "".join(_PARTITION.format(table=table, name=partition(table, month), **days) for table in TABLES)
    await fetch(_MADE.format(patience=PATIENCE, lock=LOCK, tables=tables))
