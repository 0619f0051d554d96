"""Consent to the privacy notice over HTTP."""

from __future__ import annotations

from typing import Annotated

import msgspec
from sanic import Blueprint

from api.http import MEMBER, Call, Shape, endpoint
from backend import consents, privacy

blueprint = Blueprint("consents")


class Given(msgspec.Struct):
    version: str
    at: str


class Consents(msgspec.Struct):
    """`current`：现行版本；`given`：已同意且未撤回的版本。"""

    current: str
    given: list[Given]


@endpoint(blueprint, "GET", "/me/consents", who=MEMBER, summary="个人信息保护说明的现行版本与本人的同意", reply=Consents)
async def list_consents(call: Call) -> dict:
    return await consents.given(call.actor)


class Agreement(Shape):
    version: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]


@endpoint(
    blueprint, "POST", "/me/consents", who=MEMBER, summary="同意现行的个人信息保护说明；重复提交无妨",
    body=Agreement, reply=Given, status=201, also=(200,),
)  # fmt: skip
async def agree(call: Call) -> tuple[int, dict]:
    consent, is_new = await privacy.agree(call.actor, version=call.body.version)
    return (201 if is_new else 200), consent
