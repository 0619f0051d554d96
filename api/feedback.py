"""Feedback over HTTP: every member sends it and sees the answer; the secretary of the branch reads and answers it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec
from sanic import Blueprint

from api.http import MEMBER, Call, Shape, after, endpoint, page
from backend import feedback

blueprint = Blueprint("feedback")

Answer = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


class Words(Shape):
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


class PersonOf(msgspec.Struct):
    id: int
    name: str


class FeedbackItem(msgspec.Struct):
    """To be answered by `due_on`; `answer` is empty, `answered_by` and `answered_at` null until then."""

    id: int
    member: PersonOf
    text: str
    created_at: str
    due_on: date
    overdue: bool
    answer: str
    answered_by: PersonOf | None
    answered_at: str | None


@endpoint(blueprint, "POST", "/feedback", who=MEMBER, summary="投诉或建议", body=Words, reply=FeedbackItem, status=201)
async def send(call: Call) -> dict:
    return await feedback.send(call.actor, text=call.body.text)


class FeedbackPage(msgspec.Struct):
    items: list[FeedbackItem]
    next: str | None


@endpoint(blueprint, "GET", "/me/feedback", who=MEMBER, summary="本人的投诉与建议及其答复", reply=FeedbackPage)
async def own_feedback(call: Call) -> dict:
    return {"items": await feedback.own(call.actor), "next": None}


class FeedbackQuery(Shape):
    state: Literal["waiting", "answered"] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    cursor: str | None = None


@endpoint(blueprint, "GET", "/feedback", who="feedback.read", summary="本支部收到的投诉与建议", query=FeedbackQuery, reply=FeedbackPage)
async def list_feedback(call: Call) -> dict:
    query = call.query
    return page(await feedback.listing(call.actor, state=query.state, after=after(query.cursor), limit=query.limit), limit=query.limit)


class FeedbackAnswer(Shape):
    answer: Answer


@endpoint(
    blueprint, "POST", "/feedback/<feedback_id:int>/answer", who="feedback.answer", summary="答复投诉或建议", body=FeedbackAnswer,
    reply=FeedbackItem, also=(404, 409),
)  # fmt: skip
async def answer_feedback(call: Call, feedback_id: int) -> dict:
    return await feedback.answer(call.actor, feedback_id=feedback_id, answer=call.body.answer)
