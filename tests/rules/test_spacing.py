"""No day gets more than it may have, and nothing comes before it is due."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from backend.rules.spacing import spread

FIRST = date(2026, 12, 28)


@given(wanted=st.lists(st.integers(0, 12), max_size=60), most=st.integers(1, 5))
def test_whatever_falls_due_no_day_has_too_much_and_none_is_early(wanted: list[int], most: int):
    load: Counter[date] = Counter()
    for days in wanted:
        due_on = FIRST + timedelta(days=days)
        day = spread(due_on, load=load, most=most)
        assert day >= due_on
        # As early as it can be.
        assert all(load[due_on + timedelta(days=n)] >= most for n in range((day - due_on).days))
        load[day] += 1
    assert max(load.values(), default=0) <= most
