"""Plans: the calendar of their tasks by month, one plan, a new one with its preview, and what may change later."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sanic import Blueprint
from sanic.response import HTTPResponse

from backend import branches, calendar, plans, plans_change, plans_preview, plans_syllabus, reminders_daily, tasks_laid
from backend.kernel.errors import Conflict, Invalid
from console import calendar_grid, forms, words
from console.http import Visit, go, page, render

blueprint = Blueprint("console_plans")
MOST_PLANS = 200


@page(blueprint, "GET", "/plans", who="plans.read")
async def month(visit: Visit) -> HTTPResponse:
    first, last = forms.month(visit.asked("month"), visit.today)
    tasks = await tasks_laid.of_period(visit.actor, first=first, last=last)
    return render(
        "plans/month.html",
        visit,
        first=first,
        weeks=calendar_grid.weeks(first, last, tasks, await calendar.known_days(visit.actor, years=[first.year])),
        has_tasks=bool(tasks),
        previous=f"/plans?month={first - timedelta(days=1):%Y-%m}",
        next=f"/plans?month={last + timedelta(days=1):%Y-%m}",
        plans=await plans.listing(visit.actor, after=0, limit=MOST_PLANS, today=visit.today),
    )


@page(blueprint, "GET", "/plans/new", who="plans.write")
async def blank(visit: Visit) -> HTTPResponse:
    day = visit.today + timedelta(days=1)
    start = {"title": "", "starts_on": day, "ends_on": day + timedelta(days=89), "weekdays": [1, 2, 3, 4, 5], "aspects": list(range(1, 10))}
    rest = {"units": [], "tiers": [], "statuses": [], "questions_per_day": 3, "makeup_days": 7, "skip_holidays": True}
    return await _form(visit, {**start, **rest, "count_workdays": False, "plain_calendar": False, "syllabus": None})


@page(blueprint, "POST", "/plans/preview", who="plans.write")
async def preview(visit: Visit) -> HTTPResponse:
    wanted = _wanted(visit)
    try:
        made = await plans_preview.preview(visit.actor, today=visit.today, **_given(wanted))
    except (Invalid, Conflict) as error:
        return await _form(visit, wanted, errors=forms.faults(error), status=422)
    return await _form(visit, wanted, made=made)


@page(blueprint, "POST", "/plans", who="plans.write")
async def make(visit: Visit) -> HTTPResponse:
    wanted = _wanted(visit)
    try:
        plan = await plans.make(visit.actor, today=visit.today, **_given(wanted))
    except (Invalid, Conflict) as error:
        return await _form(visit, wanted, errors=forms.faults(error), status=422)
    return go(f"/plans/{plan['id']}", visit, notice=f"已制定计划，共排定 {plan['tasks']} 天任务。")


@page(blueprint, "GET", "/plans/<plan_id:int>", who="plans.read")
async def one(visit: Visit, plan_id: int) -> HTTPResponse:
    return await _one(visit, await plans.one(visit.actor, plan_id=plan_id, today=visit.today))


@page(blueprint, "POST", "/plans/<plan_id:int>", who="plans.write")
async def change(visit: Visit, plan_id: int) -> HTTPResponse:
    audience = {"units": forms.numbers(visit.ticked("units")), "tiers": visit.ticked("tiers"), "statuses": visit.ticked("statuses")}
    wanted = {"title": visit.filled("title"), **audience}
    try:
        await plans_change.change(visit.actor, plan_id=plan_id, today=visit.today, **wanted)
    except (Invalid, Conflict) as error:
        plan = await plans.one(visit.actor, plan_id=plan_id, today=visit.today)
        return await _one(visit, {**plan, **wanted}, errors=forms.faults(error), status=422)
    return go(f"/plans/{plan_id}", visit, notice="已保存，对象的变化从明天起生效。")


@page(blueprint, "POST", "/plans/<plan_id:int>/extend", who="plans.write")
async def extend(visit: Visit, plan_id: int) -> HTTPResponse:
    ends_on, plain = forms.day(visit.filled("ends_on")), bool(visit.filled("plain_calendar"))
    try:
        if ends_on is None:
            raise Invalid(errors=[{"field": "ends_on", "message": "请填写日期"}])
        added = await plans_change.extend(visit.actor, plan_id=plan_id, ends_on=ends_on, today=visit.today, plain_calendar=plain)
    except (Invalid, Conflict) as error:
        plan = await plans.one(visit.actor, plan_id=plan_id, today=visit.today)
        found = forms.faults(error)
        return await _one(visit, plan, errors=forms.Faults(ends_on="；".join(found.values())), status=422)
    return go(f"/plans/{plan_id}", visit, notice=f"已延长，增加 {added} 天任务。")


@page(blueprint, "POST", "/plans/<plan_id:int>/reminder", who="plans.write")
async def remind_daily(visit: Visit, plan_id: int) -> HTTPResponse:
    try:
        set_to = await reminders_daily.set_time(visit.actor, plan_id=plan_id, at=visit.filled("at") or None)
    except Invalid as error:
        plan = await plans.one(visit.actor, plan_id=plan_id, today=visit.today)
        return await _one(visit, plan, errors=forms.faults(error), status=422)
    begins = "从今天起" if set_to["starts_on"] == visit.today else "从明天起"
    said = f"已保存，{begins}每天 {set_to['at']} 提醒。" if set_to["at"] else "已保存，不再每天定时提醒。"
    return go(f"/plans/{plan_id}", visit, notice=said)


async def _one(visit: Visit, plan: dict[str, Any], *, errors: forms.Faults | None = None, status: int = 200) -> HTTPResponse:
    units = {unit["id"]: unit["name"] for unit in await branches.units(visit.actor)}
    return render(
        "plans/one.html",
        visit,
        status=status,
        plan=plan,
        errors=errors or forms.Faults(),
        audience=words.audience(plan, units),
        remind=await reminders_daily.shown(visit.actor, plan_id=plan["id"]),
        **_choices(units),
    )


async def _form(
    visit: Visit, plan: dict[str, Any], *, made: dict[str, Any] | None = None, errors: forms.Faults | None = None, status: int = 200
) -> HTTPResponse:
    units = {unit["id"]: unit["name"] for unit in await branches.units(visit.actor)}
    syllabuses = [("", "按方面轮流"), *((one["key"], one["title"]) for one in await plans_syllabus.titles(visit.actor))]
    return render(
        "plans/new.html",
        visit,
        status=status,
        plan=plan,
        made=made,
        errors=errors or forms.Faults(),
        syllabuses=syllabuses,
        audience=words.audience(plan, units),
        **_choices(units),
    )


def _choices(units: dict[int, str]) -> dict[str, Any]:
    return {
        "units": list(units.items()),
        "tiers": list(words.TIERS.items()),
        "statuses": list(words.STATUSES.items()),
        "weekdays": [(number, f"周{name}") for number, name in enumerate(words.WEEKDAYS, start=1)],
    }


def _wanted(visit: Visit) -> dict[str, Any]:
    """The form's fields; a date that is none is None."""
    syllabus = visit.filled("syllabus") or None
    return {
        "title": visit.filled("title"),
        "starts_on": forms.day(visit.filled("starts_on")),
        "ends_on": forms.day(visit.filled("ends_on")),
        "weekdays": forms.numbers(visit.ticked("weekdays")),
        "aspects": list(range(1, 10)) if syllabus else forms.numbers(visit.ticked("aspects")),
        "units": forms.numbers(visit.ticked("units")),
        "tiers": visit.ticked("tiers"),
        "statuses": visit.ticked("statuses"),
        "questions_per_day": forms.number(visit.filled("questions_per_day"), instead=0),
        "makeup_days": forms.number(visit.filled("makeup_days"), instead=-1),
        "skip_holidays": bool(visit.filled("skip_holidays")),
        "count_workdays": bool(visit.filled("count_workdays")),
        "plain_calendar": bool(visit.filled("plain_calendar")),
        "syllabus": syllabus,
    }


def _given(wanted: dict[str, Any]) -> dict[str, Any]:
    """`wanted`, once both dates are dates. Raises Invalid."""
    missing = [name for name in ("starts_on", "ends_on") if wanted[name] is None]
    if missing:
        raise Invalid(errors=[{"field": name, "message": "请填写日期"} for name in missing])
    return wanted
