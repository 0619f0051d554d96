"""The roster over HTTP: members, their roles, invitation codes and bindings."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType
from sanic import Blueprint
from sanic.response import HTTPResponse

from api.http import XLSX, Call, Shape, after, download, endpoint, page
from backend import members, members_import
from backend.members import Role, Status, Tier

blueprint = Blueprint("members")

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
Phone = Annotated[str, msgspec.Meta(max_length=30)]
Post = Annotated[str, msgspec.Meta(max_length=100)]
Note = Annotated[str, msgspec.Meta(max_length=500)]
Id = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]


class UnitOf(msgspec.Struct):
    id: int
    name: str


class MemberItem(msgspec.Struct):
    """`unit`, `tier` and `status` as of today. `left_on` is the first day on which the person is no longer a member.

    `blank`: the person withdrew, and what was personal is gone.
    """

    id: int
    name: str
    phone: str | None
    unit: UnitOf | None
    tier: Tier
    status: Status
    roles: list[Role]
    post: str
    party_joined_on: date | None
    note: str
    joined_on: date
    left_on: date | None
    bound: bool
    blank: bool


class MemberPage(msgspec.Struct):
    items: list[MemberItem]
    next: str | None = None


class MemberQuery(Shape):
    """`q`: part of a name; `unit`: an id, 0 for members without one."""

    q: Annotated[str, msgspec.Meta(max_length=60)] = ""
    unit: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    tier: Tier | None = None
    status: Status | None = None
    role: Role | None = None
    state: Literal["active", "left", "all"] = "active"
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    cursor: str | None = None


@endpoint(blueprint, "GET", "/members", who="roster.read", summary="名册", query=MemberQuery, reply=MemberPage)
async def list_members(call: Call) -> dict:
    asked = msgspec.structs.asdict(call.query)
    limit, cursor = asked.pop("limit"), asked.pop("cursor")
    return page(await members.listing(call.actor, **asked, after=after(cursor), limit=limit + 1), limit=limit)


class NewMember(Shape):
    """`unit` is an id. `joined_on`: assigned from this day on, today unless given."""

    name: Name
    phone: Phone | None = None
    unit: Id | None = None
    tier: Tier = Tier.PEER
    status: Status = Status.ASSOCIATE
    joined_on: date | None = None
    post: Post = ""
    party_joined_on: date | None = None
    note: Note = ""


@endpoint(
    blueprint, "POST", "/members", who="roster.write", summary="新增成员", body=NewMember, reply=MemberItem, status=201, also=(409,)
)  # fmt: skip
async def add_member(call: Call) -> dict:
    fields = msgspec.structs.asdict(call.body)
    return await members.enrol(call.actor, unit_id=fields.pop("unit"), **fields)


@endpoint(blueprint, "GET", "/members/<member_id:int>", who="roster.read", summary="一名成员", reply=MemberItem, also=(404,))
async def show_member(call: Call, member_id: int) -> dict:
    return await members.one(call.actor, member_id=member_id)


class MemberChange(Shape):
    """Only the fields sent are changed. `effective_on`: the day from which unit, tier and status change, today unless given."""

    name: Name | UnsetType = UNSET
    phone: Phone | None | UnsetType = UNSET
    post: Post | UnsetType = UNSET
    note: Note | UnsetType = UNSET
    party_joined_on: date | None | UnsetType = UNSET
    unit: Id | None | UnsetType = UNSET
    tier: Tier | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    left_on: date | None | UnsetType = UNSET
    effective_on: date | None = None


@endpoint(
    blueprint, "PATCH", "/members/<member_id:int>", who="roster.write", summary="修改成员", body=MemberChange, reply=MemberItem,
    also=(404, 409),
)  # fmt: skip
async def change_member(call: Call, member_id: int) -> dict:
    sent = {name: value for name, value in msgspec.structs.asdict(call.body).items() if value is not UNSET}
    effective_on = sent.pop("effective_on")
    return await members.change(call.actor, member_id=member_id, changes=sent, effective_on=effective_on)


class Roles(Shape):
    roles: Annotated[list[Role], msgspec.Meta(max_length=8)]


class RolesReply(msgspec.Struct):
    roles: list[Role]


@endpoint(
    blueprint, "PUT", "/members/<member_id:int>/roles", who="roles.write", summary="设置职责", body=Roles, reply=RolesReply, also=(404, 409)
)  # fmt: skip
async def set_roles(call: Call, member_id: int) -> dict:
    return {"roles": await members.set_roles(call.actor, member_id=member_id, roles=call.body.roles)}


class InviteReply(msgspec.Struct):
    """A one-time code, shown only now."""

    invite_code: str
    expires_at: str


@endpoint(
    blueprint, "POST", "/members/<member_id:int>/invite", who="roster.write", summary="生成邀请码（旧码作废）", reply=InviteReply,
    also=(404, 409),
)  # fmt: skip
async def invite_member(call: Call, member_id: int) -> dict:
    return await members.invite(call.actor, member_id=member_id)


@endpoint(
    blueprint, "POST", "/members/<member_id:int>/unbind", who="roster.write", summary="解除微信绑定", status=204, also=(404, 409)
)  # fmt: skip
async def unbind_member(call: Call, member_id: int) -> None:
    await members.unbind(call.actor, member_id=member_id)


class ImportQuery(Shape):
    """`dry_run` writes nothing; `partial` loads the sound rows although others are faulty; `joined_on` is for new members, else today."""

    dry_run: bool = False
    partial: bool = False
    joined_on: date | None = None


class RowFault(msgspec.Struct):
    row: int
    reason: str


class ImportReply(msgspec.Struct):
    added: int
    updated: int
    unchanged: int
    faults: list[RowFault]
    units_added: list[str]
    dry_run: bool


@endpoint(
    blueprint, "POST", "/members/import", who="roster.write", summary="导入名册（xlsx）", query=ImportQuery, reply=ImportReply, upload=True,
    also=(409,),
)  # fmt: skip
async def import_members(call: Call) -> dict:
    _, content = call.upload()
    return await members_import.load(call.actor, content=content, **msgspec.structs.asdict(call.query))


@endpoint(
    blueprint, "GET", "/members/template", who="roster.write", summary="空白名册表（xlsx）", content_type=XLSX
)  # fmt: skip
async def member_template(call: Call) -> HTTPResponse:
    return download(members_import.template(), "roster.xlsx", XLSX)
