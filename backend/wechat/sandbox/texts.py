"""The check of what people write: msgSecCheck 2.0, and the older body without a version, which wechatpy sends.

The verdict is not WeChat's but by marks in the text: `[[risky:20003]]`, `[[review:20001]]` (suggestion and label), else pass and 100.
"""

from __future__ import annotations

import re
from typing import Any

from backend.wechat.sandbox.calls import Call
from backend.wechat.sandbox.records import Refused

MAX_CHARACTERS = 2_500
VISITED_WITHIN_S = 2 * 3600
NORMAL = 100
_MARK = re.compile(r"\[\[(risky|review)(?::(\d{3,5}))?\]\]")
_WITHOUT_LABEL = {"risky": 20006, "review": 20001}


def check_text(call: Call) -> dict[str, Any]:
    version = call.body.get("version", 1)
    if version not in (1, 2) or isinstance(version, bool | float):
        raise Refused(47001, "data format error: version is a number")
    return _second(call) if version == 2 else _first(call)


def _first(call: Call) -> dict[str, Any]:
    if "risky" in verdict(_content(call))[0]:
        raise Refused(87014, "risky content")
    return {"errcode": 0, "errmsg": "ok"}


def _second(call: Call) -> dict[str, Any]:
    content, scene = _content(call), call.body.get("scene")
    if scene not in (1, 2, 3, 4) or isinstance(scene, bool | float):
        raise Refused(40129, "invalid scene")
    openid = call.text("openid")
    known = call.state.users.get(openid)
    if known and known.appid != call.app.appid:
        raise Refused(43104, "appid and openid do not match")
    user = call.user(openid)
    if call.state.now() - user.last_visit_at > VISITED_WITHIN_S:
        raise Refused(61010, "code is expired")
    if len(content) > MAX_CHARACTERS:
        raise Refused(47001, "data format error: content is too long")
    everything = " ".join([content, *(call.text(name) for name in ("title", "nickname", "signature"))])
    suggest, label = verdict(everything)
    mark = _MARK.search(everything)
    detail = [{"strategy": "content_model", "errcode": 0, "suggest": suggest, "label": label, "prob": 90 if mark else 10}]
    if mark:
        detail.append({"strategy": "keyword", "errcode": 0, "suggest": suggest, "label": label, "level": 90, "keyword": mark.group(0)})
    return {"errcode": 0, "errmsg": "ok", "trace_id": call.state.rid(), "result": {"suggest": suggest, "label": label}, "detail": detail}


def _content(call: Call) -> str:
    content = call.text("content")
    if not content:
        raise Refused(44002, "empty post data: content")
    return content


def verdict(text: str) -> tuple[str, int]:
    """Suggestion and label; of several marks the worst counts."""
    marks = sorted(_MARK.findall(text), key=lambda mark: mark[0] != "risky")
    if not marks:
        return "pass", NORMAL
    suggest, label = marks[0]
    return suggest, int(label) if label else _WITHOUT_LABEL[suggest]
