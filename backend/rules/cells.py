"""Cells: the figures of one slice of (member, task) pairs, and the rates that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

# What is summed. done = on_time + makeup + proxy; `open` are today's assigned pairs not yet done; `firsts` and `rights` count answers.
SUMMED = ("assigned", "excused", "on_time", "makeup", "proxy", "open", "firsts", "rights")
FIELDS = (
    "assigned", "done", "on_time", "makeup", "proxy", "excused", "missing", "open", "coverage", "on_time_rate", "accuracy",
)  # fmt: skip

Counts = tuple[int, ...]  # in the order of SUMMED
NOTHING: Counts = (0,) * len(SUMMED)

# A cell that is not shown: every figure null.
HIDDEN: dict[str, int | float | None] = dict.fromkeys(FIELDS)


def cell(counts: Mapping[str, int]) -> dict[str, int | float | None]:
    """The cell for SUMMED `counts` (what is not named is 0)."""
    return cell_of(tuple(int(counts.get(name) or 0) for name in SUMMED))


def cell_of(counts: Counts) -> dict[str, int | float | None]:
    """The cell for these counts. Rates are null where nothing stands below the line, never 0 or 1."""
    assigned, excused, on_time, makeup, proxy, is_open, firsts, rights = counts
    done = on_time + makeup + proxy
    return {
        "assigned": assigned,
        "done": done,
        "on_time": on_time,
        "makeup": makeup,
        "proxy": proxy,
        "excused": excused,
        "missing": assigned - done - is_open,
        "open": is_open,
        "coverage": rate(done, assigned),
        "on_time_rate": rate(on_time, assigned),
        "accuracy": rate(rights, firsts),
    }


def together(many: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sum of counts of disjoint slices."""
    sums = dict.fromkeys(SUMMED, 0)
    for counts in many:
        for name in SUMMED:
            sums[name] += int(counts.get(name) or 0)
    return sums


def total(many: Iterable[Counts]) -> Counts:
    """The same for counts in the order of SUMMED."""
    return tuple(map(sum, zip(*many, strict=True))) or NOTHING


# The same few numbers come again and again, and rounding is what a cell costs most.
@lru_cache(maxsize=16_384)
def rate(part: int, whole: int) -> float | None:
    """A share from 0 to 1, to four decimals; None of nothing."""
    return round(part / whole, 4) if whole else None
