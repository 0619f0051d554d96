"""Marking passages of a task as read."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from sanic import Blueprint

from api.http import STUDENT, Call, Shape, endpoint
from backend import readings

blueprint = Blueprint("readings")


class ReadPassages(Shape):
    passages: Annotated[list[int], msgspec.Meta(min_length=1, max_length=200)]


class ReadingCounts(msgspec.Struct):
    passages_read: int
    passages_total: int


@endpoint(
    blueprint,
    "POST",
    "/tasks/<task_id:int>/readings",
    who=STUDENT,
    summary="标记已读的段落；重复标记无妨",
    body=ReadPassages,
    reply=ReadingCounts,
    also=(404, 409),
)
async def mark(call: Call, task_id: int) -> dict[str, Any]:
    return await readings.mark(call.actor, task_id=task_id, passages=call.body.passages, today=call.today)
