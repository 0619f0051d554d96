"""Corrections over HTTP: asked for by the member, answered by the secretary."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec
from sanic import Blueprint

from api.http import MEMBER, Call, Shape, after, endpoint, page
from backend import corrections
from backend.corrections import CorrectionSubject

blueprint = Blueprint("corrections")


class AskerOf(msgspec.Struct):
    id: int
    name: str


class CorrectionItem(msgspec.Struct):
    """To be answered by `due_on`. `done`: null until it is answered, then whether the record was corrected."""

    id: int
    member: AskerOf
    subject: CorrectionSubject
    text: str
    created_at: str
    due_on: date
    overdue: bool
    answer: str
    done: bool | None
    answered_by: AskerOf | None
    answered_at: str | None


class CorrectionPage(msgspec.Struct):
    items: list[CorrectionItem]
    next: str | None


class Wrong(Shape):
    """`subject`: roster 名册信息, record 学习记录, content 学习内容, other 其他."""

    subject: CorrectionSubject
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


@endpoint(blueprint, "GET", "/me/corrections", who=MEMBER, summary="本人的更正申请及其答复", reply=CorrectionPage)
async def own_corrections(call: Call) -> dict:
    return {"items": await corrections.own(call.actor), "next": None}


@endpoint(blueprint, "POST", "/me/corrections", who=MEMBER, summary="申请更正", body=Wrong, reply=CorrectionItem, status=201)
async def ask_correction(call: Call) -> dict:
    return await corrections.ask(call.actor, subject=call.body.subject, text=call.body.text)


class CorrectionQuery(Shape):
    state: Literal["waiting", "answered"] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    cursor: str | None = None


@endpoint(
    blueprint, "GET", "/corrections", who="corrections.answer", summary="本支部的更正申请", query=CorrectionQuery, reply=CorrectionPage
)  # fmt: skip
async def list_corrections(call: Call) -> dict:
    query = call.query
    return page(await corrections.listing(call.actor, state=query.state, after=after(query.cursor), limit=query.limit), limit=query.limit)


class CorrectionAnswer(Shape):
    answer: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
    done: bool


@endpoint(
    blueprint, "POST", "/corrections/<correction_id:int>/answer", who="corrections.answer", summary="答复更正申请", body=CorrectionAnswer,
    reply=CorrectionItem, also=(404, 409),
)  # fmt: skip
async def answer_correction(call: Call, correction_id: int) -> dict:
    body = call.body
    return await corrections.answer(call.actor, correction_id=correction_id, answer=body.answer, done=body.done)
