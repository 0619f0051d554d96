"""Study plans: the list, one with its days, a new one."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

import msgspec
from sanic import Blueprint

from api.http import Call, Shape, after, endpoint, page
from backend import plans, plans_syllabus

blueprint = Blueprint("plans")

Tier = Literal["leader", "expert", "exemplar", "peer"]
Status = Literal["full", "probationary", "activist", "associate"]
Weekday = Annotated[int, msgspec.Meta(ge=1, le=7)]
Aspect = Annotated[int, msgspec.Meta(ge=1, le=9)]


class Plan(msgspec.Struct):
    """`units`, `tiers`, `statuses`: who it is for, each empty = all. `members`: how many are in its audience today.

    `syllabus`: the key of the syllabus that its first days follow; null when every day is laid out evenly.
    """

    id: int
    title: str
    starts_on: datetime.date
    ends_on: datetime.date
    weekdays: list[int]
    aspects: list[int]
    units: list[int]
    tiers: list[str]
    statuses: list[str]
    questions_per_day: int
    makeup_days: int
    skip_holidays: bool
    count_workdays: bool
    syllabus: str | None
    warning: str
    tasks: int
    members: int


class PlanPage(msgspec.Struct):
    items: list[Plan]
    next: str | None


class PlansQuery(Shape):
    cursor: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50


@endpoint(blueprint, "GET", "/plans", who="plans.read", summary="本支部的学习计划", query=PlansQuery, reply=PlanPage)
async def list_plans(call: Call) -> dict[str, Any]:
    found = await plans.listing(call.actor, after=after(call.query.cursor), limit=call.query.limit, today=call.today)
    return page(found, limit=call.query.limit)


class PlanDay(msgspec.Struct):
    """`passages` and `questions` are counts."""

    id: int
    date: datetime.date
    title: str
    aspects: list[int]
    passages: int
    questions: int


class PlanWithDays(Plan, kw_only=True):
    days: list[PlanDay]


@endpoint(blueprint, "GET", "/plans/<plan_id:int>", who="plans.read", summary="一份学习计划和它的每日任务", reply=PlanWithDays, also=(404,))
async def one_plan(call: Call, plan_id: int) -> dict[str, Any]:
    return await plans.one(call.actor, plan_id=plan_id, today=call.today)


class NewPlan(Shape):
    """`weekdays`: 1 Monday to 7 Sunday. `aspects` in the order of study. `plain_calendar`: an unknown year counts as plain weekdays.

    `syllabus`: the key of one of GET /syllabuses; the first days then follow it, `aspects` and `questions_per_day` hold for the days after.
    """

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    starts_on: datetime.date
    ends_on: datetime.date
    weekdays: Annotated[tuple[Weekday, ...], msgspec.Meta(min_length=1, max_length=7)] = (1, 2, 3, 4, 5)
    aspects: Annotated[tuple[Aspect, ...], msgspec.Meta(min_length=1, max_length=9)] = (1, 2, 3, 4, 5, 6, 7, 8, 9)
    units: Annotated[list[int], msgspec.Meta(max_length=200)] = []
    tiers: Annotated[list[Tier], msgspec.Meta(max_length=4)] = []
    statuses: Annotated[list[Status], msgspec.Meta(max_length=4)] = []
    questions_per_day: Annotated[int, msgspec.Meta(ge=3, le=5)] = 3
    makeup_days: Annotated[int, msgspec.Meta(ge=0, le=60)] = 7
    skip_holidays: bool = True
    count_workdays: bool = False
    plain_calendar: bool = False
    syllabus: Annotated[str, msgspec.Meta(min_length=1, max_length=30)] | None = None


@endpoint(
    blueprint,
    "POST",
    "/plans",
    who="plans.write",
    summary="制定学习计划并排定每日任务",
    body=NewPlan,
    reply=Plan,
    status=201,
    also=(409,),
)
async def make_plan(call: Call) -> dict[str, Any]:
    return await plans.make(call.actor, today=call.today, **msgspec.structs.asdict(call.body))


class SyllabusUnit(msgspec.Struct):
    """A unit of a text, both by key, as in GET /texts."""

    text: str
    unit: str


class SyllabusDay(msgspec.Struct):
    """`questions` is a count."""

    number: int
    title: str
    guidance: str
    aspects: list[int]
    units: list[SyllabusUnit]
    is_review: bool
    questions: int


class Syllabus(msgspec.Struct):
    key: str
    title: str
    days: list[SyllabusDay]


class SyllabusPage(msgspec.Struct):
    items: list[Syllabus]
    next: str | None


@endpoint(blueprint, "GET", "/syllabuses", who="plans.read", summary="学习大纲：可供计划逐日遵循的安排", reply=SyllabusPage)
async def list_syllabuses(call: Call) -> dict[str, Any]:
    return {"items": await plans_syllabus.listing(call.actor), "next": None}
