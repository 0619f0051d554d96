"""Check-ins: the whole day in one request, and 代录."""

from __future__ import annotations

import datetime
import hashlib
from typing import Annotated, Any

import msgspec
from sanic import Blueprint

from api.http import STUDENT, Call, Shape, endpoint
from api.quizzes import GivenAnswer, Result
from backend import checkins
from backend.kernel import clock
from backend.kernel.errors import Invalid

blueprint = Blueprint("checkins")
LONGEST_KEY = 255


class WholeDay(Shape):
    """What the request adds to what is already stored; `studied_on` only for a day finished without a network."""

    passages: Annotated[list[int], msgspec.Meta(max_length=200)] = []
    answers: Annotated[list[GivenAnswer], msgspec.Meta(max_length=20)] = []
    reflection: Annotated[str, msgspec.Meta(max_length=5000)] | None = None
    studied_on: datetime.date | None = None


class Streak(msgspec.Struct):
    current: int
    longest: int


class Receipt(msgspec.Struct):
    id: int
    task: int
    date: datetime.date
    kind: str
    checked_in_at: str
    streak: Streak
    results: list[Result]


def fingerprint(call: Call) -> str:
    """SHA-256 of method, path and canonical body: what an Idempotency-Key stands for."""
    body = msgspec.json.encode(msgspec.to_builtins(call.body), order="sorted")
    return hashlib.sha256(f"{call.request.method} {call.request.path}\n".encode() + body).hexdigest()


def idempotency_key(call: Call) -> str | None:
    key = call.request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isprintable()):
        raise Invalid(errors=[{"field": "Idempotency-Key", "message": f"应为 1 到 {LONGEST_KEY} 个可见字符"}])
    return key


def reply(receipt: dict[str, Any], is_new: bool) -> tuple[int, Receipt]:
    return 201 if is_new else 200, msgspec.convert(receipt, Receipt)


@endpoint(
    blueprint, "POST", "/tasks/<task_id:int>/check-in", who=STUDENT, summary="打卡：一次请求完成当天学习",
    body=WholeDay, reply=Receipt, status=201, also=(200, 404, 409),
)  # fmt: skip
async def check_in(call: Call, task_id: int) -> tuple[int, Receipt]:
    day: WholeDay = call.body
    receipt, is_new = await checkins.check_in(
        call.actor,
        task_id=task_id,
        passages=day.passages,
        answers=day.answers,
        reflection=day.reflection,
        studied_on=day.studied_on,
        key=idempotency_key(call),
        request_hash=fingerprint(call),
        at=clock.now(),
    )
    return reply(receipt, is_new)


class OnPaper(Shape):
    studied_on: datetime.date


@endpoint(
    blueprint, "POST", "/tasks/<task_id:int>/members/<member_id:int>/check-in", who="checkins.record", summary="代录：为纸质学习的党员记录",
    body=OnPaper, reply=Receipt, status=201, also=(200, 404, 409),
)  # fmt: skip
async def record(call: Call, task_id: int, member_id: int) -> tuple[int, Receipt]:
    receipt, is_new = await checkins.record(
        call.actor, task_id=task_id, member_id=member_id, studied_on=call.body.studied_on, at=clock.now()
    )
    return reply(receipt, is_new)
