"""Branches and units over HTTP."""

from __future__ import annotations

from typing import Annotated

import msgspec
from sanic import Blueprint

from api.http import MEMBER, Call, Shape, endpoint
from backend import branches

blueprint = Blueprint("branches")

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class BranchItem(msgspec.Struct):
    """`parent` is null at the top of what the caller may see."""

    id: int
    name: str
    parent: int | None


class BranchPage(msgspec.Struct):
    items: list[BranchItem]
    next: str | None = None


@endpoint(blueprint, "GET", "/branches", who="stats.read", summary="本支部；上级党委可见其下所有支部", reply=BranchPage)
async def list_branches(call: Call) -> dict:
    return {"items": await branches.listing(call.actor), "next": None}


class UnitItem(msgspec.Struct):
    id: int
    name: str


class UnitPage(msgspec.Struct):
    items: list[UnitItem]
    next: str | None = None


@endpoint(blueprint, "GET", "/units", who=MEMBER, summary="本支部的专委会和党小组", reply=UnitPage)
async def list_units(call: Call) -> dict:
    return {"items": await branches.units(call.actor), "next": None}


class UnitName(Shape):
    name: Name


@endpoint(
    blueprint,
    "POST",
    "/units",
    who="roster.write",
    summary="新增专委会或党小组",
    body=UnitName,
    reply=UnitItem,
    status=201,
    also=(409,),
)
async def add_unit(call: Call) -> dict:
    return await branches.add_unit(call.actor, name=call.body.name)


@endpoint(
    blueprint,
    "PATCH",
    "/units/<unit_id:int>",
    who="roster.write",
    summary="专委会或党小组改名",
    body=UnitName,
    reply=UnitItem,
    also=(404, 409),
)
async def rename_unit(call: Call, unit_id: int) -> dict:
    return await branches.rename_unit(call.actor, unit_id=unit_id, name=call.body.name)
