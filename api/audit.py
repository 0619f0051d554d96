"""The audit log over HTTP, for the secretary of the branch."""

from __future__ import annotations

from typing import Annotated

import msgspec
from sanic import Blueprint

from api.http import Call, Shape, after, endpoint, page
from backend import audit

blueprint = Blueprint("audit")


class ActorOf(msgspec.Struct):
    id: int
    name: str


class AuditItem(msgspec.Struct):
    """`action` is `subject:verb`. `actor` is null for the command line and WeChat. `fields` are names, never values."""

    id: int
    at: str
    actor: ActorOf | None
    action: str
    subject: str
    subject_id: int | None
    fields: list[str]
    request_id: str


class AuditPage(msgspec.Struct):
    items: list[AuditItem]
    next: str | None = None


class AuditQuery(Shape):
    """`actor` is a member's id."""

    subject: Annotated[str, msgspec.Meta(max_length=30)] | None = None
    subject_id: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    action: Annotated[str, msgspec.Meta(max_length=60)] | None = None
    actor: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    cursor: str | None = None


@endpoint(blueprint, "GET", "/audit", who="audit.read", summary="操作记录", query=AuditQuery, reply=AuditPage)
async def list_audit(call: Call) -> dict:
    asked = msgspec.structs.asdict(call.query)
    limit, cursor, actor_id = asked.pop("limit"), asked.pop("cursor"), asked.pop("actor")
    return page(await audit.listing(call.actor, actor_id=actor_id, after=after(cursor), **asked, limit=limit + 1), limit=limit)
