"""Streak (连续打卡) and steadiness (坚持度) of one member over the member's own task days."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

State = Literal["kept", "makeup", "missed", "excused", "open"]
# One letter a state: a member's days in order are a short text then, as the database can put it together.
LETTERS = {"kept": "k", "makeup": "m", "missed": "x", "excused": "e", "open": "o"}

HALF_LIFE = 13  # task days after which a day weighs half as much


@dataclass(frozen=True, slots=True)
class Day:
    """One task day of one member. kept: done on time; makeup: done late; open: today's task, not yet done."""

    date: date
    state: State


@dataclass(frozen=True, slots=True)
class Streak:
    """Lengths in task days; `makeups` is how many days of the current streak were made up."""

    current: int
    longest: int
    makeups: int


def streak(days: Iterable[Day], *, today: date) -> Streak:
    """Consecutive kept task days up to today, and the longest run ever. Make-ups count as kept; leave and today's open task
    neither break nor add; days after today are ignored. The days may come in any order."""
    return streak_of("".join(LETTERS[day.state] for day in _counted(days, today)))


NONE = Streak(current=0, longest=0, makeups=0)


def streak_of(letters: str, *, before: Streak = NONE) -> Streak:
    """The same for days up to today in order of date, written as LETTERS; `before`: what the days before these came to."""
    first, *others = letters.replace("e", "").replace("o", "").split("x")
    going_on = before.current + len(first)
    if not others:
        return Streak(going_on, max(before.longest, going_on), before.makeups + first.count("m"))
    longest = max(before.longest, going_on, *(len(run) for run in others))
    return Streak(current=len(others[-1]), longest=longest, makeups=others[-1].count("m"))


def steadiness(days: Iterable[Day], *, today: date) -> int | None:
    """100·Σwk/Σw over the task days, w = 0.5^(i/13) with the newest day i = 0, k = 1 where kept or made up; 0..100, rounded
    half up. None when no day counts. Leave, today's open task and days after today are left out of both sums."""
    newest_first = list(reversed(_counted(days, today)))
    if not newest_first:
        return None
    weights = [0.5 ** (i / HALF_LIFE) for i in range(len(newest_first))]
    kept = math.fsum(weight for weight, day in zip(weights, newest_first, strict=True) if day.state != "missed")
    return math.floor(100 * kept / math.fsum(weights) + 0.5)


def _counted(days: Iterable[Day], today: date) -> list[Day]:
    counted = (day for day in days if day.date <= today and day.state not in ("excused", "open"))
    return sorted(counted, key=lambda day: day.date)
