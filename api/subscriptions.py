"""Grants for reminders over HTTP: what the phone's prompt gave, how many are left, on and off."""

from __future__ import annotations

from typing import Annotated

import msgspec
from sanic import Blueprint

from api.http import MEMBER, STUDENT, Call, Shape, endpoint
from backend import subscriptions

blueprint = Blueprint("subscriptions")


class SubscriptionItem(msgspec.Struct):
    """`left`: reminders that may still be sent. `last`: what the newest prompt gave (accept, reject, ban, filter), null before it."""

    template_id: str
    purpose: str
    left: int
    on: bool
    last: str | None


class SubscriptionPage(msgspec.Struct):
    """Empty while no template is set: the phone then asks for nothing."""

    items: list[SubscriptionItem]
    next: str | None = None


class Prompted(Shape):
    """`prompt`: the phone's own name for this prompt, so that what is sent again counts once. `results`: as WeChat gave them."""

    prompt: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    results: dict[str, str]


class Switched(Shape):
    on: bool


@endpoint(blueprint, "GET", "/me/subscriptions", who=MEMBER, summary="接收提醒的许可：还剩几次、是否开启", reply=SubscriptionPage)
async def own_subscriptions(call: Call) -> dict:
    return {"items": await subscriptions.own(call.actor)}


@endpoint(
    blueprint, "POST", "/me/subscriptions", who=STUDENT, summary="报告一次订阅授权的结果", body=Prompted, reply=SubscriptionPage,
    also=(409,),
)  # fmt: skip
async def report_prompt(call: Call) -> dict:
    return {"items": await subscriptions.report(call.actor, prompt=call.body.prompt, results=call.body.results)}


@endpoint(blueprint, "PUT", "/me/subscriptions", who=MEMBER, summary="开启或关闭提醒", body=Switched, reply=SubscriptionPage)
async def switch_reminders(call: Call) -> dict:
    return {"items": await subscriptions.switch(call.actor, on=call.body.on)}
