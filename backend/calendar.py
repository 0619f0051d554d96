"""Public holidays and make-up working days (调休): the packaged official calendar, and what a branch entered in its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from chinese_calendar import Holiday
from chinese_calendar.constants import holidays as official_holidays
from chinese_calendar.constants import workdays as official_workdays

from backend import audiences
from backend.kernel import audit
from backend.kernel.access import Actor, require
from backend.kernel.database import transactional
from backend.kernel.errors import Conflict, Invalid, NotFound
from models.calendar import CalendarDay, CalendarYear, DayKind

FIRST_YEAR, LAST_YEAR = 2000, 2100
NAME_MOST = 30

_OFFICIAL_YEARS = frozenset(day.year for day in official_holidays)
_CHINESE = {holiday.value: holiday.chinese[:NAME_MOST] for holiday in Holiday}


async def of_year(actor: Actor, *, year: int) -> dict[str, Any]:
    """{"year", "source": "official" | "entered", "days": [{"date", "kind": "holiday" | "workday", "name"}]}, days in order.

    What the branch entered takes the place of the packaged year. Raises NotFound outside 2000 to 2100, Conflict `calendar_unknown`
    for a year that neither knows.
    """
    require(actor, "plans.read")
    _refuse_odd_year(year)
    days, source = await _days_of(actor.branch_id, year)
    if source is None:
        raise _unknown([year])
    return {"year": year, "source": source, "days": days}


async def known_days(actor: Actor, *, years: Iterable[int]) -> dict[date, dict[str, Any]]:
    """The special days of these years by date, each as in `of_year`; a year that nobody has entered yet has none."""
    require(actor, "plans.read")
    return {day["date"]: day for year in sorted(set(years)) for day in (await _days_of(actor.branch_id, year))[0]}


async def _days_of(branch_id: int, year: int) -> tuple[list[dict[str, Any]], str | None]:
    if await CalendarYear.exists(branch_id=branch_id, year=year):
        rows = await CalendarDay.filter(branch_id=branch_id, year=year).order_by("date")
        return [{"date": row.date, "kind": row.kind.value, "name": row.name} for row in rows], "entered"
    return official(year), "official" if year in _OFFICIAL_YEARS else None


def official(year: int) -> list[dict[str, Any]]:
    """The packaged year's days off within a holiday (plain weekends are not among them) and its make-up working days; [] if unknown."""
    found = [
        {"date": day, "kind": kind.value, "name": _CHINESE.get(name, "")}
        for kind, days in ((DayKind.HOLIDAY, official_holidays), (DayKind.WORKDAY, official_workdays))
        for day, name in days.items()
        if day.year == year
    ]
    return sorted(found, key=lambda day: day["date"])


@transactional
async def replace(actor: Actor, *, year: int, days: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Enters a year for the branch in the place of what was there; `days`: {"date", "kind", "name"}, may be empty. Replies as `of_year`.

    Tasks that are laid out stay. Raises NotFound outside 2000 to 2100, Invalid naming each day at fault.
    """
    require(actor, "plans.write")
    _refuse_odd_year(year)
    _refuse_faulty(year, days)
    await audiences.lock(actor.branch_id)
    await CalendarDay.filter(branch_id=actor.branch_id, year=year).delete()
    await CalendarDay.bulk_create(
        [
            CalendarDay(branch_id=actor.branch_id, year=year, date=day["date"], kind=DayKind(day["kind"]), name=day["name"].strip())
            for day in days
        ]
    )
    if not await CalendarYear.exists(branch_id=actor.branch_id, year=year):
        await CalendarYear.create(branch_id=actor.branch_id, year=year)
    await audit.record(actor, "calendar:replace", subject="calendar", subject_id=year, fields=["days"])
    return await of_year(actor, year=year)


LONGEST_RUN = 31  # days entered at once


@transactional
async def enter(actor: Actor, *, first: date, last: date, kind: str, name: str) -> dict[str, Any]:
    """Enters the days from `first` to `last` into their year as it stands, in the place of what it says of them. Replies as `of_year`.

    A year that nobody has entered yet counts as entered from now on. Raises Invalid naming each field, NotFound outside 2000 to 2100.
    """
    require(actor, "plans.write")
    for field, is_sound, message in (
        ("last", first <= last, "不能早于第一天"),
        ("last", first.year == last.year, "应在同一年内"),
        ("last", (last - first).days < LONGEST_RUN, f"一次最多 {LONGEST_RUN} 天"),
        ("kind", kind in set(DayKind), "请选择放假或上班"),
        ("name", len(name) <= NAME_MOST, f"名称最多 {NAME_MOST} 个字"),
    ):
        if not is_sound:
            raise Invalid(errors=[{"field": field, "message": message}])
    run = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    entered = [{"date": day, "kind": kind, "name": name} for day in run]
    return await _exchange(actor, first.year, set(run), entered)


@transactional
async def remove(actor: Actor, *, day: date) -> dict[str, Any]:
    """Takes a day out of its year: it counts by its weekday. Replies as `of_year`. Raises NotFound."""
    require(actor, "plans.write")
    return await _exchange(actor, day.year, {day}, [])


async def _exchange(actor: Actor, year: int, gone: set[date], entered: list[dict[str, Any]]) -> dict[str, Any]:
    _refuse_odd_year(year)
    await audiences.lock(actor.branch_id)
    present, _ = await _days_of(actor.branch_id, year)
    if not entered and not gone & {day["date"] for day in present}:
        raise NotFound()
    return await replace(actor, year=year, days=[*(day for day in present if day["date"] not in gone), *entered])


@transactional
async def restore(actor: Actor, *, year: int) -> dict[str, Any]:
    """Puts the packaged year in the place of what the branch entered. Raises NotFound for a year that the package does not know."""
    require(actor, "plans.write")
    if year not in _OFFICIAL_YEARS:
        raise NotFound()
    await audiences.lock(actor.branch_id)
    await CalendarDay.filter(branch_id=actor.branch_id, year=year).delete()
    await CalendarYear.filter(branch_id=actor.branch_id, year=year).delete()
    await audit.record(actor, "calendar:restore", subject="calendar", subject_id=year, fields=["days"])
    return await of_year(actor, year=year)


async def shown(actor: Actor, *, year: int) -> dict[str, Any]:
    """The year as in `of_year`; one that nobody knows yet has no days and the source "unknown". Also "is_official": the package knows it.

    Raises NotFound outside 2000 to 2100. At most two queries.
    """
    require(actor, "plans.read")
    _refuse_odd_year(year)
    days, source = await _days_of(actor.branch_id, year)
    return {"year": year, "source": source or "unknown", "days": days, "is_official": year in _OFFICIAL_YEARS}


def _refuse_odd_year(year: int) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise NotFound()


def _refuse_faulty(year: int, days: Sequence[Mapping[str, Any]]) -> None:
    errors, seen = [], set()
    for index, day in enumerate(days):
        if day["date"].year != year:
            errors.append({"field": f"days[{index}].date", "message": f"应在 {year} 年内"})
        elif day["date"] in seen:
            errors.append({"field": f"days[{index}].date", "message": "日期重复"})
        seen.add(day["date"])
    if errors:
        raise Invalid(errors=errors)


async def special_days(branch_id: int, years: Iterable[int], *, plain: bool) -> tuple[set[date], set[date], str]:
    """Holidays, make-up working days and a warning ("" without) for these years, as the branch has them.

    With `plain` an unknown year counts as plain weekdays, and the warning says so; without it, it raises Conflict `calendar_unknown`.
    """
    holidays, workdays, unknown = set(), set(), []
    for year in sorted(set(years)):
        days, source = await _days_of(branch_id, year)
        if source is None:
            unknown.append(year)
        holidays |= {day["date"] for day in days if day["kind"] == DayKind.HOLIDAY}
        workdays |= {day["date"] for day in days if day["kind"] == DayKind.WORKDAY}
    if unknown and not plain:
        raise _unknown(unknown)
    return holidays, workdays, f"{_named(unknown)}的节假日安排尚未录入，按普通星期排定。" if unknown else ""


def _named(years: Sequence[int]) -> str:
    return "、".join(str(year) for year in years) + " 年"


def _unknown(years: Sequence[int]) -> Conflict:
    return Conflict(
        f"还没有{_named(years)}的节假日安排。可以先录入该年的放假和调休日期，"
        "也可以在制定计划时选择“按普通星期排定”（计划中会注明），或者不跳过节假日、不计调休。",
        code="calendar_unknown",
        extra={"years": list(years)},
    )
