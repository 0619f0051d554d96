"""Leave over HTTP: asked for by the member, granted or written down by the secretary."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from sanic import Blueprint

from api.http import MEMBER, STUDENT, Call, Shape, after, endpoint, page
from backend import leaves
from backend.leaves import LeaveReason, LeaveState

blueprint = Blueprint("leaves")


class PersonOf(msgspec.Struct):
    id: int
    name: str


class LeaveItem(msgspec.Struct):
    """`starts_on` and `ends_on` are both inclusive; `decided_by` is null until somebody has decided."""

    id: int
    member: PersonOf
    starts_on: date
    ends_on: date
    reason: LeaveReason
    note: str
    state: LeaveState
    created_at: str
    decided_by: PersonOf | None


class LeavePage(msgspec.Struct):
    items: list[LeaveItem]
    next: str | None = None


class Period(Shape):
    """Both days inclusive, at most 366 days."""

    starts_on: date
    ends_on: date
    reason: LeaveReason
    note: Annotated[str, msgspec.Meta(max_length=200)] = ""


@endpoint(blueprint, "GET", "/me/leaves", who=MEMBER, summary="我的请假", reply=LeavePage)
async def own_leaves(call: Call) -> dict:
    return {"items": await leaves.own(call.actor), "next": None}


@endpoint(blueprint, "POST", "/me/leaves", who=STUDENT, summary="申请请假", body=Period, reply=LeaveItem, status=201, also=(409,))
async def ask_leave(call: Call) -> dict:
    return await leaves.ask(call.actor, **msgspec.structs.asdict(call.body))


@endpoint(
    blueprint, "DELETE", "/me/leaves/<leave_id:int>", who=MEMBER, summary="撤回未开始的请假", status=204, also=(404, 409)
)  # fmt: skip
async def cancel_leave(call: Call, leave_id: int) -> None:
    await leaves.cancel(call.actor, leave_id=leave_id)


@endpoint(
    blueprint, "GET", "/members/<member_id:int>/leaves", who="leaves.decide", summary="一名成员的请假", reply=LeavePage, also=(404,)
)  # fmt: skip
async def member_leaves(call: Call, member_id: int) -> dict:
    return {"items": await leaves.of_member(call.actor, member_id=member_id), "next": None}


@endpoint(
    blueprint, "POST", "/members/<member_id:int>/leaves", who="leaves.decide", summary="为成员登记请假（即时生效）", body=Period,
    reply=LeaveItem, status=201, also=(404, 409),
)  # fmt: skip
async def give_leave(call: Call, member_id: int) -> dict:
    return await leaves.give(call.actor, member_id=member_id, **msgspec.structs.asdict(call.body))


class LeaveQuery(Shape):
    state: LeaveState | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    cursor: str | None = None


@endpoint(blueprint, "GET", "/leaves", who="leaves.decide", summary="支部的请假申请", query=LeaveQuery, reply=LeavePage)
async def list_leaves(call: Call) -> dict:
    query = call.query
    return page(await leaves.listing(call.actor, state=query.state, after=after(query.cursor), limit=query.limit + 1), limit=query.limit)


@endpoint(
    blueprint, "POST", "/leaves/<leave_id:int>/grant", who="leaves.decide", summary="批准请假", reply=LeaveItem, also=(404, 409)
)  # fmt: skip
async def grant_leave(call: Call, leave_id: int) -> dict:
    return await leaves.grant(call.actor, leave_id=leave_id)


@endpoint(
    blueprint, "POST", "/leaves/<leave_id:int>/refuse", who="leaves.decide", summary="不批准，或撤销已批准的请假", reply=LeaveItem,
    also=(404, 409),
)  # fmt: skip
async def refuse_leave(call: Call, leave_id: int) -> dict:
    return await leaves.refuse(call.actor, leave_id=leave_id)
