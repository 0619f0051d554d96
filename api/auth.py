"""Sign-in, binding and own sessions over HTTP."""

from __future__ import annotations

from typing import Annotated

import msgspec
from sanic import Blueprint

from api.http import MEMBER, PUBLIC, SIGNED_IN, Call, Shape, after, endpoint, page
from backend import auth, auth_binding, console_scans

blueprint = Blueprint("auth")

Code = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]


class Named(msgspec.Struct):
    id: int
    name: str


class Me(msgspec.Struct):
    """党员/会员本人；单位、层次、职责以今天为准。"""

    id: int
    name: str
    branch: Named
    unit: Named | None
    tier: str
    roles: list[str]


class SignedIn(msgspec.Struct):
    """`member` 为 null：已登录，尚未绑定名册。"""

    token: str
    expires_at: str
    member: Me | None


class WeChatCode(Shape):
    code: Code


@endpoint(
    blueprint, "POST", "/auth/wechat", who=PUBLIC, summary="用 wx.login 的 code 登录",
    body=WeChatCode, reply=SignedIn, also=(401, 403, 429, 503),
)  # fmt: skip
async def sign_in(call: Call) -> dict:
    agent = call.request.headers.get("user-agent") or ""
    return await auth.sign_in(call.services.wechat, code=call.body.code, user_agent=agent)


class Claim(Shape):
    """姓名，加上邀请码或手机号授权码中的一项。"""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    invite_code: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    phone_code: Code | None = None


@endpoint(
    blueprint, "POST", "/auth/bind", who=SIGNED_IN, summary="以姓名和邀请码（或微信手机号）绑定实名名册；旧令牌随即失效",
    body=Claim, reply=SignedIn, also=(400, 404, 409, 429, 503),
)  # fmt: skip
async def bind(call: Call) -> dict:
    return await auth_binding.bind(
        call.actor,
        wechat=call.services.wechat,
        name=call.body.name,
        invite_code=call.body.invite_code,
        phone_code=call.body.phone_code,
        address=call.address,
        user_agent=call.request.headers.get("user-agent") or "",
    )


@endpoint(blueprint, "POST", "/auth/logout", who=SIGNED_IN, summary="退出登录", status=204)
async def sign_out(call: Call) -> None:
    await auth.sign_out(call.actor)


class ScannedCode(Shape):
    """`code`：控制台登录页小程序码里的 scene。"""

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


@endpoint(
    blueprint, "POST", "/auth/console-scan", who="stats.read", summary="在手机上确认：让显示此码的浏览器以本人身份进入控制台",
    body=ScannedCode, status=204, also=(409,),
)  # fmt: skip
async def confirm_scan(call: Call) -> None:
    await console_scans.confirm(call.actor, code=call.body.code)


@endpoint(blueprint, "GET", "/me", who=MEMBER, summary="本人", reply=Me)
async def me(call: Call) -> dict:
    return await auth.me(call.actor)


class SessionItem(msgspec.Struct):
    """`kind`：mini 小程序，console 控制台；`current`：正在使用的这一个。"""

    id: int
    kind: str
    device: str
    created_at: str
    seen_at: str
    current: bool


class SessionPage(msgspec.Struct):
    items: list[SessionItem]
    next: str | None


class SessionQuery(Shape):
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    cursor: str | None = None


@endpoint(blueprint, "GET", "/me/sessions", who=SIGNED_IN, summary="本人的登录", query=SessionQuery, reply=SessionPage)
async def list_sessions(call: Call) -> dict:
    items = await auth.own_sessions(call.actor, after=after(call.query.cursor), limit=call.query.limit)
    return page(items, limit=call.query.limit)


@endpoint(blueprint, "DELETE", "/me/sessions", who=SIGNED_IN, summary="结束本人的其他登录", status=204)
async def end_other_sessions(call: Call) -> None:
    await auth.end_other_sessions(call.actor)


@endpoint(blueprint, "DELETE", "/me/sessions/<session_id:int>", who=SIGNED_IN, summary="结束本人的一个登录", status=204)
async def end_session(call: Call, session_id: int) -> None:
    await auth.end_session(call.actor, session_id=session_id)
