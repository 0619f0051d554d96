"""What a member is told: see backend/notices.py."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec
from sanic import Blueprint

from api.http import MEMBER, Call, endpoint
from backend import notices

blueprint = Blueprint("notices")


class Notice(msgspec.Struct):
    """`kind`: question_withdrawn; `text` is a sentence to show."""

    id: int
    kind: str
    at: datetime.datetime
    title: str
    text: str


class NoticePage(msgspec.Struct):
    items: list[Notice]
    next: str | None


@endpoint(blueprint, "GET", "/me/notices", who=MEMBER, summary="告知本人的事项（近 90 天）", reply=NoticePage)
async def list_notices(call: Call) -> dict[str, Any]:
    return {"items": await notices.of_member(call.actor), "next": None}
