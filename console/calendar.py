"""The holiday table: the official days off and make-up working days of a year, and the branch's own in their place."""

from __future__ import annotations

from datetime import date
from typing import Any

from sanic import Blueprint
from sanic.response import HTTPResponse

from backend import calendar, tasks_laid
from backend.kernel.errors import Invalid
from console import forms
from console.http import Visit, go, page, render

blueprint = Blueprint("console_calendar")
KINDS = (("holiday", "放假"), ("workday", "上班（调休）"))
NOTHING: dict[str, Any] = {"first": "", "last": "", "kind": "holiday", "name": ""}


@page(blueprint, "GET", "/plans/holidays", who="plans.read")
async def year(visit: Visit) -> HTTPResponse:
    return await _shown(visit, forms.number(visit.asked("year"), instead=visit.today.year))


@page(blueprint, "POST", "/plans/holidays", who="plans.write")
async def enter(visit: Visit) -> HTTPResponse:
    typed = {name: visit.filled(name) for name in NOTHING}
    first = forms.day(typed["first"])
    last = forms.day(typed["last"]) if typed["last"] else first
    try:
        if first is None or last is None:
            raise Invalid(errors=[{"field": "first" if first is None else "last", "message": "请填写日期"}])
        await calendar.enter(visit.actor, first=first, last=last, kind=typed["kind"], name=typed["name"])
    except Invalid as error:
        number = forms.number(visit.filled("year"), instead=visit.today.year)
        return await _shown(visit, number, typed=typed, errors=forms.faults(error), status=422)
    return go(f"/plans/holidays?year={first.year}", visit, notice="已保存。已经排定的任务不变，新排的任务按此安排。")


@page(blueprint, "POST", "/plans/holidays/<day:str>/remove", who="plans.write")
async def remove(visit: Visit, day: str) -> HTTPResponse:
    gone = forms.day(day) or date.min
    await calendar.remove(visit.actor, day=gone)
    return go(f"/plans/holidays?year={gone.year}", visit, notice="已去掉，这一天按星期算。")


@page(blueprint, "POST", "/plans/holidays/<number:int>/restore", who="plans.write")
async def restore(visit: Visit, number: int) -> HTTPResponse:
    await calendar.restore(visit.actor, year=number)
    return go(f"/plans/holidays?year={number}", visit, notice="已恢复为官方安排。")


async def _shown(
    visit: Visit, number: int, *, typed: dict[str, Any] = NOTHING, errors: forms.Faults | None = None, status: int = 200
) -> HTTPResponse:
    found = await calendar.shown(visit.actor, year=number)
    tasks = await tasks_laid.of_period(visit.actor, first=date(number, 1, 1), last=date(number, 12, 31))
    return render(
        "plans/holidays.html",
        visit,
        status=status,
        year=found,
        laid={task["date"] for task in tasks},
        kinds=KINDS,
        typed=typed,
        errors=errors or forms.Faults(),
        previous=f"/plans/holidays?year={number - 1}" if number > calendar.FIRST_YEAR else None,
        next=f"/plans/holidays?year={number + 1}" if number < calendar.LAST_YEAR else None,
    )
