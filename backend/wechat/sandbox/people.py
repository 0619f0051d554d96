"""Levers about apps and people: what is set up in WeChat's console, what happens on a phone, and what WeChat tells the app about it."""

from __future__ import annotations

from typing import Any

from backend.wechat.sandbox import sender
from backend.wechat.sandbox.calls import Call
from backend.wechat.sandbox.messages import answer_prompt, kind_of, send
from backend.wechat.sandbox.records import App, PushTarget, Refused, Template
from backend.wechat.sandbox.state import SandboxState

Order = dict[str, Any]
Answer = dict[str, Any]


def demand_known(order: Order, *names: str) -> None:
    """Raises Refused 47001 for a field that no lever has, so that a typo does not pass for success."""
    if not set(order) <= set(names):
        raise Refused(47001, f"unknown fields: {', '.join(sorted(set(order) - set(names)))}")


def _demand(sound: bool, what: str) -> None:
    if not sound:
        raise Refused(47001, what)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(part, str) for part in value)


def set_app(state: SandboxState, order: Order) -> Answer:
    """An app as its console shows it; without `appid` the first one. Only what is named changes."""
    demand_known(order, "appid", "secret", "frozen", "ip_whitelist", "entity", "pages", "templates", "push")
    appid = order.get("appid", state.appid)
    _demand(isinstance(appid, str) and (appid in state.apps or isinstance(order.get("secret"), str)), "a new app needs appid and secret")
    _demand(isinstance(order.get("frozen", False), bool), "frozen is true or false")
    _demand(order.get("ip_whitelist") is None or _are_texts(order["ip_whitelist"]), "ip_whitelist is a list of addresses, or null")
    _demand(order.get("entity", "personal") in ("personal", "organisation"), "entity is personal or organisation")
    _demand(_are_texts(order.get("pages", [])), "pages is a list of paths")
    templates = [_template(template_id, given) for template_id, given in _object(order, "templates").items()]
    push = _object(order, "push")
    demand_known(push, "url", "token", "aes_key", "mode", "format")
    _demand(all(isinstance(value, str) for value in push.values()), "push is texts")
    app = state.add_app(appid, order.get("secret", ""))
    app.secret, app.frozen, app.entity = order.get("secret", app.secret), order.get("frozen", app.frozen), order.get("entity", app.entity)
    if "ip_whitelist" in order:
        app.ip_whitelist = None if order["ip_whitelist"] is None else tuple(order["ip_whitelist"])
    app.pages = tuple(order.get("pages", app.pages))
    app.templates.update({template.template_id: template for template in templates})
    app.push = PushTarget(**{**{name: getattr(app.push, name) for name in PushTarget.__slots__}, **push})
    return {"appid": appid, "pages": list(app.pages), "templates": sorted(app.templates), "entity": app.entity}


def _object(order: Order, name: str) -> dict[str, Any]:
    value = order.get(name, {})
    _demand(isinstance(value, dict), f"{name} is an object")
    return value


def _template(template_id: str, given: Any) -> Template:
    _demand(isinstance(given, dict), "a template is an object")
    demand_known(given, "title", "fields", "kind", "samples")
    fields, samples = given.get("fields"), _object(given, "samples")
    sound = isinstance(fields, dict) and bool(fields) and all(isinstance(label, str) for label in fields.values())
    _demand(sound and given.get("kind", "once") in ("once", "long"), "a template has fields {thing1: label}, and kind once or long")
    for name in fields:
        kind_of(name)
    return Template(template_id, str(given.get("title", template_id)), dict(fields), given.get("kind") == "long", dict(samples))


def set_user(state: SandboxState, order: Order) -> Answer:
    """Somebody with WeChat: a new one, or the one of `openid`, of whom only what is named changes."""
    texts, switches = ("openid", "phone", "name", "appid", "unionid"), ("risk_blocked", "takes_messages")
    demand_known(order, *texts, *switches)
    _demand(all(isinstance(order[name], str) for name in texts if name in order), f"{', '.join(texts)} are texts")
    _demand(all(isinstance(order[name], bool) for name in switches if name in order), f"{' and '.join(switches)} are true or false")
    _demand(order.get("appid", state.appid) in state.apps, "no such app")
    user = state.add_user(**{name: order[name] for name in ("openid", "phone", "name", "appid") if name in order})
    for name in ("unionid", *switches):
        if name in order:
            setattr(user, name, order[name])
    return {"openid": user.openid, "phone": user.phone, "name": user.name}


def wx_login(state: SandboxState, order: Order) -> Answer:
    demand_known(order, "openid")
    return {"code": state.wx_login(str(order.get("openid", "")))}


def phone_button(state: SandboxState, order: Order) -> Answer:
    demand_known(order, "openid")
    return {"code": state.phone_button(str(order.get("openid", "")))}


def visit(state: SandboxState, order: Order) -> Answer:
    """Somebody opens the mini-program: for two hours texts may be checked in this name."""
    demand_known(order, "openid")
    user = state.user(str(order.get("openid", "")))
    user.last_visit_at = state.now()
    return {"openid": user.openid, "last_visit_at": user.last_visit_at}


def subscribe(state: SandboxState, order: Order) -> Answer:
    """The answer to wx.requestSubscribeMessage. Raises Refused 40037 for an unknown template, 20004 where the main switch is off."""
    demand_known(order, "openid", "template_id", "accept")
    user = state.user(str(order.get("openid", "")))
    template = state.apps[user.appid].templates.get(str(order.get("template_id", "")))
    if not template:
        raise Refused(40037, "invalid template_id")
    _demand(isinstance(order.get("accept", True), bool), "accept is true or false")
    result = answer_prompt(user, template, accept=order.get("accept", True))
    return {"template_id": template.template_id, "result": result, "left": user.grants.get(template.template_id, 0)}


def messages(state: SandboxState, order: Order) -> Answer:
    """What the person has received, newest first, and what may still be sent for each template of the app."""
    user = state.user(str(order.get("openid", "")))
    templates = state.apps[user.appid].templates.values()
    grants = [
        {"template_id": t.template_id, "title": t.title, "kind": "long" if t.is_long else "once", "left": user.grants.get(t.template_id, 0)}
        for t in templates
    ]
    return {"items": user.received[::-1], "grants": grants, "takes_messages": user.takes_messages}


def message(state: SandboxState, order: Order) -> Answer:
    """A message with the template's samples, as if the app had sent it: uses up a grant, and is refused like any other."""
    demand_known(order, "openid", "template_id", "page")
    user = state.user(str(order.get("openid", "")))
    app = state.apps[user.appid]
    template = app.templates.get(str(order.get("template_id", "")))
    samples = template.samples if template else {}
    body = {**order, "touser": user.openid, "data": {name: {"value": value} for name, value in samples.items()}}
    return send(Call(state, app, {}, body))


async def revoke(state: SandboxState, order: Order) -> Answer:
    """The person withdraws an authorisation: WeChat tells the app."""
    demand_known(order, "openid", "RevokeInfo", "mode", "format")
    _demand(bool(order.get("RevokeInfo")), "revoke needs RevokeInfo, such as 8 for the phone number")
    return {"deliveries": await sender.push_event(state, {**order, "event": "user_authorization_revoke"})}


async def cancel_account(state: SandboxState, order: Order) -> Answer:
    """The person closes the WeChat account: from now on nobody has this openid, and WeChat tells the app."""
    demand_known(order, "openid", "mode", "format")
    user = state.user(str(order.get("openid", "")))
    pushed = sender.push_event(state, {**order, "event": "user_authorization_cancellation"})
    deliveries = await pushed
    state.forget(user.openid)
    return {"deliveries": deliveries}


async def push(state: SandboxState, order: Order) -> Answer:
    """Any event about a person, as often as `times` says."""
    demand_known(order, "openid", "event", "RevokeInfo", "mode", "format", "times")
    return {"deliveries": await sender.push_event(state, order)}


async def push_verify(state: SandboxState, order: Order) -> Answer:
    """What WeChat's console does when a push address is entered: asks it to give back a text."""
    demand_known(order, "appid")
    app: App | None = state.apps.get(str(order.get("appid", state.appid)))
    if not app or not app.push.url:
        raise Refused(47001, "no such app, or it has no push address")
    return await sender.verify_url(state, app)


def pushes(state: SandboxState, order: Order) -> Answer:
    """What was pushed, oldest first: to whom, with which faults, and each attempt's answer."""
    openid = order.get("openid")
    return {"items": [push for push in state.pushes if openid in (None, push["openid"])]}
