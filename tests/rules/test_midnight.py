"""The short form of `make trust-16`: whose day an instant is, by the rules and by whole-number arithmetic, whatever the process's zone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trust.midnight_examples import STATED, day_of, instants, judge


@pytest.fixture(params=["UTC", "America/New_York", "Pacific/Auckland"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_the_day_is_shanghais_whatever_the_zone_of_the_process(zone: None):
    @settings(max_examples=60, deadline=None, database=None)
    @given(seconds=instants(), behind=st.integers(-2, 12), makeup=st.integers(0, 10), studied=STATED, fetched=st.booleans())
    def look(seconds: int, behind: int, makeup: int, studied: int | None, fetched: bool) -> None:
        task = date.fromordinal(day_of(seconds) - behind)
        judge(task, seconds, makeup, None if studied is None else task + timedelta(days=studied), fetched)

    look()
