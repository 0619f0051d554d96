"""Today's reviews, and grading one."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

import msgspec
from sanic import Blueprint

from api.http import MEMBER, STUDENT, Call, Shape, endpoint
from api.quizzes import MistakenQuestion, Result
from backend import reviews

blueprint = Blueprint("reviews")


class ReviewAnswer(Shape):
    """`choice`: option letters, ["true"] or ["false"]; `text`: what stands in the blank. One of the two."""

    choice: Annotated[list[Annotated[str, msgspec.Meta(max_length=10)]], msgspec.Meta(max_length=8)] | None = None
    text: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class DueReview(msgspec.Struct):
    question: MistakenQuestion
    due_on: datetime.date


class DueReviews(msgspec.Struct):
    """`done`: reviews of today that are behind; `waiting`: due as well, and shown on the next days."""

    items: list[DueReview]
    waiting: int
    done: int


class Reviewed(Result):
    """The outcome of the day's first review of this question; `next_on`: the day on which it comes back."""

    next_on: datetime.date


@endpoint(blueprint, "GET", "/me/reviews", who=MEMBER, summary="今天要复习的题目，每天最多 10 题", reply=DueReviews)
async def due(call: Call) -> dict[str, Any]:
    return await reviews.due(call.actor, today=call.today)


@endpoint(
    blueprint,
    "POST",
    "/me/reviews/<question_id:int>",
    who=STUDENT,
    summary="复习一道题：不影响正确率",
    body=ReviewAnswer,
    reply=Reviewed,
    also=(404,),
)
async def review(call: Call, question_id: int) -> dict[str, Any]:
    return await reviews.review(call.actor, question_id=question_id, choice=call.body.choice, text=call.body.text, today=call.today)
