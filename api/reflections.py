"""A member's own reflections, with the state of their check."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from sanic import Blueprint

from api.http import MEMBER, Call, Shape, after, endpoint, page
from backend import reflections

blueprint = Blueprint("reflections")


class ReflectionItem(msgspec.Struct):
    """`state`: pending 待审阅, approved 已通过, rejected 未通过."""

    id: int
    task: int
    date: date
    text: str
    state: str
    written_at: str


class ReflectionPage(msgspec.Struct):
    items: list[ReflectionItem]
    next: str | None


class ReflectionQuery(Shape):
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    cursor: str | None = None


@endpoint(blueprint, "GET", "/me/reflections", who=MEMBER, summary="本人的心得与审阅状态", query=ReflectionQuery, reply=ReflectionPage)
async def own_reflections(call: Call) -> dict:
    return page(await reflections.own(call.actor, after=after(call.query.cursor), limit=call.query.limit), limit=call.query.limit)
