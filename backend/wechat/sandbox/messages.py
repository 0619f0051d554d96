"""Subscription messages: what a person has allowed, and what may stand in a message. Source: WeChat's page on subscription messages."""

from __future__ import annotations

import re
from typing import Any

from backend.wechat.sandbox.calls import Call
from backend.wechat.sandbox.records import Refused, Template, User

STATES = ("developer", "trial", "formal")
LANGUAGES = ("zh_CN", "en_US", "zh_HK", "zh_TW")

_HAN = r"\u3400-\u9fff·"
_DAY = r"\d{4}(?:年\d{1,2}月\d{1,2}日|([-/.])\d{1,2}\1\d{1,2})"
_HOUR = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?"


def _moment(pattern: str) -> str:
    """Once, or twice with ~ between; the back-reference of the day keeps to its own half."""
    second = pattern.replace(r"\1", r"\2")
    return rf"{pattern}(?:\s*~\s*{second})?"


# Kind of a field → what its whole value looks like. `enum` values are a template's own; the sandbox knows none.
KINDS: dict[str, str] = {
    "thing": r".{1,20}",
    "number": r"(?=.{1,32}$)-?\d+(?:\.\d+)?",
    "letter": r"[A-Za-z]{1,32}",
    "symbol": r"[^\w\s]{1,5}",
    "character_string": r"[\x20-\x7e]{1,32}",
    "time": _moment(rf"(?:{_DAY}\s*)?{_HOUR}"),
    "date": _moment(rf"{_DAY}(?:\s*{_HOUR})?"),
    "amount": r"[^\d\s]?\d{1,10}(?:\.\d+)?元?",
    "phone_number": r"[\d+\-() ]{1,17}",
    "car_number": rf"[{_HAN}A-Z0-9][A-Z0-9]{{1,6}}[{_HAN}A-Z0-9]",
    "name": rf"(?=.*[{_HAN}])[{_HAN}A-Za-z]{{1,10}}|[^\d{_HAN}]{{1,20}}",
    "phrase": rf"[{_HAN}]{{1,5}}",
    "enum": r".{1,20}",
}


def send(call: Call) -> dict[str, Any]:
    """Delivers one message and uses up one grant, if it was for one message. 40003, 40037, 41030, 47003, 43101, in this order."""
    user = call.user(call.body.get("touser"))
    template = call.app.templates.get(call.text("template_id"))
    if not template:
        raise Refused(40037, "invalid template_id")
    page = call.text("page")
    if page and page.partition("?")[0].lstrip("/") not in call.app.pages:
        raise Refused(41030, "invalid page")
    fields = _fields(template, call.body.get("data"))
    for name, allowed in (("miniprogram_state", STATES), ("lang", LANGUAGES)):
        if name in call.body and call.body[name] not in allowed:
            raise Refused(47003, f"argument invalid! {name} invalid")
    _use_grant(user, template)
    user.received.append(
        {
            "at": int(call.state.now()),
            "template_id": template.template_id,
            "title": template.title,
            "page": page,
            "fields": fields,
            "miniprogram_state": call.body.get("miniprogram_state", "formal"),
            "lang": call.body.get("lang", "zh_CN"),
        }
    )
    return {"errcode": 0, "errmsg": "ok"}


def _fields(template: Template, given: Any) -> list[dict[str, str]]:
    """Label and value of each field of the template. Raises Refused 47003, which names the field."""
    if not isinstance(given, dict):
        raise Refused(47003, "argument invalid! data is emtpy")
    strange = [name for name in given if name not in template.fields]
    if strange:
        raise Refused(47003, f"argument invalid! data.{strange[0]} is not in the template")
    return [{"name": name, "label": label, "value": _value(name, given.get(name))} for name, label in template.fields.items()]


def _value(name: str, given: Any) -> str:
    value = given.get("value") if isinstance(given, dict) else None
    if not isinstance(value, str) or not value.strip():
        # Spelt as WeChat spells it.
        raise Refused(47003, f"argument invalid! data.{name}.value is emtpy")
    if not re.fullmatch(KINDS[kind_of(name)], value):
        raise Refused(47003, f"argument invalid! data.{name}.value invalid")
    return value


def kind_of(name: str) -> str:
    """thing1 → thing. Raises Refused 47001 for a name that no template can have."""
    kind = name.rstrip("0123456789")
    if kind not in KINDS or kind == name:
        raise Refused(47001, f"no such kind of field: {name}")
    return kind


def _use_grant(user: User, template: Template) -> None:
    left = user.grants.get(template.template_id, 0)
    if not user.takes_messages or left < 1:
        raise Refused(43101, "user refuse to accept the msg")
    if not template.is_long:
        user.grants[template.template_id] = left - 1


def answer_prompt(user: User, template: Template, *, accept: bool) -> str:
    """What the person taps in WeChat's dialogue. Yes adds one message (a long one: all of them); no leaves earlier grants as they are.

    Returns WeChat's word for the mini-program: `accept` or `reject`. Raises Refused 20004 where the main switch is off: no dialogue.
    """
    if not user.takes_messages:
        raise Refused(20004, "the main switch is switched off")
    if not accept:
        return "reject"
    user.grants[template.template_id] = 1 if template.is_long else user.grants.get(template.template_id, 0) + 1
    return "accept"
