"""Days and periods. Every day is a calendar day in Asia/Shanghai; a task opens at 00:00 and its on-time window ends at 24:00."""

from calendar import monthrange
from collections.abc import Set
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
MAKEUP_DAYS = 7  # days after the task's day, where the plan says nothing else
OFFLINE_HOURS = 48  # hours after the end of the task's day in which a day finished without a network still arrives in time

Kind = Literal["on_time", "makeup"]
Status = Literal["upcoming", "open", "done", "makeup", "missed", "excused"]

_MONTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}


def shanghai_date(instant: datetime) -> date:
    """The Shanghai calendar day an instant falls on. Raises ValueError for a naive datetime."""
    if instant.utcoffset() is None:
        raise ValueError("an instant needs an offset")
    return instant.astimezone(SHANGHAI).date()


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """Start (inclusive) and end (exclusive) of a Shanghai day, both in UTC."""
    return _midnight(day), _midnight(day + timedelta(days=1))


def makeup_until(task_date: date, makeup_days: int = MAKEUP_DAYS) -> date:
    """The last day, inclusive, on which a check-in for the task is accepted."""
    return task_date + timedelta(days=makeup_days)


def is_open_for_checkin(task_date: date, today: date, makeup_days: int = MAKEUP_DAYS) -> Literal["open", "not_open", "closed"]:
    """not_open before the task's day, closed after the last day of make-up, open between."""
    if today < task_date:
        return "not_open"
    if today > makeup_until(task_date, makeup_days):
        return "closed"
    return "open"


def task_status(*, date: date, today: date, checked: Kind | None, excused: bool) -> Status:
    """What the member sees of a task: a check-in wins over leave, leave over the calendar (so a task on a day of leave is
    excused before, on and after its day)."""
    if checked is not None:
        return "done" if checked == "on_time" else "makeup"
    if excused:
        return "excused"
    if date > today:
        return "upcoming"
    return "open" if date == today else "missed"


def within_offline_window(task_date: date, arrived_at: datetime) -> bool:
    """True when the instant is at most 48 hours after the end of the task's day."""
    if arrived_at.utcoffset() is None:
        raise ValueError("an instant needs an offset")
    return arrived_at <= day_bounds(task_date)[1] + timedelta(hours=OFFLINE_HOURS)


def kind_of(*, task_date: date, arrived_on: date, studied_on: date | None, fetched_on_task_date: bool, arrived_within_48h: bool) -> Kind:
    """on_time when the check-in arrived on the task's Shanghai day, or (离线补传) was studied that day by a session that fetched
    the task that day and arrives within 48 hours of the day's end; makeup otherwise. A check-in before the day is refused
    earlier, see `is_open_for_checkin`."""
    if arrived_on == task_date:
        return "on_time"
    studied_offline = studied_on == task_date and fetched_on_task_date and arrived_within_48h
    return "on_time" if studied_offline else "makeup"


def period(kind: Literal["week", "month", "quarter", "half_year", "year"], anchor: date) -> tuple[date, date]:
    """First and last day, both inclusive, of the period that holds the anchor; a week runs from Monday to Sunday.
    Raises ValueError for an unknown kind."""
    if kind == "week":
        monday = anchor - timedelta(days=anchor.weekday())
        return monday, monday + timedelta(days=6)
    if kind not in _MONTHS:
        raise ValueError(f"unknown kind of period: {kind!r}")
    months = _MONTHS[kind]
    first_month = (anchor.month - 1) // months * months + 1
    last_month = first_month + months - 1
    last = anchor.replace(month=last_month, day=monthrange(anchor.year, last_month)[1])
    return anchor.replace(month=first_month, day=1), last


def month_after(day: date, months: int) -> date:
    """The first day of the month that comes so many months after that of `day`; before it where `months` is negative."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, 1)


def periods_within(first: date, last: date, *, over: date) -> tuple[list[str], date, date] | None:
    """Years ("2026"), quarters ("2026-Q3") and months ("2026-09") that make up the whole months from `first` to `last`, as few as will do;
    the first day of them, and the day after them. None when there is no whole month.

    A period counts as whole too when its days before the day `over` lie in between, and no others matter.
    """
    begins = month = month_after(first, 0 if first.day == 1 else 1)
    found = []
    while month <= last:
        for months in (12, 3, 1):
            after = month_after(month, months)
            if (month.month - 1) % months == 0 and max(month, min(after, over)) <= last + timedelta(days=1):
                break
        else:
            break
        found.append({12: f"{month:%Y}", 3: f"{month:%Y}-Q{(month.month + 2) // 3}", 1: f"{month:%Y-%m}"}[months])
        month = after
    return (found, begins, month) if found else None


def task_days(
    starts_on: date,
    ends_on: date,
    weekdays: Set[int],
    *,
    holidays: Set[date],
    workdays: Set[date],
    skip_holidays: bool,
    count_workdays: bool,
) -> list[date]:
    """The days of a plan, in order, both ends inclusive; empty when it ends before it starts.

    `weekdays` are ISO numbers, 1 Monday to 7 Sunday; `holidays` the public holidays; `workdays` the make-up working days (调休),
    which count, where the plan says so, although their weekday is not among the plan's. Raises ValueError for another weekday."""
    if not weekdays <= {1, 2, 3, 4, 5, 6, 7}:
        raise ValueError(f"weekdays are 1 (Monday) to 7 (Sunday), not {sorted(weekdays)}")
    every_day = (starts_on + timedelta(days=n) for n in range((ends_on - starts_on).days + 1))
    return [
        day
        for day in every_day
        if (day.isoweekday() in weekdays and not (skip_holidays and day in holidays)) or (count_workdays and day in workdays)
    ]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=SHANGHAI).astimezone(UTC)
