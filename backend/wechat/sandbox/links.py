"""Ways into the mini-program: the code to scan, the URL link, the scheme. The code is an ordinary QR code, not WeChat's round one."""

from __future__ import annotations

import io
import re
from typing import Any
from urllib.parse import urlencode

import segno

from backend.wechat.sandbox.calls import Call
from backend.wechat.sandbox.records import Refused

VERSIONS = ("release", "trial", "develop")
DAY_S = 86_400
MAX_DAYS = 30
MAX_QUERY = 1_024
_SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}")


def code_image(call: Call) -> bytes:
    """A PNG, at most `width` pixels wide, of the scene; where the sandbox has a phone page, of that page's address with the scene."""
    scene, page, width = call.text("scene"), call.text("page"), call.body.get("width", 430)
    if not _SCENE.fullmatch(scene):
        raise Refused(40169, "invalid length for scene, or the data is not json string")
    if call.body.get("check_path", True) is not False and page and page not in call.app.pages:
        raise Refused(41030, "invalid page")
    if not isinstance(width, int) or not 280 <= width <= 1280 or call.body.get("env_version", "release") not in VERSIONS:
        raise Refused(40097, "invalid args")
    content = _address(call, scene=scene, page=page) if call.state.phone_page else scene
    code = segno.make(content, error="m", micro=False)
    image = io.BytesIO()
    light = None if call.body.get("is_hyaline") is True else "white"
    scale = max(1, width // code.symbol_size()[0])
    code.save(image, kind="png", scale=scale, dark=_colour(call.body.get("line_color")), light=light)
    return image.getvalue()


def _colour(given: Any) -> tuple[int, int, int]:
    """Red, green and blue as WeChat takes them, texts or numbers; black for anything else."""
    try:
        red, green, blue = (int(given[name]) for name in ("r", "g", "b"))
    except (TypeError, KeyError, ValueError):
        return 0, 0, 0
    return tuple(min(255, max(0, part)) for part in (red, green, blue))


def url_link(call: Call) -> dict[str, Any]:
    path, query = _target(call, call.body)
    made = _address(call, page=path, query=query) if call.state.phone_page else f"https://wxaurl.cn/{call.state.letters(11)}"
    return {"errcode": 0, "errmsg": "ok", "url_link": made}


def scheme(call: Call) -> dict[str, Any]:
    target = call.body.get("jump_wxa", {})
    if not isinstance(target, dict):
        raise Refused(47001, "data format error: jump_wxa")
    _target(call, target)
    return {"errcode": 0, "errmsg": "ok", "openlink": f"weixin://dl/business/?t={call.state.letters(13)}"}


def _target(call: Call, target: dict[str, Any]) -> tuple[str, str]:
    """Path and query. Raises Refused 40002 (a person's app), 85402, 85079 (not released), 40165, 40212, 85401 (expiry)."""
    if call.app.entity == "personal":
        raise Refused(40002, "no permission")
    version, path, query = (target.get(name, other) for name, other in (("env_version", "release"), ("path", ""), ("query", "")))
    if version not in VERSIONS:
        raise Refused(85402, "invalid env_version")
    if version == "release" and not call.app.pages:
        raise Refused(85079, "miniprogram has no online release")
    if not isinstance(path, str) or (path and version == "release" and path.lstrip("/") not in call.app.pages):
        raise Refused(40165, "invalid weapp pagepath")
    if not isinstance(query, str) or len(query) > MAX_QUERY:
        raise Refused(40212, "invalid query")
    _demand_expiry(call)
    return path, query


def _demand_expiry(call: Call) -> None:
    """An end within 30 days: a time (`expire_type` 0, also the default) or a number of days (1). Left out, it is the 30 days."""
    kind = call.body.get("expire_type", 0)
    name = "expire_interval" if kind == 1 else "expire_time"
    end, now = call.body.get(name), call.state.now()
    if end is None and kind == 0:
        return
    sound = isinstance(end, int) and not isinstance(end, bool) and kind in (0, 1)
    if not sound or not (1 <= end <= MAX_DAYS if kind == 1 else now < end <= now + MAX_DAYS * DAY_S):
        raise Refused(85401, "expire time invalid: within 30 days")


def _address(call: Call, **parameters: str) -> str:
    chosen = {name: text for name, text in parameters.items() if text}
    return call.state.phone_page + (f"?{urlencode(chosen)}" if chosen else "")
