"""Public holidays and make-up working days of a year, as the branch's plans go by them."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

import msgspec
from sanic import Blueprint

from api.http import Call, Shape, endpoint
from backend import calendar

blueprint = Blueprint("calendar")


class CalendarDay(msgspec.Struct):
    """`kind`: holiday (a day off) or workday (调休, worked although a weekend)."""

    date: datetime.date
    kind: str
    name: str


class CalendarYear(msgspec.Struct):
    """`source`: official (packaged) or entered (by the branch)."""

    year: int
    source: str
    days: list[CalendarDay]


@endpoint(blueprint, "GET", "/calendar/<year:int>", who="plans.read", summary="一年的节假日和调休安排", reply=CalendarYear, also=(404, 409))
async def of_year(call: Call, year: int) -> dict[str, Any]:
    return await calendar.of_year(call.actor, year=year)


class EnteredDay(Shape):
    date: datetime.date
    kind: Literal["holiday", "workday"]
    name: Annotated[str, msgspec.Meta(max_length=30)] = ""


class EnteredYear(Shape):
    days: Annotated[list[EnteredDay], msgspec.Meta(max_length=366)]


@endpoint(
    blueprint,
    "PUT",
    "/calendar/<year:int>",
    who="plans.write",
    summary="录入一年的节假日和调休安排（替换原有安排）",
    body=EnteredYear,
    reply=CalendarYear,
    also=(404,),
)
async def replace(call: Call, year: int) -> dict[str, Any]:
    return await calendar.replace(call.actor, year=year, days=msgspec.to_builtins(call.body.days, builtin_types=(datetime.date,)))
