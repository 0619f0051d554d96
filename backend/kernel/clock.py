"""The only place that reads the wall clock. Instants are aware UTC; days are Asia/Shanghai calendar days."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

_shift = timedelta(0)


def now() -> datetime:
    """The current instant, aware, in UTC."""
    return datetime.now(UTC) + _shift


def today() -> date:
    """The current Shanghai day: what decides every deadline."""
    return now().astimezone(SHANGHAI).date()


def shanghai(instant: datetime) -> datetime:
    """`instant` as Shanghai wall time, for people to read."""
    return instant.astimezone(SHANGHAI)


def at(day: date, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    """The UTC instant of a Shanghai wall time on `day`."""
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=SHANGHAI).astimezone(UTC)


@contextmanager
def shifted(instant: datetime) -> Iterator[None]:
    """Within the block the clock starts at `instant` and runs on; for tests alone."""
    global _shift
    before = _shift
    _shift = instant - datetime.now(UTC)
    try:
        yield
    finally:
        _shift = before
