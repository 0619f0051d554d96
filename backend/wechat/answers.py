"""What WeChat's `errcode` means for us. Source: each endpoint's error table on developers.weixin.qq.com, and codes seen in the field."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from backend.kernel import clock
from backend.kernel.errors import BadRequest, DakaError, Forbidden, TooMany, Unauthorised, Unavailable

SUCCESS = 0
BUSY = -1  # nothing was done; WeChat asks to try again a little later
TOKEN_DEAD = frozenset({40001, 40014, 42001})  # wrong, malformed, expired access_token
CODE_SPENT = frozenset({40029, 40163})  # a one-time code unknown, older than 5 minutes, or used before
OPENID_UNKNOWN = 40003
USER_BLOCKED = 40226
TOO_OFTEN = 45011  # this minute
QUOTA_SPENT = 45009  # this day

# Only the operator can cure these; the text goes into the log with the alarm.
OPERATOR_MUST_ACT = {
    40013: "AppID 不正确",
    40125: "AppSecret 不正确",
    41002: "请求缺少 AppID",
    41004: "请求缺少 AppSecret",
    40164: "服务器出口 IP 不在小程序后台的 IP 白名单中",
    40243: "AppSecret 已被冻结，请在小程序后台解冻",
    48001: "小程序没有此接口的权限",
    89503: "此次调用须管理员在微信中确认",
    41001: "请求缺少 access_token（程序缺陷）",
}

NOT_CONFIGURED = "尚未配置微信小程序"
_RID = re.compile(r"rid: ?([0-9a-f-]{8,40})")


def errcode_of(answer: dict[str, Any]) -> int | None:
    """The answer's errcode; 0 where it is left out (as on most successes), None where it is no number."""
    code = answer.get("errcode", SUCCESS)
    try:
        return int(code)
    except (TypeError, ValueError):
        return None


def rid_of(answer: dict[str, Any]) -> str:
    """WeChat's request id, which its support asks for; "-" without one. Nothing else of errmsg is ever logged."""
    found = _RID.search(str(answer.get("errmsg", "")))
    return found.group(1) if found else "-"


def unavailable(detail: str | None = None) -> Unavailable:
    """503 `wechat_unavailable`: WeChat cannot be reached, or does not let us in."""
    return Unavailable(detail or "暂时无法连接微信，请稍后再试。", code="wechat_unavailable")


def too_many(errcode: int) -> TooMany:
    """429: for the rest of the minute (45011), or of the Shanghai day (45009)."""
    wait = timedelta(minutes=1)
    if errcode == QUOTA_SPENT:
        wait = clock.at(clock.today() + timedelta(days=1)) - clock.now()
    return TooMany("微信接口调用过于频繁，请稍后再试。", code="wechat_busy", retry_after=max(1, int(wait.total_seconds())))


def login_again() -> Unauthorised:
    """401 `login_again`: the client calls wx.login once more and comes back with a new code."""
    return Unauthorised("登录凭证已失效，请重新登录。", code="login_again")


def phone_code_refused() -> BadRequest:
    """400 `phone_code_refused`: the person presses the phone button once more. Not a 401: a new wx.login would not help."""
    return BadRequest("手机号授权已失效，请重新点击“获取手机号”。", code="phone_code_refused")


def login_refusal(errcode: int) -> DakaError | None:
    """What a refused wx.login code means to the caller; None: not the caller's affair."""
    if errcode in CODE_SPENT:
        return login_again()
    if errcode == USER_BLOCKED:
        return Forbidden("微信已限制此账号登录。", code="wechat_user_blocked")
    return None


def phone_refusal(errcode: int) -> DakaError | None:
    """What a refused code of the phone button means to the caller; None: not the caller's affair."""
    if errcode in CODE_SPENT or errcode == OPENID_UNKNOWN:
        return phone_code_refused()
    return None
