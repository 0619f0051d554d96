"""When something that is due on a day may be taken up, so that no day gets too much."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta


def spread(due_on: date, *, load: Mapping[date, int], most: int) -> date:
    """The first day from `due_on` on for which `load` has fewer than `most`. `most` is at least 1."""
    day = due_on
    while load.get(day, 0) >= most:
        day += timedelta(days=1)
    return day
