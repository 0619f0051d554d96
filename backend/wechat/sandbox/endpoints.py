"""WeChat's server API as the sandbox answers it: HTTP 200 with JSON, always, unless a fault rule says otherwise."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse

from backend.wechat.sandbox import faults, tokens
from backend.wechat.sandbox.state import App, Refused, SandboxState

Answer = dict[str, Any]
Endpoint = Callable[[SandboxState, Request], Answer]

CONTENT_TYPE = "application/json; encoding=utf-8"
HANG_S = 600
HIDDEN = {"secret", "access_token", "session_key", "signature"}


def register(blueprint: Blueprint, state: SandboxState) -> None:
    """Adds the endpoints that this product and wechatpy use. Any method is routed: a wrong one has its own errcode."""
    for path, method, endpoint in (
        ("/cgi-bin/token", "GET", legacy_token),
        ("/cgi-bin/stable_token", "POST", stable_token),
        ("/sns/jscode2session", "GET", code_to_session),
        ("/wxa/business/getuserphonenumber", "POST", phone_number),
    ):
        blueprint.add_route(_handler(state, path, method, endpoint), path, methods=["GET", "POST"], name=path.rsplit("/", 1)[1])


def _handler(state: SandboxState, path: str, method: str, endpoint: Endpoint) -> Callable[[Request], Awaitable[HTTPResponse]]:
    async def handle(request: Request) -> HTTPResponse:
        record = {
            "at": state.now(),
            "method": request.method,
            "path": path,
            "query": {name: "***" if name in HIDDEN else request.args.get(name) for name in request.args},
            "errcode": None,
        }
        state.requests.append(record)
        fault = faults.first_fitting(state.faults, method=request.method, path=path)
        early = await _before_effect(state, fault)
        if early:
            record["fault"] = sorted(fault)
            return early
        answer = answered(state, lambda: endpoint(state, _demand(request, method)))
        record["errcode"] = answer.get("errcode", 0)
        if fault.get("close_after_effect"):
            record["fault"] = sorted(fault)
            request.transport.abort()
        return reply(answer)

    return handle


async def _before_effect(state: SandboxState, fault: dict[str, Any]) -> HTTPResponse | None:
    """What a fault does before the endpoint acts; the answer, where it replaces the endpoint's."""
    if fault.get("invalidate_token"):
        for app in state.apps.values():
            tokens.invalidate(app)
    if fault.get("delay_ms"):
        await asyncio.sleep(float(fault["delay_ms"]) / 1000)
    if fault.get("hang"):
        await asyncio.sleep(HANG_S)
    if "http_status" in fault:
        return HTTPResponse("<html><body><h1>nginx</h1></body></html>", status=int(fault["http_status"]), content_type="text/html")
    if "errcode" in fault:
        text = f"{fault.get('errmsg', 'fault injected')} rid: {state.rid()}"
        return reply({"errcode": int(fault["errcode"]), "errmsg": text})
    return None


def answered(state: SandboxState, act: Callable[[], Answer]) -> Answer:
    """What `act` returns; a refusal becomes errcode and errmsg, with a request id as WeChat writes it."""
    try:
        return act()
    except Refused as refused:
        return {"errcode": refused.errcode, "errmsg": f"{refused.errmsg} rid: {state.rid()}"}


def reply(answer: Answer) -> HTTPResponse:
    return HTTPResponse(json.dumps(answer, ensure_ascii=False), content_type=CONTENT_TYPE)


def body_of(request: Request) -> dict[str, Any]:
    """The JSON object in the body. Raises Refused 44002 (empty) or 47001 (no JSON object)."""
    if not request.body:
        raise Refused(44002, "empty post data")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Refused(47001, "data format error")
    return body


def _demand(request: Request, method: str) -> Request:
    if request.method != method:
        raise Refused(*((43002, "require POST method") if method == "POST" else (43001, "require GET method")))
    return request


def _app(state: SandboxState, request: Request, fields: Callable[[str], Any], *, from_server: bool) -> App:
    """The app that appid and secret name. Raises Refused 40164, 41002, 40013, 41004, 40125, 40243, in WeChat's order."""
    app = state.apps.get(fields("appid") or "")
    if from_server and app and app.ip_whitelist is not None and request.ip not in app.ip_whitelist:
        raise Refused(40164, f"invalid ip {request.ip}, not in whitelist")
    if not fields("appid"):
        raise Refused(41002, "appid missing")
    if not app:
        raise Refused(40013, "invalid appid")
    if not fields("secret"):
        raise Refused(41004, "appsecret missing")
    if fields("secret") != app.secret:
        raise Refused(40125, "invalid appsecret")
    if app.frozen:
        raise Refused(40243, "AppSecret is frozen")
    return app


def legacy_token(state: SandboxState, request: Request) -> Answer:
    app = _app(state, request, request.args.get, from_server=True)
    if request.args.get("grant_type") != "client_credential":
        raise Refused(40002, "invalid grant_type")
    state.count(app.appid, "token", per_day=2_000)
    return _issued(state, tokens.fetch_legacy(state, app))


def stable_token(state: SandboxState, request: Request) -> Answer:
    body = body_of(request)
    app = _app(state, request, body.get, from_server=True)
    if body.get("grant_type") != "client_credential":
        raise Refused(40002, "invalid grant_type")
    state.count(app.appid, "stable_token", per_minute=10_000, per_day=500_000)
    return _issued(state, tokens.fetch_stable(state, app, force=body.get("force_refresh") is True))


def _issued(state: SandboxState, token: tokens.Token) -> Answer:
    return {"access_token": token.value, "expires_in": int(token.valid_until - state.now())}


def code_to_session(state: SandboxState, request: Request) -> Answer:
    """A stray access_token in the query is ignored, as WeChat does: wechatpy sends one."""
    app = _app(state, request, request.args.get, from_server=False)
    js_code = request.args.get("js_code")
    if not js_code:
        raise Refused(41008, "missing code")
    if request.args.get("grant_type") != "authorization_code":
        raise Refused(40002, "invalid grant_type")
    known = state.js_codes.get(js_code)
    if known:
        state.count(known.openid, "jscode2session", per_minute=100)
    user = state.spend(state.js_codes, js_code, appid=app.appid, check_only=True)
    if user.risk_blocked:
        raise Refused(40226, "code blocked")
    state.spend(state.js_codes, js_code, appid=app.appid)
    user.last_visit_at = state.now()
    user.session_key = state.new_session_key()
    return {"session_key": user.session_key, "openid": user.openid}


def phone_number(state: SandboxState, request: Request) -> Answer:
    app = tokens.app_of(state, request.args.get("access_token") or "")
    body = body_of(request)
    code, openid = body.get("code"), body.get("openid", "")
    if not isinstance(code, str) or not code or not isinstance(openid, str):
        raise Refused(40029, "invalid code")
    user = state.spend(state.phone_codes, code, appid=app.appid, openid=openid)
    phone_info = {
        "phoneNumber": user.phone,
        "purePhoneNumber": user.phone,
        "countryCode": "86",
        "watermark": {"timestamp": int(state.now()), "appid": app.appid},
    }
    return {"errcode": 0, "errmsg": "ok", "phone_info": phone_info}
