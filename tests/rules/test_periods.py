"""Days, windows and periods in Asia/Shanghai."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.rules.periods import (
    MAKEUP_DAYS,
    day_bounds,
    is_open_for_checkin,
    kind_of,
    makeup_until,
    period,
    shanghai_date,
    task_days,
    task_status,
    within_offline_window,
)

DAY = date(2023, 2, 8)  # a Wednesday
NEXT, BEFORE = DAY + timedelta(days=1), DAY - timedelta(days=1)
DATES = st.dates(date(2000, 1, 1), date(2099, 12, 30))


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        (datetime(2023, 2, 8, 15, 59, 59, 999999, tzinfo=UTC), DAY),
        (datetime(2023, 2, 8, 16, 0, tzinfo=UTC), NEXT),
        (datetime(2024, 2, 28, 16, 0, tzinfo=UTC), date(2024, 2, 29)),
        (datetime(2023, 12, 31, 16, 0, tzinfo=UTC), date(2024, 1, 1)),
        (datetime(2023, 2, 8, 23, 0, tzinfo=timezone(timedelta(hours=13))), DAY),
    ],
)
def test_an_instant_falls_on_its_shanghai_day(instant, expected):
    assert shanghai_date(instant) == expected


def test_an_instant_without_an_offset_is_refused():
    with pytest.raises(ValueError, match="offset"):
        shanghai_date(datetime(2023, 2, 8))  # noqa: DTZ001
    with pytest.raises(ValueError, match="offset"):
        within_offline_window(DAY, datetime(2023, 2, 8))  # noqa: DTZ001


@given(DATES)
def test_a_day_begins_and_ends_at_shanghai_midnight(day):
    start, end = day_bounds(day)
    assert (start.tzinfo, end.tzinfo) == (UTC, UTC)
    assert end - start == timedelta(hours=24)
    tick = timedelta(microseconds=1)
    assert [shanghai_date(i) for i in (start, end - tick)] == [day, day]
    assert [shanghai_date(i) for i in (start - tick, end)] == [day - timedelta(days=1), day + timedelta(days=1)]


@given(st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30)), st.integers(-12, 14))  # noqa: DTZ001
def test_the_offset_an_instant_is_written_in_does_not_matter(wall, hours):
    instant = wall.replace(tzinfo=UTC)
    assert shanghai_date(instant.astimezone(timezone(timedelta(hours=hours)))) == shanghai_date(instant)
    start, end = day_bounds(shanghai_date(instant))
    assert start <= instant < end


@pytest.mark.parametrize(
    ("days_later", "expected"), [(-1, "not_open"), (0, "open"), (1, "open"), (MAKEUP_DAYS, "open"), (MAKEUP_DAYS + 1, "closed")]
)
def test_a_task_is_open_from_its_day_to_the_last_day_of_make_up(days_later, expected):
    assert is_open_for_checkin(DAY, DAY + timedelta(days=days_later), MAKEUP_DAYS) == expected


def test_the_last_day_of_make_up_is_seven_days_later_and_inclusive():
    assert makeup_until(DAY) == date(2023, 2, 15)
    assert is_open_for_checkin(DAY, makeup_until(DAY)) == "open"
    assert makeup_until(DAY, 0) == DAY
    assert is_open_for_checkin(DAY, NEXT, 0) == "closed"


@pytest.mark.parametrize(
    ("today", "checked", "excused", "expected"),
    [
        (BEFORE, None, False, "upcoming"),
        (DAY, None, False, "open"),
        (NEXT, None, False, "missed"),
        (DAY, "on_time", False, "done"),
        (NEXT, "on_time", False, "done"),
        (NEXT, "makeup", False, "makeup"),
        (BEFORE, None, True, "excused"),
        (DAY, None, True, "excused"),
        (NEXT, None, True, "excused"),
        (DAY, "on_time", True, "done"),
        (NEXT, "makeup", True, "makeup"),
    ],
)
def test_the_status_of_a_task(today, checked, excused, expected):
    assert task_status(date=DAY, today=today, checked=checked, excused=excused) == expected


@pytest.mark.parametrize(
    ("arrived_on", "studied_on", "fetched", "within", "expected"),
    [
        (DAY, None, False, True, "on_time"),
        (DAY, BEFORE, False, True, "on_time"),
        (NEXT, None, True, True, "makeup"),
        (NEXT, DAY, True, True, "on_time"),
        (NEXT, DAY, False, True, "makeup"),
        (NEXT, DAY, True, False, "makeup"),
        (NEXT, NEXT, True, True, "makeup"),
    ],
)
def test_a_check_in_is_on_time_by_its_arrival_or_by_the_offline_rule(arrived_on, studied_on, fetched, within, expected):
    kind = kind_of(task_date=DAY, arrived_on=arrived_on, studied_on=studied_on, fetched_on_task_date=fetched, arrived_within_48h=within)
    assert kind == expected


def test_the_offline_window_ends_48_hours_after_the_day():
    end = datetime(2023, 2, 10, 16, 0, tzinfo=UTC)
    assert within_offline_window(DAY, end)
    assert not within_offline_window(DAY, end + timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("kind", "anchor", "first", "last"),
    [
        ("week", date(2023, 2, 6), date(2023, 2, 6), date(2023, 2, 12)),
        ("week", date(2023, 2, 12), date(2023, 2, 6), date(2023, 2, 12)),
        ("week", date(2023, 1, 1), date(2022, 12, 26), date(2023, 1, 1)),
        ("month", date(2024, 2, 29), date(2024, 2, 1), date(2024, 2, 29)),
        ("month", date(2023, 2, 1), date(2023, 2, 1), date(2023, 2, 28)),
        ("month", date(2023, 12, 31), date(2023, 12, 1), date(2023, 12, 31)),
        ("quarter", date(2023, 3, 31), date(2023, 1, 1), date(2023, 3, 31)),
        ("quarter", date(2023, 5, 31), date(2023, 4, 1), date(2023, 6, 30)),
        ("half_year", date(2023, 7, 1), date(2023, 7, 1), date(2023, 12, 31)),
        ("half_year", date(2023, 6, 30), date(2023, 1, 1), date(2023, 6, 30)),
        ("year", date(2024, 2, 29), date(2024, 1, 1), date(2024, 12, 31)),
    ],
)
def test_the_period_around_a_day(kind, anchor, first, last):
    assert period(kind, anchor) == (first, last)


def test_an_unknown_period_is_refused():
    with pytest.raises(ValueError, match="decade"):
        period("decade", DAY)


@given(st.sampled_from(["week", "month", "quarter", "half_year", "year"]), DATES)
def test_periods_lie_side_by_side(kind, anchor):
    first, last = period(kind, anchor)
    assert first <= anchor <= last
    assert period(kind, first) == period(kind, last) == (first, last)
    assert period(kind, last + timedelta(days=1))[0] == last + timedelta(days=1)


# The spring festival of 2023: holidays 21 to 27 January, make-up working days on Saturday the 28th and Sunday the 29th.
HOLIDAYS = {date(2023, 1, day) for day in range(21, 28)}
WORKDAYS = {date(2023, 1, 28), date(2023, 1, 29)}


@pytest.mark.parametrize(
    ("skip", "count", "expected"),
    [
        (False, False, [20, 23, 24, 25, 26, 27, 30]),
        (True, False, [20, 30]),
        (False, True, [20, 23, 24, 25, 26, 27, 28, 29, 30]),
        (True, True, [20, 28, 29, 30]),
    ],
)
def test_holidays_are_skipped_and_make_up_working_days_counted_where_the_plan_says_so(skip, count, expected):
    days = task_days(
        date(2023, 1, 20),
        date(2023, 1, 30),
        {1, 2, 3, 4, 5},
        holidays=HOLIDAYS,
        workdays=WORKDAYS,
        skip_holidays=skip,
        count_workdays=count,
    )
    assert [day.day for day in days] == expected


def test_a_plan_that_ends_before_it_starts_has_no_days_and_an_eighth_weekday_is_refused():
    calendar = {"holidays": set(), "workdays": set(), "skip_holidays": True, "count_workdays": True}
    assert task_days(NEXT, DAY, {1, 2, 3}, **calendar) == []
    assert task_days(DAY, DAY, {3}, **calendar) == [DAY]
    with pytest.raises(ValueError, match="8"):
        task_days(DAY, NEXT, {8}, **calendar)
