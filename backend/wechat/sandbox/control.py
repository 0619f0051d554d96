"""The sandbox's levers: its clock, its weather, what was asked so far. JSON in, JSON out, always HTTP 200; people's levers: people.py."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse

from backend.wechat.sandbox import people
from backend.wechat.sandbox.faults import parse_fault
from backend.wechat.sandbox.records import Refused
from backend.wechat.sandbox.scenarios import faults_of
from backend.wechat.sandbox.state import SandboxState
from backend.wechat.sandbox.wire import body_of, reply

Answer = dict[str, Any]
# What a lever gets: the order's body (POST), or its query.
Lever = Callable[[SandboxState, dict[str, Any]], Answer | Awaitable[Answer]]

# A wish for an option → whether it can be granted.
OPTIONS: dict[str, Callable[[Any], bool]] = {
    "content_type": lambda value: isinstance(value, str) and value.startswith(("application/json", "text/plain")),
    "session_key": lambda value: value in ("always", "never", "one_in_3"),
    "overlap_s": lambda value: isinstance(value, int) and value >= 0,
    "legacy_per_day": lambda value: isinstance(value, int) and value >= 1,
    "token_length": lambda value: isinstance(value, int) and 21 <= value <= 2048,
    "push_answer_s": lambda value: isinstance(value, int | float) and 0 < value <= 60,
}


def register(blueprint: Blueprint, state: SandboxState) -> None:
    """Adds /control/*: a mistaken order answers errcode and errmsg, like the endpoints."""
    for method, name, lever in (
        ("POST", "apps", people.set_app),
        ("POST", "users", people.set_user),
        ("POST", "wx_login", people.wx_login),
        ("POST", "phone_button", people.phone_button),
        ("POST", "subscribe", people.subscribe),
        ("POST", "visit", people.visit),
        ("GET", "messages", people.messages),
        ("POST", "message", people.message),
        ("POST", "revoke", people.revoke),
        ("POST", "cancel_account", people.cancel_account),
        ("POST", "push", people.push),
        ("POST", "push_verify", people.push_verify),
        ("GET", "pushes", people.pushes),
        ("POST", "clock", set_clock),
        ("POST", "options", set_options),
        ("POST", "faults", add_faults),
        ("DELETE", "faults", drop_faults),
        ("POST", "scenario", set_scenario),
        ("GET", "requests", requests),
        ("POST", "reset", reset),
        ("GET", "health", health),
    ):
        blueprint.add_route(_handler(state, lever), f"/control/{name}", methods=[method], name=f"control_{method.lower()}_{name}")


def _handler(state: SandboxState, lever: Lever) -> Callable[[Request], Awaitable[HTTPResponse]]:
    async def handle(request: Request) -> HTTPResponse:
        try:
            order = {name: request.args.get(name) for name in request.args}
            if request.method == "POST":
                order = body_of(request) if request.body else {}
            answer = lever(state, order)
            return reply(answer if isinstance(answer, dict) else await answer)
        except Refused as refused:
            return reply({"errcode": refused.errcode, "errmsg": refused.errmsg})

    return handle


def set_clock(state: SandboxState, order: dict[str, Any]) -> Answer:
    """`set` is in Unix seconds; `freeze` stops or restarts the clock."""
    people.demand_known(order, "advance_s", "set", "freeze")
    advance_s, at, freeze = order.get("advance_s", 0), order.get("set"), order.get("freeze")
    if not isinstance(advance_s, int | float) or not isinstance(at, int | float | None) or not isinstance(freeze, bool | None):
        raise Refused(47001, "advance_s and set are seconds, freeze is true or false")
    return {"now": state.set_clock(advance_s=advance_s, at=at, freeze=freeze)}


def set_options(state: SandboxState, order: dict[str, Any]) -> Answer:
    """Changes the options that are named; gives all of them back."""
    wrong = [name for name, value in order.items() if name not in OPTIONS or isinstance(value, bool) or not OPTIONS[name](value)]
    if wrong:
        raise Refused(47001, f"option {wrong[0]} not understood; there are {', '.join(OPTIONS)}")
    state.options = dataclasses.replace(state.options, **order)
    return dataclasses.asdict(state.options)


def add_faults(state: SandboxState, order: dict[str, Any]) -> Answer:
    """One rule, or a list under `rules`; they come after those that are there."""
    rules = order.get("rules", [order])
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise Refused(47001, "rules is a list of fault rules")
    state.faults.extend([parse_fault(rule, now=state.now()) for rule in rules])
    return {"faults": len(state.faults)}


def drop_faults(state: SandboxState, order: dict[str, Any]) -> Answer:
    state.faults.clear()
    state.scenario = ""
    return {"faults": 0}


def set_scenario(state: SandboxState, order: dict[str, Any]) -> Answer:
    """A named scenario in the place of all faults that are there."""
    people.demand_known(order, "name")
    name = str(order.get("name", ""))
    state.faults[:] = faults_of(name, now=state.now())
    state.scenario = name
    return {"name": name, "faults": len(state.faults)}


def requests(state: SandboxState, order: dict[str, Any]) -> Answer:
    """What the endpoints were asked, oldest first, at most the last 10,000; secrets and tokens are not kept."""
    path = order.get("path")
    return {"items": [record for record in state.requests if path in (None, record["path"])]}


def reset(state: SandboxState, order: dict[str, Any]) -> Answer:
    state.reset()
    return {"errcode": 0, "errmsg": "ok"}


def health(state: SandboxState, order: dict[str, Any]) -> Answer:
    return {"ok": True, "now": state.now(), "users": len(state.users), "faults": len(state.faults), "scenario": state.scenario}
