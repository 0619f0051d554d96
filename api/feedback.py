"""Feedback over HTTP: every member sends it, the secretary of the branch reads it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from sanic import Blueprint

from api.http import MEMBER, Call, Shape, after, endpoint, page
from backend import feedback

blueprint = Blueprint("feedback")


class Words(Shape):
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


class Sent(msgspec.Struct):
    id: int
    created_at: str


@endpoint(blueprint, "POST", "/feedback", who=MEMBER, summary="投诉或建议", body=Words, reply=Sent, status=201)
async def send(call: Call) -> dict:
    return await feedback.send(call.actor, text=call.body.text)


class FeedbackQuery(Shape):
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    cursor: str | None = None


class Sender(msgspec.Struct):
    id: int
    name: str


class FeedbackItem(msgspec.Struct):
    id: int
    member: Sender
    text: str
    created_at: str


class FeedbackPage(msgspec.Struct):
    items: list[FeedbackItem]
    next: str | None


@endpoint(blueprint, "GET", "/feedback", who="feedback.read", summary="本支部收到的投诉与建议", query=FeedbackQuery, reply=FeedbackPage)
async def list_feedback(call: Call) -> dict:
    items = await feedback.listing(call.actor, after=after(call.query.cursor), limit=call.query.limit)
    return page(items, limit=call.query.limit)
