"""Daily tasks: today's, those of a period, one in full; and changing a future one."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType
from sanic import Blueprint
from sanic.response import HTTPResponse

from api.http import MEMBER, Call, Shape, encode, endpoint, json_response
from backend import tasks, tasks_edit, tasks_today

blueprint = Blueprint("tasks")


class AspectTitle(msgspec.Struct):
    id: int
    title: str


class TaskPassage(msgspec.Struct):
    """`section`: its title; `text` is null where the official text was not imported, `source_url` leads to it."""

    id: int
    section: str
    number: int
    text: str | None
    source_url: str
    read: bool


class Option(msgspec.Struct):
    key: str
    text: str


class TaskQuestion(msgspec.Struct):
    """Never with its answer."""

    id: int
    kind: str
    stem: str
    options: list[Option]


class TaskProgress(msgspec.Struct):
    """`kind`: on_time or makeup, null without a check-in."""

    passages_read: int
    passages_total: int
    questions_answered: int
    questions_total: int
    checked_in: bool
    kind: str | None


class Task(msgspec.Struct):
    id: int
    date: datetime.date
    title: str
    aspects: list[AspectTitle]
    guidance: str
    passages: list[TaskPassage]
    questions: list[TaskQuestion]
    prompt: str
    progress: TaskProgress
    makeup_until: datetime.date


class Today(msgspec.Struct):
    date: datetime.date
    task: Task | None
    next_date: datetime.date | None


@endpoint(blueprint, "GET", "/tasks/today", who=MEMBER, summary="今天的学习任务", reply=Today)
async def of_today(call: Call) -> HTTPResponse:
    """`Cache-Control: no-cache` in the request: what another process wrote a moment ago is seen too."""
    fresh = "no-cache" in (call.request.headers.get("cache-control") or "")
    found = await tasks_today.of_today(call.actor, today=call.today, fresh=fresh)
    if found.encoded is None:
        found.encoded = encode(found.shown)
    return json_response(found.encoded)


class PeriodQuery(Shape):
    """Both days inclusive; by default the current month."""

    from_: datetime.date | None = msgspec.field(name="from", default=None)
    to: datetime.date | None = None


class Recorder(msgspec.Struct):
    id: int
    name: str


class TaskItem(msgspec.Struct):
    """`recorded_by`: who wrote the check-in down for the member (代录), else null."""

    id: int
    date: datetime.date
    title: str
    aspects: list[int]
    status: str
    makeup_until: datetime.date
    recorded_by: Recorder | None


class TaskPage(msgspec.Struct):
    items: list[TaskItem]
    next: str | None = None


@endpoint(blueprint, "GET", "/tasks", who=MEMBER, summary="一段时间内的学习任务和完成情况", query=PeriodQuery, reply=TaskPage)
async def list_tasks(call: Call) -> dict[str, Any]:
    items = await tasks.listing(call.actor, first=call.query.from_, last=call.query.to, today=call.today)
    return {"items": items, "next": None}


@endpoint(blueprint, "GET", "/tasks/<task_id:int>", who=MEMBER, summary="一天的学习任务", reply=Task, also=(404, 409))
async def one_task(call: Call, task_id: int) -> dict[str, Any]:
    return await tasks.detail(call.actor, task_id=task_id, today=call.today)


class TaskChange(Shape):
    """What is left out stays as it is; lists replace the old ones, in the order given."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | UnsetType = UNSET
    guidance: Annotated[str, msgspec.Meta(max_length=2000)] | UnsetType = UNSET
    prompt: Annotated[str, msgspec.Meta(max_length=1000)] | UnsetType = UNSET
    aspects: Annotated[list[int], msgspec.Meta(min_length=1, max_length=9)] | UnsetType = UNSET
    passages: Annotated[list[int], msgspec.Meta(min_length=1, max_length=100)] | UnsetType = UNSET
    questions: Annotated[list[int], msgspec.Meta(min_length=3, max_length=5)] | UnsetType = UNSET


class LaidTask(msgspec.Struct):
    """A task as an editor sees it: passages and questions by id, in their order."""

    id: int
    date: datetime.date
    title: str
    guidance: str
    prompt: str
    makeup_until: datetime.date
    aspects: list[int]
    passages: list[int]
    questions: list[int]


@endpoint(
    blueprint,
    "PATCH",
    "/tasks/<task_id:int>",
    who="plans.write",
    summary="修改以后某天的任务",
    body=TaskChange,
    reply=LaidTask,
    also=(404, 409),
)
async def change_task(call: Call, task_id: int) -> dict[str, Any]:
    sent = {name: value for name, value in msgspec.structs.asdict(call.body).items() if value is not UNSET}
    return await tasks_edit.change(call.actor, task_id=task_id, changes=sent, today=call.today)
