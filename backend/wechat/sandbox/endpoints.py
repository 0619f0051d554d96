"""WeChat's server API as the sandbox answers it: which endpoint does what, and what is checked before, in WeChat's order.

Fault rules, method, IP whitelist, AppID, AppSecret, access token, body, calls per minute and per day, fields, effect.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse

from backend.wechat.sandbox import accounts, faults, links, messages, paths, texts, tokens, wire
from backend.wechat.sandbox.calls import Call
from backend.wechat.sandbox.faults import Asked
from backend.wechat.sandbox.records import App, Refused
from backend.wechat.sandbox.state import SandboxState
from backend.wechat.sandbox.wire import Answer, body_of

HIDDEN = {"secret", "access_token", "session_key", "signature"}
MAX_KEPT_BODY = 16 * 1024


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`per_minute` and `per_day`: calls per app, 0 without limit. `counted_as`: endpoints with the same word share their count."""

    path: str
    method: str
    act: Callable[[Call], Answer]
    per_minute: int = 0
    per_day: int = 0
    counted_as: str = ""
    over_the_minute: int = 45011


ENDPOINTS = (
    Endpoint(paths.LEGACY_TOKEN, "GET", accounts.legacy_token),
    Endpoint(paths.STABLE_TOKEN, "POST", accounts.stable_token, per_minute=10_000, per_day=500_000),
    Endpoint(paths.LOGIN, "GET", accounts.code_to_session),
    Endpoint(paths.PHONE_NUMBER, "POST", accounts.phone_number),
    Endpoint(paths.CHECK_SESSION, "GET", accounts.check_session),
    Endpoint(paths.RESET_SESSION, "GET", accounts.reset_session, per_minute=60_000),
    Endpoint(paths.TEXT_CHECK, "POST", texts.check_text, per_minute=4_000, per_day=2_000_000),
    Endpoint(paths.SUBSCRIBE_SEND, "POST", messages.send, per_day=10_000_000),
    Endpoint(paths.CODE_IMAGE, "POST", links.code_image, per_minute=5_000, over_the_minute=45009),
    Endpoint(paths.URL_LINK, "POST", links.url_link, per_day=500_000, counted_as="links"),
    Endpoint(paths.SCHEME, "POST", links.scheme, per_day=500_000, counted_as="links"),
)


def register(blueprint: Blueprint, state: SandboxState) -> None:
    """Adds the endpoints that this product and wechatpy use. Any method is routed: a wrong one has its own errcode."""
    for endpoint in ENDPOINTS:
        name = endpoint.path.strip("/").replace("/", "_")
        blueprint.add_route(_handler(state, endpoint), endpoint.path, methods=["GET", "POST"], name=name)


def _handler(state: SandboxState, endpoint: Endpoint) -> Callable[[Request], Awaitable[HTTPResponse]]:
    async def handle(request: Request) -> HTTPResponse:
        asked = _asked(state, request, endpoint.path)
        fault = faults.first_fitting(state.faults, asked, now=state.now(), rng=state.dice)
        record = _record(state, request, asked)
        if fault:
            record["fault"] = sorted(fault)
        state.requests.append(record)
        return await wire.deliver(state, request, asked, fault, record, lambda: endpoint.act(_checked(state, request, endpoint)))

    return handle


def _asked(state: SandboxState, request: Request, path: str) -> Asked:
    """Who asks, as far as the request tells before anything of it has been checked."""
    query, body = request.args, _readable(request)

    def named(*names: str) -> str:
        found = (value for name in names for value in (query.get(name), body.get(name)) if isinstance(value, str))
        return next(found, "")

    appid = named("appid") or tokens.owner_of(state, named("access_token"))
    codes = state.phone_codes if path == paths.PHONE_NUMBER else state.js_codes
    code = codes.get(named("js_code", "code"))
    openid = named("openid", "touser") or (code.openid if code else "")
    return Asked(path=path, method=request.method, openid=openid, appid=appid)


def _readable(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _record(state: SandboxState, request: Request, asked: Asked) -> dict[str, Any]:
    """The request for the list of what was asked: no secret, no token; a long body is left out."""
    body = _readable(request) if len(request.body) <= MAX_KEPT_BODY else {}
    return {
        "at": state.now(),
        "method": request.method,
        "path": asked.path,
        "appid": asked.appid,
        "openid": asked.openid,
        "query": {name: "***" if name in HIDDEN else request.args.get(name) for name in request.args},
        "body": {name: "***" if name in HIDDEN else value for name, value in body.items()},
        "status": None,
        "errcode": None,
    }


def _checked(state: SandboxState, request: Request, endpoint: Endpoint) -> Call:
    """The call, once everything that all endpoints check has been checked. Raises Refused."""
    if request.method != endpoint.method:
        raise Refused(*((43002, "require POST method") if endpoint.method == "POST" else (43001, "require GET method")))
    query = {name: request.args.get(name) for name in request.args}
    # The stable token's credentials are in its body, which therefore has to be read first.
    body = body_of(request) if endpoint.path == paths.STABLE_TOKEN else {}
    if endpoint.path in paths.WITH_SECRET:
        app = _credentials(state, {**query, **body}.get, ip=request.ip, from_server=endpoint.path in paths.TOKENS)
    else:
        app = tokens.app_of(state, query.get("access_token", ""))
    if endpoint.method == "POST":
        body = body_of(request)
    what = endpoint.counted_as or endpoint.path
    state.count(app.appid, what, per_minute=endpoint.per_minute, per_day=endpoint.per_day, over_the_minute=endpoint.over_the_minute)
    return Call(state, app, query, body)


def _credentials(state: SandboxState, field: Callable[[str], Any], *, ip: str, from_server: bool) -> App:
    """The app that appid and secret name. Raises Refused 40164, 41002, 40013, 41004, 40125, 40243, in WeChat's order."""
    appid, secret = field("appid"), field("secret")
    app = state.apps.get(appid) if isinstance(appid, str) else None
    if from_server and app and app.ip_whitelist is not None and ip not in app.ip_whitelist:
        raise Refused(40164, f"invalid ip {ip}, not in whitelist")
    if not appid:
        raise Refused(41002, "appid missing")
    if not app:
        raise Refused(40013, "invalid appid")
    if not secret:
        raise Refused(41004, "appsecret missing")
    if secret != app.secret:
        raise Refused(40125, "invalid appsecret")
    if app.frozen:
        raise Refused(40243, "AppSecret is frozen")
    return app
