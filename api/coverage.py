"""Coverage: the figures of a branch, of the day and of the questions, and the same as a workbook."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

import msgspec
from sanic import Blueprint
from sanic.response import HTTPResponse

from api.http import XLSX, Call, Shape, after, cursor, download, endpoint
from backend import coverage, coverage_export, coverage_questions

blueprint = Blueprint("coverage")

Id = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]


class Slice(Shape, rename={"and_": "and", "first": "from", "last": "to"}):
    """`by` and `and`: aspect, unit, tier, status, member, day or branch. The period is by default that of the plans up to today;
    an observer's is widened to whole months. The reply says which period it is of."""

    by: str = "aspect"
    and_: str | None = None
    first: datetime.date | None = None
    last: datetime.date | None = None
    branch: Id | None = None


class Cell(msgspec.Struct):
    """assigned = done + missing + open, done = on_time + makeup + proxy. Every field is null in a cell too small to be shown."""

    assigned: int | None
    done: int | None
    on_time: int | None
    makeup: int | None
    proxy: int | None
    excused: int | None
    missing: int | None
    open: int | None
    coverage: float | None
    on_time_rate: float | None
    accuracy: float | None


class Column(msgspec.Struct):
    key: str
    label: str


class Row(msgspec.Struct, omit_defaults=True):
    """`cell` is the row's total, `cells` (with two axes) its figures by the key of the second."""

    key: str
    label: str
    cell: Cell
    cells: dict[str, Cell] | None = None


class Table(msgspec.Struct, rename={"and_": "and", "first": "from", "last": "to"}, omit_defaults=True):
    by: str
    and_: str | None
    first: datetime.date
    last: datetime.date
    total: Cell
    rows: list[Row]
    columns: list[Column] | None = None


def asked(query: Slice) -> dict[str, Any]:
    return {"by": query.by, "and_": query.and_, "first": query.first, "last": query.last, "branch_id": query.branch}


@endpoint(blueprint, "GET", "/stats/coverage", who="stats.read", summary="覆盖率：按一个或两个维度", query=Slice, reply=Table, also=(404,))
async def table(call: Call) -> dict[str, Any]:
    return await coverage.coverage(call.actor, **asked(call.query), today=call.today)


@endpoint(
    blueprint, "GET", "/stats/coverage.xlsx", who="stats.read", summary="覆盖率工作簿（Excel）",
    query=Slice, also=(404,), content_type=XLSX,
)  # fmt: skip
async def workbook(call: Call) -> HTTPResponse:
    content = await coverage_export.workbook(call.actor, **asked(call.query), today=call.today)
    return download(content, f"coverage-{call.today}.xlsx", XLSX)


class TodayQuery(Shape):
    """`by`: member asks for the people, who are named anyway; it is forbidden to an observer."""

    by: Literal["member"] | None = None
    branch: Id | None = None


class TaskOfDay(msgspec.Struct):
    id: int
    title: str
    aspects: list[int]


class Person(msgspec.Struct):
    id: int
    name: str
    unit: str | None


class Today(msgspec.Struct):
    """`open`: who has not done the task yet; `excused`: who is on leave, without a reason. Both are null for an observer."""

    date: datetime.date
    tasks: list[TaskOfDay]
    cell: Cell
    open: list[Person] | None
    excused: list[Person] | None


@endpoint(blueprint, "GET", "/stats/today", who="stats.read", summary="今日完成情况", query=TodayQuery, reply=Today, also=(404,))
async def today(call: Call) -> dict[str, Any]:
    return await coverage.of_day(call.actor, by=call.query.by, branch_id=call.query.branch, today=call.today)


class QuestionsQuery(Shape, rename={"first": "from", "last": "to"}):
    first: datetime.date | None = None
    last: datetime.date | None = None
    cursor: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50


class WrongChoice(msgspec.Struct):
    """`key`: an option's letter, "true" or "false", or the text given in a blank."""

    key: str
    text: str
    count: int


class Item(msgspec.Struct):
    """`facility`: share of right first answers. `discrimination`: point-biserial correlation with the members' overall facility, from -1
    to 1; null below 10 attempts or without variance."""

    question: int
    stem: str
    attempts: int
    facility: float
    discrimination: float | None
    most_chosen_wrong: WrongChoice | None


class Items(msgspec.Struct):
    items: list[Item]
    next: str | None


@endpoint(blueprint, "GET", "/stats/questions", who="stats.questions", summary="题目分析：难度与区分度", query=QuestionsQuery, reply=Items)
async def questions(call: Call) -> dict[str, Any]:
    asked = call.query
    found = await coverage_questions.items(
        call.actor, first=asked.first, last=asked.last, after=after(asked.cursor), limit=asked.limit, today=call.today
    )
    shown = found[: asked.limit]
    return {"items": shown, "next": cursor(shown[-1]["question"]) if len(found) > asked.limit else None}
