"""The short form of `make trust-17`: figures that are read while they are written make sense, and the workbook is the API's."""

from __future__ import annotations

from collections import Counter

from door import Door
from histories import HISTORIES
from hypothesis import HealthCheck, given, settings
from trust.histories_piece import one


@settings(
    max_examples=3, deadline=None, database=None, report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(drawn=HISTORIES)
async def test_figures_read_while_they_are_written_are_whole(door: Door, drawn: dict):
    told: Counter[str] = Counter()
    await one(door, drawn, told)
    assert told["readings"] > 0 and told["histories"] == 1
