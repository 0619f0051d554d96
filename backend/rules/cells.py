"""Cells: the figures of one slice of (member, task) pairs, and the rates that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

# What is summed. done = on_time + makeup + proxy; `open` are today's assigned pairs not yet done; `firsts` and `rights` count answers.
SUMMED = ("assigned", "excused", "on_time", "makeup", "proxy", "open", "firsts", "rights")
FIELDS = (
    "assigned", "done", "on_time", "makeup", "proxy", "excused", "missing", "open", "coverage", "on_time_rate", "accuracy",
)  # fmt: skip

# A cell that is not shown: every figure null.
HIDDEN: dict[str, int | float | None] = dict.fromkeys(FIELDS)


def cell(counts: Mapping[str, int]) -> dict[str, int | float | None]:
    """The cell for SUMMED `counts` (what is not named is 0). Rates are null where nothing stands below the line, never 0 or 1."""
    n = {name: int(counts.get(name) or 0) for name in SUMMED}
    done = n["on_time"] + n["makeup"] + n["proxy"]
    return {
        "assigned": n["assigned"],
        "done": done,
        "on_time": n["on_time"],
        "makeup": n["makeup"],
        "proxy": n["proxy"],
        "excused": n["excused"],
        "missing": n["assigned"] - done - n["open"],
        "open": n["open"],
        "coverage": rate(done, n["assigned"]),
        "on_time_rate": rate(n["on_time"], n["assigned"]),
        "accuracy": rate(n["rights"], n["firsts"]),
    }


def together(many: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sum of counts of disjoint slices."""
    sums = dict.fromkeys(SUMMED, 0)
    for counts in many:
        for name in SUMMED:
            sums[name] += int(counts.get(name) or 0)
    return sums


def rate(part: int, whole: int) -> float | None:
    """A share from 0 to 1, to four decimals; None of nothing."""
    return round(part / whole, 4) if whole else None
