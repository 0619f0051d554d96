"""Paper members: a week's sheet to print for each committee, and what came back on it written down, looked at once before it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from sanic import Blueprint
from sanic.response import HTTPResponse

from backend import branches, checkins_paper
from backend.kernel import clock
from backend.kernel.access import SECRETARY
from backend.kernel.errors import Invalid
from console import forms
from console.http import MAX_ID, Visit, page, render

blueprint = Blueprint("console_paper")
EARLIEST, LATEST = date(2000, 1, 1), date(2100, 1, 1)
Cell = tuple[int, int]  # a member and a task


@page(blueprint, "GET", "/paper", who="checkins.record")
async def grid(visit: Visit) -> HTTPResponse:
    first, unit = _first(visit, visit.asked("week")), forms.number(visit.asked("unit"))
    return await _show(visit, "paper/grid.html", first, unit, chosen=set(), error="")


@page(blueprint, "GET", "/paper/sheet", who="checkins.record")
async def sheet(visit: Visit) -> HTTPResponse:
    return await _show(visit, "paper/sheet.html", _first(visit, visit.asked("week")), forms.number(visit.asked("unit")))


@page(blueprint, "POST", "/paper/preview", who="checkins.record")
async def preview(visit: Visit) -> HTTPResponse:
    """Nothing is written yet: what was ticked is shown by name and day."""
    chosen = set(_cells(visit))
    if 1 <= len(chosen) <= checkins_paper.MOST_CELLS:
        return await _filled(visit, "paper/preview.html", chosen=chosen)
    return await _refused(visit, f"请勾选 1 至 {checkins_paper.MOST_CELLS} 格，现在勾选了 {len(chosen)} 格。")


@page(blueprint, "POST", "/paper", who="checkins.record")
async def record(visit: Visit) -> HTTPResponse:
    try:
        done = await checkins_paper.record(visit.actor, cells=_cells(visit), at=clock.now())
    except Invalid as error:
        return await _refused(visit, error.detail)
    return await _filled(visit, "paper/done.html", outcomes={(one["member"], one["task"]): one for one in done}, told=_told)


async def _refused(visit: Visit, error: str) -> HTTPResponse:
    """The grid once more, with what was ticked."""
    return await _filled(visit, "paper/grid.html", status=422, chosen=set(_cells(visit)), error=error)


async def _filled(visit: Visit, template: str, **shown: Any) -> HTTPResponse:
    return await _show(visit, template, _first(visit, visit.filled("week")), forms.number(visit.filled("unit")), **shown)


async def _show(visit: Visit, template: str, first: date, unit: int | None, **shown: Any) -> HTTPResponse:
    return render(
        template,
        visit,
        week=await checkins_paper.week(visit.actor, first=first, unit=unit, today=visit.today),
        first=first,
        last=first + timedelta(days=6),
        unit=unit,
        units=await branches.units(visit.actor) if SECRETARY in visit.actor.roles else None,
        to_write=checkins_paper.TO_WRITE,
        address=lambda path, weeks=0: _address(path, first + timedelta(weeks=weeks), unit),
        **shown,
    )


def _first(visit: Visit, text: str) -> date:
    """The Monday of the week of a day; of this week for what is no day, or none that anybody can mean."""
    day = forms.day(text)
    day = day if day is not None and EARLIEST <= day <= LATEST else visit.today
    return day - timedelta(days=day.weekday())


def _address(path: str, first: date, unit: int | None) -> str:
    return f"{path}?{urlencode({'week': first.isoformat(), **({} if unit is None else {'unit': unit})})}"


def _cells(visit: Visit) -> list[Cell]:
    """The cells ticked, `member-task` each; what is no such thing is passed over."""
    pairs = [text.partition("-")[::2] for text in visit.ticked("cells")]
    found = [(forms.number(member, most=MAX_ID), forms.number(task, most=MAX_ID)) for member, task in pairs]
    return [(member, task) for member, task in found if member is not None and task is not None]


def _told(week: Mapping[str, Any], outcomes: Mapping[Cell, dict[str, Any]]) -> list[tuple[str, str, dict[str, Any]]]:
    """(name, day, outcome) of each cell, in the order of the sheet; last those that are not on it, by their numbers."""
    rows, left = [], dict(outcomes)
    for member in (member for group in week["groups"] for member in group["members"]):
        for day in week["days"]:
            outcome = left.pop((member["id"], day["task"]), None)
            if outcome:
                rows.append((member["name"], day["date"].isoformat(), outcome))
    return rows + [(f"成员 {member}", f"任务 {task}", outcome) for (member, task), outcome in left.items()]
