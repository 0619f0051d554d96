"""A member's task days as calendar months, Monday first, newest month first."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from datetime import date
from typing import Any

# What stands in the cell beside the day's number, so that nothing is told by colour alone; and what it means.
MARKS = {"done": "✓", "makeup": "补", "proxy": "代", "excused": "假", "missed": "缺", "open": "待"}
MEANING = {"done": "按时", "makeup": "补卡", "proxy": "代录", "excused": "请假", "missed": "未学", "open": "今日待学"}


def months(days: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """[{"first", "weeks"}]: each week seven cells, None outside the month, else {"number", "day" (None without a task), "mark"}."""
    by_date = {day["date"]: day for day in days}
    found = sorted({day.replace(day=1) for day in by_date}, reverse=True)
    return [{"first": first, "weeks": _weeks(first, by_date)} for first in found]


def _weeks(first: date, by_date: dict[date, dict[str, Any]]) -> list[list[dict[str, Any] | None]]:
    weeks = calendar.Calendar(firstweekday=0).monthdatescalendar(first.year, first.month)
    return [[_cell(day, by_date.get(day)) if day.month == first.month else None for day in week] for week in weeks]


def _cell(when: date, day: dict[str, Any] | None) -> dict[str, Any]:
    kind = None if day is None else "proxy" if day["proxy"] else day["status"]
    return {"number": when.day, "day": day, "kind": kind, "mark": MARKS.get(kind, ""), "meaning": MEANING.get(kind, "")}
