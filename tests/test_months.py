"""Partitions by month (PostgreSQL): rows that came before their month has a place are kept, and housekeeping takes them there."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest
from door import Door
from people import Cast, add_plan
from tortoise.exceptions import IntegrityError

from backend import checks, housekeeping, months
from backend.kernel import clock
from backend.kernel.database import fetch

REFLECTION = "INSERT INTO reflection (member_id, task_id, task_date, body, state, written_at) VALUES ($1, $2, $3, '体会', 'pending', now())"
_years = iter(range(1980, 2015))


@pytest.fixture
async def stray(door: Door, cast: Cast) -> tuple[date, int]:
    """A day of a month that has no partition, and the task of that day, with a row of 安敏's."""
    day = date(next(_years), 2, 28)
    assert months.partition("reflection", day) not in await months._there()
    [task] = await add_plan(cast, days=[day])
    await fetch(REFLECTION, cast.alice.id, task.id, day)
    return day, task.id


async def places(task_id: int) -> list[str]:
    return [row["place"] for row in await fetch("SELECT tableoid::regclass::text AS place FROM reflection WHERE task_id = $1", task_id)]


async def test_a_row_without_a_partition_is_kept_and_reported_and_moved_by_housekeeping(door: Door, cast: Cast, stray: tuple[date, int]):
    day, task_id = stray
    assert await places(task_id) == ["reflection_default"]
    assert [finding.sentence for finding in await checks.broken(branch_id=cast.branch.id)] == ["记录还没有归入自己的月份"]
    await housekeeping.sweep()
    assert await places(task_id) == [f"reflection_{day:%Y_%m}"]
    assert await checks.broken(branch_id=cast.branch.id) == []


async def test_what_a_key_refuses_is_refused_in_the_net_and_in_its_month(door: Door, cast: Cast, stray: tuple[date, int]):
    day, task_id = stray
    for _ in range(2):
        with pytest.raises(IntegrityError, match="duplicate key"):
            await fetch(REFLECTION, cast.alice.id, task_id, day)
        with pytest.raises(IntegrityError, match="foreign key"):
            await fetch(REFLECTION, cast.bob.id, task_id, day - timedelta(days=1))
        await months.keep(today=clock.today())


async def test_processes_that_make_the_same_month_at_once_make_it_once(door: Door, cast: Cast, stray: tuple[date, int]):
    day, task_id = stray
    await asyncio.gather(*(months.keep(today=clock.today()) for _ in range(4)))
    assert await places(task_id) == [f"reflection_{day:%Y_%m}"]
    assert {months.partition(table, day) for table in months.TABLES} <= await months._there()


async def test_a_partition_has_the_keys_of_its_table(door: Door, cast: Cast, stray: tuple[date, int]):
    day, _ = stray
    await months.prepare(day, day)
    for table in months.TABLES:
        name = months.partition(table, day)
        assert await keys_of(name) == await keys_of(table)


async def test_the_months_of_a_new_plan_are_there_before_its_first_row(door: Door, cast: Cast):
    today = clock.today()
    first, last = today.replace(year=today.year + 3, month=11), today.replace(year=today.year + 4, month=2, day=1)
    await months.prepare(first, last)
    made = {name.removeprefix("check_in_") for name in await months._there() if name.startswith("check_in_")}
    assert {f"{first.year}_11", f"{first.year}_12", f"{last.year}_01", f"{last.year}_02"} <= made
    assert not {f"{first.year}_10", f"{last.year}_03"} & made


async def keys_of(table: str) -> set[str]:
    rows = await fetch(
        "SELECT pg_get_constraintdef(oid) AS key FROM pg_constraint WHERE conrelid::regclass::text = $1 AND contype <> 'n'", table
    )
    return {row["key"] for row in rows}
