"""Reminders over HTTP: preview, send, how far it is, the ledger, and the daily time of a plan."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

import msgspec
from sanic import Blueprint

from api.http import Call, Shape, after, endpoint, page
from backend import reminders, reminders_daily

blueprint = Blueprint("reminders")


class Chosen(Shape):
    """`members`: whom; without it those who have not done today's task, within what the caller may see."""

    members: Annotated[list[int], msgspec.Meta(min_length=1, max_length=2000)] | None = None


class Reminded(msgspec.Struct):
    id: int
    name: str


class Recipient(msgspec.Struct):
    """`reason`: why none can be sent, a word; `explanation`: the same to show."""

    member: Reminded
    unit: str | None
    reachable: bool
    reason: str | None
    explanation: str


class TaskMessage(msgspec.Struct):
    """`recipients`: how many get it."""

    title: str
    recipients: int
    message: dict[str, str]


class Preview(msgspec.Struct):
    """`messages`: the template's fields as they will be sent, for each of the day's tasks; `message`: of the first alone.
    `group_text` names nobody."""

    date: datetime.date
    message: dict[str, str]
    messages: list[TaskMessage]
    recipients: list[Recipient]
    reachable: int
    unreachable: int
    group_text: str


class ReminderCounts(msgspec.Struct):
    waiting: int
    sending: int
    sent: int
    refused: int
    unknown: int


class ReminderBatchItem(msgspec.Struct):
    """`asked_by` is null and `plan` its id where the daily time sent it; `unit`: of the unit head who asked."""

    id: int
    date: datetime.date
    created_at: datetime.datetime
    asked_by: Reminded | None
    unit: Reminded | None
    plan: int | None
    plan_title: str | None
    counts: ReminderCounts
    total: int
    finished: bool


class ReminderItem(msgspec.Struct):
    """`state`: waiting, sending, sent, refused (with its reason) or unknown (WeChat did not answer; it is not sent again)."""

    member: Reminded
    unit: str | None
    state: str
    reason: str | None
    explanation: str
    settled_at: datetime.datetime | None


class ReminderBatchDetail(ReminderBatchItem):
    """`names_for_head`: for the head of a unit alone, who of it no message reached."""

    items: list[ReminderItem]
    group_text: str
    names_for_head: list[str] | None


class ReminderPage(msgspec.Struct):
    items: list[ReminderBatchItem]
    next: str | None


@endpoint(
    blueprint, "POST", "/reminders/preview", who="reminders.send", summary="提醒：发给谁、发什么", body=Chosen, reply=Preview,
    also=(404, 409),
)  # fmt: skip
async def preview_reminders(call: Call) -> dict[str, Any]:
    return await reminders.preview(call.actor, members=call.body.members, today=call.today)


@endpoint(
    blueprint, "POST", "/reminders", who="reminders.send", summary="发送提醒（后台进行，每人每天至多一次）", body=Chosen,
    reply=ReminderBatchDetail, status=201, also=(404, 409),
)  # fmt: skip
async def send_reminders(call: Call) -> dict[str, Any]:
    return await reminders.send(call.actor, members=call.body.members, today=call.today)


class RemindersQuery(Shape):
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    cursor: str | None = None


@endpoint(blueprint, "GET", "/reminders", who="reminders.send", summary="提醒的台账，新的在前", query=RemindersQuery, reply=ReminderPage)
async def list_reminders(call: Call) -> dict[str, Any]:
    query = call.query
    return page(await reminders.listing(call.actor, before=after(query.cursor), limit=query.limit), limit=query.limit)


@endpoint(
    blueprint, "GET", "/reminders/<batch_id:int>", who="reminders.send", summary="一次提醒的进度与结果", reply=ReminderBatchDetail,
    also=(404,),
)  # fmt: skip
async def one_reminder_batch(call: Call, batch_id: int) -> dict[str, Any]:
    return await reminders.detail(call.actor, batch_id=batch_id)


class DailyTime(Shape):
    """HH:MM in Shanghai time, 07:00 to 21:30; null: none."""

    at: Annotated[str, msgspec.Meta(max_length=5)] | None


class PlanReminder(msgspec.Struct):
    """`starts_on`: the first day on which it is sent."""

    plan: int
    at: str | None
    starts_on: datetime.date | None


@endpoint(
    blueprint, "GET", "/plans/<plan_id:int>/reminder", who="plans.read", summary="计划的每日提醒时刻", reply=PlanReminder, also=(404,)
)
async def plan_reminder(call: Call, plan_id: int) -> dict[str, Any]:
    return await reminders_daily.shown(call.actor, plan_id=plan_id)


@endpoint(
    blueprint, "PUT", "/plans/<plan_id:int>/reminder", who="plans.write", summary="设置计划的每日提醒时刻", body=DailyTime,
    reply=PlanReminder, also=(404,),
)  # fmt: skip
async def set_plan_reminder(call: Call, plan_id: int) -> dict[str, Any]:
    return await reminders_daily.set_time(call.actor, plan_id=plan_id, at=call.body.at)
