"""The figures of months: random histories across the end of a month, rolled up in between, against the same counted pair by pair."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import oracle
from door import Door
from histories import DAYS, HISTORIES, History, begin
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_coverage_oracle import NOTHING, QUIET, same

from backend import checks, figures_periods, months, privacy
from backend.coverage import coverage
from backend.kernel import clock
from backend.kernel.database import fetch
from backend.rules import periods
from models.consents import Consent

REAL_TODAY = clock.today()
# Five days of this month or the last one, after as many of the month before.
NEW = periods.month_after(REAL_TODAY, 0 if REAL_TODAY.day >= 5 else -1)
OLD = periods.month_after(NEW, -1)
TODAY = NEW + timedelta(days=4)
# The whole of the old month; of both; from its middle; the new one alone.
SPANS = [(OLD, NEW - timedelta(days=1)), (OLD, REAL_TODAY), (NEW - timedelta(days=2), REAL_TODAY), (NEW, REAL_TODAY)]


async def rolled_up(history: History, until: date) -> None:
    """What housekeeping does, for the branch of this history alone."""
    await figures_periods._roll_up_some(history.secretary.branch_id, until)


async def compare(history: History, *, today: date) -> None:
    for first, last in SPANS:
        if first > min(last, today):
            continue
        tasks = {number: task for number, task in history.world["tasks"].items() if first <= task["date"] <= last}
        world = {**history.world, "tasks": tasks}
        [whole] = oracle.cells(world, (), today=today).values() or [NOTHING]
        of_aspects = {str(key): cell for (key,), cell in oracle.cells(world, ("aspect",), today=today).items()}
        await compare_tables(history, whole, of_aspects, {"first": first, "last": last, "today": today})


async def compare_tables(history: History, whole: dict, of_aspects: dict[str, dict], period: dict[str, date]) -> None:
    by_aspect = await coverage(history.secretary, by="aspect", **period)
    by_branch = await coverage(history.secretary, by="branch", **period)
    by_both = await coverage(history.secretary, by="branch", and_="aspect", **period)
    for table in (by_aspect, by_branch, by_both):
        same(table["total"], whole)
    shown = {row["key"]: row["cell"] for row in by_aspect["rows"]}
    assert of_aspects.keys() <= shown.keys()
    [row] = by_both["rows"] or [{"cell": whole, "cells": {}}]
    for key, cell in [*shown.items(), *row["cells"].items()]:
        same(cell, of_aspects.get(key, NOTHING))
    for table in (by_branch, by_both):
        assert [row["key"] for row in table["rows"]] in ([], [str(history.secretary.branch_id)])


@settings(
    max_examples=15, deadline=None, database=None, report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(drawn=HISTORIES, rolls=st.lists(st.tuples(st.integers(0, 20), st.integers(0, DAYS)), min_size=1, max_size=3))
async def test_random_histories_across_a_month_count_as_the_oracle_counts_them(door: Door, drawn: dict, rolls: list[tuple[int, int]]):
    history = await begin(drawn, today=TODAY)
    await months.prepare(history.day(0), TODAY)
    for number, event in enumerate([*drawn["events"], *drawn["studies"]]):
        for place, day in rolls:
            if place == number:
                await rolled_up(history, history.day(day))
        await history.live(event)
    await compare(history, today=TODAY)
    await rolled_up(history, TODAY)
    await compare(history, today=REAL_TODAY)
    assert await checks.broken(branch_id=history.secretary.branch_id) == []


async def test_a_member_who_withdraws_changes_no_figure_of_a_month_that_is_over(door: Door):
    history = await begin(QUIET, today=TODAY)
    for event in (("check_in", 0, 1, 0, (True, False)), ("check_in", 1, 8, 0, (True, True)), ("check_in", 2, 2, 2, (False, False))):
        await history.live(event)
    await rolled_up(history, TODAY)
    before = await of_periods(history)
    assert {row["period"] for row in before} >= {f"{OLD:%Y-%m}", f"{NEW:%Y-%m}"}
    assert sum(row["on_time"] + row["makeup"] for row in before if row["period"] == f"{OLD:%Y-%m}" and not row["aspect_id"]) == 2
    await Consent.create(member_id=history.people[0], version="v1", given_at=clock.now())
    await privacy.withdraw_for(None, member_id=history.people[0], name="人")
    history.world["members"][history.people[0]]["left"] = REAL_TODAY
    await compare(history, today=TODAY)
    assert await checks.broken(branch_id=history.secretary.branch_id) == []


async def test_a_roll_up_done_twice_counts_once(door: Door):
    history = await begin(QUIET, today=TODAY)
    await history.live(("check_in", 0, 1, 0, (True, True)))
    await rolled_up(history, TODAY)
    before = await of_periods(history)
    await rolled_up(history, TODAY)
    assert before and await of_periods(history) == before


async def of_periods(history: History) -> list[dict[str, Any]]:
    return await fetch("SELECT * FROM period_figure WHERE branch_id = $1 ORDER BY period, aspect_id", history.secretary.branch_id)
