"""The sandbox's levers: what a phone would do, which faults rule, what was asked so far. JSON in, JSON out, always HTTP 200."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse

from backend.wechat.sandbox.faults import parse_fault
from backend.wechat.sandbox.records import Refused
from backend.wechat.sandbox.scenarios import faults_of
from backend.wechat.sandbox.sender import push_event
from backend.wechat.sandbox.state import SandboxState
from backend.wechat.sandbox.wire import body_of, reply

Answer = dict[str, Any]
Lever = Callable[[SandboxState, Request], Answer | Awaitable[Answer]]


def register(blueprint: Blueprint, state: SandboxState) -> None:
    """Adds /control/*: a mistaken order answers errcode and errmsg, like the endpoints."""
    for method, name, lever in (
        ("POST", "users", users),
        ("POST", "wx_login", wx_login),
        ("POST", "phone_button", phone_button),
        ("POST", "clock", set_clock),
        ("POST", "faults", add_faults),
        ("DELETE", "faults", drop_faults),
        ("POST", "scenario", set_scenario),
        ("POST", "push", push),
        ("GET", "requests", requests),
        ("POST", "reset", reset),
        ("GET", "health", health),
    ):
        blueprint.add_route(_handler(state, lever), f"/control/{name}", methods=[method], name=f"control_{method.lower()}_{name}")


def _handler(state: SandboxState, lever: Lever) -> Callable[[Request], Awaitable[HTTPResponse]]:
    async def handle(request: Request) -> HTTPResponse:
        try:
            answer = lever(state, request)
            return reply(answer if isinstance(answer, dict) else await answer)
        except Refused as refused:
            return reply({"errcode": refused.errcode, "errmsg": refused.errmsg})

    return handle


def _fields(request: Request, *names: str) -> dict[str, Any]:
    """The body's fields; an unknown one is refused, so that a typo does not pass for success."""
    body = body_of(request) if request.body else {}
    if not set(body) <= set(names):
        raise Refused(47001, f"unknown fields: {', '.join(sorted(set(body) - set(names)))}")
    return body


def users(state: SandboxState, request: Request) -> Answer:
    wanted = {name: str(value) for name, value in _fields(request, "openid", "phone", "name").items()}
    user = state.add_user(**wanted)
    return {"openid": user.openid, "phone": user.phone, "name": user.name}


def wx_login(state: SandboxState, request: Request) -> Answer:
    return {"code": state.wx_login(str(_fields(request, "openid").get("openid", "")))}


def phone_button(state: SandboxState, request: Request) -> Answer:
    return {"code": state.phone_button(str(_fields(request, "openid").get("openid", "")))}


def set_clock(state: SandboxState, request: Request) -> Answer:
    """`set` is in Unix seconds; `freeze` stops or restarts the clock."""
    body = _fields(request, "advance_s", "set", "freeze")
    advance_s, at, freeze = body.get("advance_s", 0), body.get("set"), body.get("freeze")
    if not isinstance(advance_s, int | float) or not isinstance(at, int | float | None) or not isinstance(freeze, bool | None):
        raise Refused(47001, "advance_s and set are seconds, freeze is true or false")
    return {"now": state.set_clock(advance_s=advance_s, at=at, freeze=freeze)}


def add_faults(state: SandboxState, request: Request) -> Answer:
    """One rule, or a list under `rules`; they come after those that are there."""
    body = body_of(request)
    rules = body.get("rules", [body])
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise Refused(47001, "rules is a list of fault rules")
    state.faults.extend([parse_fault(rule, now=state.now()) for rule in rules])
    return {"faults": len(state.faults)}


def drop_faults(state: SandboxState, request: Request) -> Answer:
    state.faults.clear()
    state.scenario = ""
    return {"faults": 0}


def set_scenario(state: SandboxState, request: Request) -> Answer:
    """A named scenario in the place of all faults that are there."""
    name = str(_fields(request, "name").get("name", ""))
    state.faults[:] = faults_of(name, now=state.now())
    state.scenario = name
    return {"name": name, "faults": len(state.faults)}


async def push(state: SandboxState, request: Request) -> Answer:
    return {"deliveries": await push_event(state, _fields(request, "openid", "event", "RevokeInfo", "mode", "format", "times"))}


def requests(state: SandboxState, request: Request) -> Answer:
    """What the endpoints were asked, oldest first, at most the last 10,000; secrets and tokens are not kept."""
    path = request.args.get("path")
    return {"items": [record for record in state.requests if path in (None, record["path"])]}


def reset(state: SandboxState, request: Request) -> Answer:
    state.reset()
    return {"errcode": 0, "errmsg": "ok"}


def health(state: SandboxState, request: Request) -> Answer:
    return {"ok": True, "now": state.now(), "users": len(state.users), "faults": len(state.faults), "scenario": state.scenario}
