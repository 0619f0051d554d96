"""Sends an app's pushes as WeChat does: signed, plain or encrypted, XML or JSON, 5 s to answer, three attempts. What is sealed: sealing.py.

Faults of the path `push`: `duplicate` (so many times more), `reorder` (the next push overtakes this one), `late_s` (on the sandbox's
clock), `bad_signature`, `wrong_appid`, `old_timestamp` (so many seconds), `omit_openid`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import aiohttp

from backend.wechat.sandbox import faults
from backend.wechat.sandbox.faults import Asked
from backend.wechat.sandbox.paths import PUSH
from backend.wechat.sandbox.records import App, Refused
from backend.wechat.sandbox.sealing import sealed, signed_query
from backend.wechat.sandbox.state import SandboxState

ATTEMPTS = 3
PLATFORM_ACCOUNT = "oSandboxPlatformAccount00000"


@dataclass(slots=True)
class Push:
    """One event on its way to an app. record: what GET /control/pushes shows of it; its `attempts` are what the order's answer shows."""

    app: App
    fields: dict[str, Any]
    secure: bool
    xml: bool
    fault: dict[str, Any]
    record: dict[str, Any] = field(default_factory=dict)


async def push_event(state: SandboxState, order: dict[str, Any]) -> list[dict[str, Any]]:
    """Delivers one event `times` times, as `order` says: {openid, event, RevokeInfo?, mode?, format?, times?}.

    Returns the deliveries in their order, each {"status", "attempts": [{"status": int or null, "answer": text, "accepted": bool}]} with
    status accepted, refused, waiting (it is late) or held (the next one overtakes it). Raises Refused.
    """
    deliveries: list[dict[str, Any]] = []
    for push in _ordered(state, order):
        state.pushes.append(push.record)
        overtaken, state.held_push = state.held_push, None
        if push.fault.get("reorder") and not overtaken:
            push.record["status"] = "held"
            state.held_push = push
            continue
        deliveries += await _send(state, push)
        if overtaken:
            deliveries += await _send(state, overtaken)
    if state.held_push:
        deliveries.append(state.held_push.record)
    return [{"status": record["status"], "attempts": record["attempts"]} for record in deliveries]


def _ordered(state: SandboxState, order: dict[str, Any]) -> list[Push]:
    user = state.user(str(order.get("openid", "")))
    app = state.apps[user.appid]
    mode = order.get("mode") or app.push.mode or ("secure" if app.push.aes_key else "plain")
    form, times = order.get("format") or app.push.format, order.get("times", 1)
    if not app.push.url or mode not in ("plain", "secure") or form not in ("json", "xml") or (mode == "secure" and not app.push.aes_key):
        raise Refused(47001, "push needs an address, mode plain|secure (secure with an AES key), format json|xml")
    if not isinstance(times, int) or not 1 <= times <= 1000 or not order.get("event"):
        raise Refused(47001, "push needs an event, and times between 1 and 1000")
    fields = {
        "ToUserName": "gh_sandbox",
        "FromUserName": PLATFORM_ACCOUNT,
        "CreateTime": int(state.now()),
        "MsgType": "event",
        "Event": str(order["event"]),
        "OpenID": user.openid,
        "AppID": app.appid,
        **({"RevokeInfo": str(order["RevokeInfo"])} if order.get("RevokeInfo") else {}),
    }
    return [_push(state, app, fields, secure=mode == "secure", xml=form == "xml") for _ in range(times)]


def _push(state: SandboxState, app: App, fields: dict[str, Any], *, secure: bool, xml: bool) -> Push:
    asked = Asked(path=PUSH, method="POST", openid=fields["OpenID"], appid=app.appid)
    fault = faults.first_fitting(state.faults, asked, now=state.now(), rng=state.dice)
    record = {
        "at": state.now(),
        "event": fields["Event"],
        "openid": fields["OpenID"],
        "appid": app.appid,
        "secure": secure,
        "xml": xml,
        "fault": sorted(fault),
        "status": "waiting",
        "attempts": [],
    }
    return Push(app, fields, secure, xml, fault, record)


async def _send(state: SandboxState, push: Push) -> list[dict[str, Any]]:
    """Delivers a push, and its duplicates after it; a late one is left to a task of its own."""
    if push.fault.get("late_s"):
        push.record["status"] = "waiting"
        state.in_background(_send_late(state, push, state.now() + push.fault["late_s"]))
        return [push.record]
    await _deliver(state, push)
    records = [push.record]
    for _ in range(push.fault.get("duplicate", 0)):
        again = Push(push.app, push.fields, push.secure, push.xml, push.fault, {**push.record, "attempts": []})
        state.pushes.append(again.record)
        await _deliver(state, again)
        records.append(again.record)
    return records


async def _send_late(state: SandboxState, push: Push, due_at: float) -> None:
    await state.sleep_until(due_at)
    push.fault = {name: value for name, value in push.fault.items() if name != "late_s"}
    await _send(state, push)


async def _deliver(state: SandboxState, push: Push) -> None:
    attempts = push.record["attempts"]
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=state.options.push_answer_s)) as session:
        while len(attempts) < ATTEMPTS and not any(attempt["accepted"] for attempt in attempts):
            query, body = sealed(state, push.app, push.fields, secure=push.secure, xml=push.xml, fault=push.fault)
            headers = {"Content-Type": "text/xml" if push.xml else "application/json"}
            status, answer = await _answer(session.post(push.app.push.url, params=query, data=body, headers=headers, allow_redirects=False))
            attempts.append({"status": status, "answer": answer, "accepted": status == 200 and answer in ("", "success")})
    push.record["status"] = "accepted" if attempts[-1]["accepted"] else "refused"


async def _answer(asking: Any) -> tuple[int | None, str]:
    """Status and at most 1 KiB of the answer; without one, None and the kind of failure."""
    try:
        async with asking as response:
            return response.status, (await response.content.read(1024)).decode("utf-8", "replace")
    except (aiohttp.ClientError, TimeoutError) as error:
        return None, type(error).__name__


async def verify_url(state: SandboxState, app: App) -> dict[str, Any]:
    """Asks the push address for an echo: {"status": int or null, "answer": text, "accepted": whether it was the very text}."""
    asked = Asked(path=PUSH, method="GET", appid=app.appid)
    fault = faults.first_fitting(state.faults, asked, now=state.now(), rng=state.dice)
    echo = str(state.rng.randrange(10**18, 10**19))
    query = {**signed_query(state, app, fault=fault), "echostr": echo}
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=state.options.push_answer_s)) as session:
        status, answer = await _answer(session.get(app.push.url, params=query, allow_redirects=False))
    return {"status": status, "answer": answer, "accepted": status == 200 and answer == echo}
