"""A month as weeks of days, Monday first, with what each day holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any


def weeks(
    first: date, last: date, tasks: Sequence[Mapping[str, Any]], special: Mapping[date, Mapping[str, Any]]
) -> list[list[dict[str, Any]]]:
    """Whole weeks from `first` to `last`: {"date", "is_inside", "tasks", "special" (a day of the holiday table or None)}."""
    start = first - timedelta(days=first.weekday())
    count = ((last - start).days // 7 + 1) * 7
    by_date: dict[date, list[Mapping[str, Any]]] = {}
    for task in tasks:
        by_date.setdefault(task["date"], []).append(task)
    days = [
        {"date": day, "is_inside": first <= day <= last, "tasks": by_date.get(day, []), "special": special.get(day)}
        for day in (start + timedelta(days=n) for n in range(count))
    ]
    return [days[at : at + 7] for at in range(0, count, 7)]
