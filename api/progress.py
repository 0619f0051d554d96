"""A member's own progress."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec
from sanic import Blueprint

from api.http import MEMBER, Call, Shape, endpoint
from backend import progress

blueprint = Blueprint("progress")


class Period(Shape, rename={"first": "from", "last": "to"}):
    first: datetime.date | None = None
    last: datetime.date | None = None


class OwnStreak(msgspec.Struct):
    """In task days; `makeups`: how many days of the current streak were made up."""

    current: int
    longest: int
    makeups: int


class OwnTasks(msgspec.Struct):
    """assigned = done + missing + open, done = on_time + makeup + proxy."""

    assigned: int
    done: int
    on_time: int
    makeup: int
    proxy: int
    excused: int
    missing: int
    open: int


class OwnAspect(msgspec.Struct):
    id: int
    title: str
    assigned: int
    done: int
    coverage: float | None
    accuracy: float | None


class OwnText(msgspec.Struct):
    key: str
    title: str
    passages_read: int
    passages_total: int
    coverage: float | None


class Progress(msgspec.Struct, rename={"first": "from", "last": "to"}):
    """`steadiness`: 0 to 100, null before the first task day."""

    first: datetime.date
    last: datetime.date
    streak: OwnStreak
    steadiness: int | None
    tasks: OwnTasks
    aspects: list[OwnAspect]
    texts: list[OwnText]


@endpoint(blueprint, "GET", "/me/progress", who=MEMBER, summary="我的学习进度", query=Period, reply=Progress)
async def own(call: Call) -> dict[str, Any]:
    return await progress.progress(call.actor, first=call.query.first, last=call.query.last, today=call.today)
