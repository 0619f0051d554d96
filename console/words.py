"""How figures, days and roles read in Chinese."""

from __future__ import annotations

from datetime import date, datetime

ROLES = {"secretary": "书记", "editor": "党建工作部", "unit_head": "专委会主任", "observer": "上级党委"}
WEEKDAYS = "一二三四五六日"
HIDDEN = "—"


def percent(rate: float | None) -> str:
    """0.8333 → 83.3%; a dash for None (nothing assigned, or hidden from an observer)."""
    return HIDDEN if rate is None else f"{rate * 100:.1f}%"


def number(count: int | None) -> str:
    return HIDDEN if count is None else f"{count}"


def day(when: date) -> str:
    """2023年2月23日 星期四"""
    return f"{when.year}年{when.month}月{when.day}日 星期{WEEKDAYS[when.weekday()]}"


def moment(instant: str) -> str:
    """2023-02-23T08:05:00+08:00 → 2月23日 08:05"""
    when = datetime.fromisoformat(instant)
    return f"{when.month}月{when.day}日 {when:%H:%M}"


def roles(held: frozenset[str]) -> str:
    return "、".join(word for role, word in ROLES.items() if role in held)
