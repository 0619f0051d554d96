"""Streak and steadiness."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.rules.streaks import Day, Streak, steadiness, streak

FIRST = date(2023, 2, 1)
STATES = {"k": "kept", "m": "makeup", "x": "missed", "e": "excused", "o": "open"}


def history(letters: str) -> list[Day]:
    """One letter a day from the first of February; a space is a day without a task."""
    return [Day(FIRST + timedelta(days=i), STATES[letter]) for i, letter in enumerate(letters) if letter != " "]


def last_day(letters: str) -> date:
    return FIRST + timedelta(days=len(letters) - 1)


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("", Streak(0, 0, 0)),
        ("k", Streak(1, 1, 0)),
        ("o", Streak(0, 0, 0)),
        ("x", Streak(0, 0, 0)),
        ("kkk", Streak(3, 3, 0)),
        ("kk  k", Streak(3, 3, 0)),
        ("kkeek", Streak(3, 3, 0)),
        ("kko", Streak(2, 2, 0)),
        ("kkx", Streak(0, 2, 0)),
        ("kkkxk", Streak(1, 3, 0)),
        ("kmkm", Streak(4, 4, 2)),
        ("mmxkm", Streak(2, 2, 1)),
        ("ee", Streak(0, 0, 0)),
    ],
)
def test_a_streak_counts_kept_task_days_in_a_row(letters, expected):
    assert streak(history(letters), today=last_day(letters)) == expected


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("", None),
        ("o", None),
        ("ee", None),
        ("k", 100),
        ("x", 0),
        ("m", 100),
        ("kxo", 49),
        ("xk", 51),
        ("k" * 13 + "x", 90),
        ("x" * 13 + "k" * 13, 67),
        ("k" * 13 + "x" * 13, 33),
        ("kekk e", 100),
    ],
)
def test_steadiness_weighs_the_newest_days_most(letters, expected):
    assert steadiness(history(letters), today=last_day(letters)) == expected


def test_thirteen_task_days_halve_the_weight():
    letters = "x" + "k" * 13
    weights = [0.5 ** (i / 13) for i in range(14)]
    assert weights[13] == 0.5
    assert steadiness(history(letters), today=last_day(letters)) == round(100 * sum(weights[:13]) / sum(weights))


def test_days_after_today_are_ignored():
    days = history("kkxx")
    assert streak(days, today=FIRST + timedelta(days=1)) == Streak(2, 2, 0)
    assert steadiness(days, today=FIRST + timedelta(days=1)) == 100
    assert steadiness(days, today=FIRST - timedelta(days=1)) is None


LETTERS = st.text(alphabet="kmxeo ", max_size=60)


@given(LETTERS, st.randoms(use_true_random=False))
def test_the_order_of_the_days_does_not_matter(letters, random):
    days = history(letters)
    shuffled = random.sample(days, len(days))
    assert streak(shuffled, today=last_day(letters)) == streak(days, today=last_day(letters))
    assert steadiness(shuffled, today=last_day(letters)) == steadiness(days, today=last_day(letters))


@given(LETTERS)
def test_leave_and_open_days_change_nothing(letters):
    without = [day for day in history(letters) if day.state not in ("excused", "open")]
    assert streak(history(letters), today=last_day(letters)) == streak(without, today=last_day(letters))
    assert steadiness(history(letters), today=last_day(letters)) == steadiness(without, today=last_day(letters))


@given(LETTERS)
def test_the_streak_is_the_last_run_between_missed_days(letters):
    runs = letters.replace("e", "").replace("o", "").replace(" ", "").split("x")
    expected = Streak(len(runs[-1]), max(len(run) for run in runs), runs[-1].count("m"))
    assert streak(history(letters), today=last_day(letters)) == expected


@given(LETTERS)
def test_making_up_a_missed_day_never_lowers_anything(letters):
    today = last_day(letters)
    before, after = history(letters), history(letters.replace("x", "m", 1))
    assert streak(after, today=today).longest >= streak(before, today=today).longest
    assert (steadiness(after, today=today) or 0) >= (steadiness(before, today=today) or 0)


@given(st.text(alphabet="kmx", min_size=1, max_size=60))
def test_steadiness_lies_between_nothing_and_everything_and_follows_the_formula(letters):
    newest_first = letters[::-1]
    weights = [Fraction(0.5 ** (i / 13)) for i in range(len(letters))]
    exact = 100 * sum(w for w, letter in zip(weights, newest_first, strict=True) if letter != "x") / sum(weights)
    value = steadiness(history(letters), today=last_day(letters))
    assert 0 <= value <= 100
    assert exact - Fraction(1, 2) <= value <= exact + Fraction(1, 2)
