"""Answers to a task's questions, and the book of mistakes."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

import msgspec
from sanic import Blueprint

from api.http import MEMBER, STUDENT, Call, Shape, after, endpoint, page
from backend import quizzes

blueprint = Blueprint("quizzes")


class GivenAnswer(Shape):
    """`choice`: option letters, ["true"] or ["false"]; `text`: what stands in the blank. One of the two."""

    question: int
    choice: Annotated[list[Annotated[str, msgspec.Meta(max_length=10)]], msgspec.Meta(max_length=8)] | None = None
    text: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class Answers(Shape):
    answers: Annotated[list[GivenAnswer], msgspec.Meta(min_length=1, max_length=20)]


class Source(msgspec.Struct):
    text: str
    section: str
    title: str
    locator: str


class Result(msgspec.Struct):
    """The outcome of the first answer; `answer`: letters, ["true"|"false"] or the accepted texts."""

    question: int
    right: bool
    answer: list[str]
    explanation: str
    source: Source


class Results(msgspec.Struct):
    results: list[Result]
    right: int
    total: int


@endpoint(
    blueprint,
    "POST",
    "/tasks/<task_id:int>/answers",
    who=STUDENT,
    summary="作答：第一次作答计入正确率",
    body=Answers,
    reply=Results,
    also=(404, 409),
)
async def answer(call: Call, task_id: int) -> dict[str, Any]:
    return await quizzes.answer(call.actor, task_id=task_id, answers=call.body.answers, today=call.today)


class MistakesQuery(Shape):
    cursor: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50


class MistakenQuestion(msgspec.Struct):
    id: int
    kind: str
    stem: str
    options: list[dict[str, str]]


class Mistake(msgspec.Struct):
    id: int
    task: int
    date: datetime.date
    question: MistakenQuestion
    given: list[str]
    answer: list[str]
    explanation: str
    source: Source


class Mistakes(msgspec.Struct):
    items: list[Mistake]
    next: str | None


@endpoint(blueprint, "GET", "/me/mistakes", who=MEMBER, summary="错题本：最近一次作答有误的题目", query=MistakesQuery, reply=Mistakes)
async def mistakes(call: Call) -> dict[str, Any]:
    found = await quizzes.mistakes(call.actor, after=after(call.query.cursor), limit=call.query.limit)
    return page(found, limit=call.query.limit)
