"""What WeChat answers, or fails to answer, and what that means for us: the rows of the retry table.

Source: each endpoint's error table on developers.weixin.qq.com, and codes seen in the field. docs/decisions/0013 says what each row does.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from backend.kernel import clock, metrics_wechat
from backend.kernel.errors import BadRequest, DakaError, Forbidden, TooMany, Unauthorised, Unavailable

log = logging.getLogger(__name__)


class Kind(StrEnum):
    """One try's result. The words are labels in the metrics too, so that none of them can ever carry a secret."""

    OK = "ok"
    BUSY = "busy"  # -1: nothing was done, WeChat asks to try again a little later
    TOKEN = "token"  # the access token is wrong, malformed, expired
    CODE = "code"  # a one-time code is unknown, older than 5 minutes, or used
    RATE = "rate"
    USER = "user"  # the state of this one person; final
    CONTENT = "content"  # what we sent is wrong: a defect or a setting
    CREDENTIALS = "credentials"  # only the operator can cure it
    OTHER = "other"  # a code of which we know nothing
    NOT_SENT = "not_sent"  # refused, unresolved, no TLS: WeChat has seen nothing
    LOST = "lost"  # sent, perhaps; no answer came
    SERVER_ERROR = "server_error"  # HTTP 5xx
    GARBAGE = "garbage"  # an answer, but not one of WeChat's
    CANCELLED = "cancelled"  # our own caller hung up meanwhile


OPENID_UNKNOWN, USER_BLOCKED, NO_GRANT, NO_RECENT_VISIT = 40003, 40226, 43101, 61010
TOO_OFTEN, QUOTA_SPENT = 45011, 45009  # for this minute, for this day

KINDS: dict[int, Kind] = {
    0: Kind.OK,
    -1: Kind.BUSY,
    **dict.fromkeys((40001, 40014, 42001), Kind.TOKEN),
    **dict.fromkeys((40029, 40163), Kind.CODE),
    **dict.fromkeys((TOO_OFTEN, QUOTA_SPENT), Kind.RATE),
    **dict.fromkeys((USER_BLOCKED, NO_GRANT, NO_RECENT_VISIT, OPENID_UNKNOWN, 43104), Kind.USER),
    # 41001: the token is missing altogether; 43107, 43108, 45168: reported for messages, never explained, so final and looked at.
    **dict.fromkeys((47001, 47003, 41030, 40037, 40129, 40169, 44002, 43002, 43302, 41001), Kind.CONTENT),
    **dict.fromkeys((40002, 41008, 43001, 43107, 43108, 45168), Kind.CONTENT),
    **dict.fromkeys((40013, 40125, 41002, 41004, 40164, 40243, 48001, 89503), Kind.CREDENTIALS),
}

# Tried again, within the bounds; nothing else is.
TRANSIENT = frozenset((Kind.BUSY, Kind.NOT_SENT, Kind.LOST, Kind.SERVER_ERROR))
# WeChat has certainly done nothing: even a one-time code may be sent again.
UNTOUCHED = frozenset((Kind.BUSY, Kind.NOT_SENT))

# What the operator reads beside the alarm.
CURES = {
    40001: "AppSecret 不正确",  # so the token's own endpoint
    40013: "AppID 不正确",
    40125: "AppSecret 不正确",
    41002: "请求缺少 AppID",
    41004: "请求缺少 AppSecret",
    40164: "服务器出口 IP 不在小程序后台的 IP 白名单中",
    40243: "AppSecret 已被冻结，请在小程序后台解冻",
    48001: "小程序没有此接口的权限",
    89503: "此次调用须管理员在微信中确认",
    41001: "请求缺少 access_token（程序缺陷）",
    40037: "订阅消息模板编号不正确",
    41030: "页面不在已发布的小程序版本中",
    47003: "订阅消息模板的参数不合要求",
}

NOT_CONFIGURED = "尚未配置微信小程序"
RETRY_AFTER_S = 5
_RID = re.compile(r"rid: ?([0-9a-f-]{8,40})")


@dataclass(frozen=True, slots=True)
class Answer:
    """One try's outcome: `fields` is WeChat's JSON where there is any, `image` the bytes where it answered with a picture."""

    kind: Kind
    fields: dict[str, Any] = field(default_factory=dict, repr=False)
    image: bytes = field(default=b"", repr=False)

    @property
    def errcode(self) -> int | None:
        return errcode_of(self.fields)

    @property
    def rid(self) -> str:
        """WeChat's request id, which its support asks for; "-" without one. Nothing else of errmsg is ever logged."""
        found = _RID.search(str(self.fields.get("errmsg", "")))
        return found.group(1) if found else "-"


def understood(fields: dict[str, Any]) -> Answer:
    """The answer that this JSON is; a code that is no number is garbage."""
    errcode = errcode_of(fields)
    return Answer(Kind.GARBAGE if errcode is None else KINDS.get(errcode, Kind.OTHER), fields)


def errcode_of(fields: dict[str, Any]) -> int | None:
    """0 where errcode is left out (as on most successes), None where it is no number."""
    code = fields.get("errcode", 0)
    try:
        return int(code)
    except (TypeError, ValueError, OverflowError):
        return None


class OutcomeUnknown(Unavailable):
    """503 as every other failure; but WeChat may have done what was asked, only its answer is missing."""


def unavailable(detail: str | None = None, *, retry_after: int = RETRY_AFTER_S) -> Unavailable:
    """503 `wechat_unavailable`: WeChat cannot be reached, or does not let us in; it has done nothing."""
    return Unavailable(detail or "暂时无法连接微信，请稍后再试。", code="wechat_unavailable", retry_after=retry_after)


def outcome_unknown() -> OutcomeUnknown:
    return OutcomeUnknown(unavailable().detail, code="wechat_unavailable", retry_after=RETRY_AFTER_S)


def too_many(*, whole_day: bool) -> TooMany:
    """429 until the next minute begins, or the next Shanghai day: WeChat counts by the clock."""
    now = clock.shanghai(clock.now())
    if whole_day:
        wait = (clock.at(clock.today() + timedelta(days=1)) - now).total_seconds()
    else:
        wait = 60 - now.second
    return TooMany("微信接口调用过于频繁，请稍后再试。", code="wechat_busy", retry_after=max(1, int(wait)))


def login_again() -> Unauthorised:
    """401 `login_again`: the client calls wx.login once more and comes back with a new code."""
    return Unauthorised("登录凭证已失效，请重新登录。", code="login_again")


def phone_code_refused() -> BadRequest:
    """400 `phone_code_refused`: the person presses the phone button once more. Not a 401: a new wx.login would not help."""
    return BadRequest("手机号授权已失效，请重新点击“获取手机号”。", code="phone_code_refused")


def login_refusal(answer: Answer) -> DakaError | None:
    """What a refused wx.login code means to the caller; None: not the caller's affair."""
    if answer.kind is Kind.CODE:
        return login_again()
    if answer.errcode == USER_BLOCKED:
        return Forbidden("微信已限制此账号登录。", code="wechat_user_blocked")
    return None


def phone_refusal(answer: Answer) -> DakaError | None:
    """What a refused code of the phone button means to the caller; None: not the caller's affair."""
    return phone_code_refused() if answer.kind is Kind.CODE or answer.errcode == OPENID_UNKNOWN else None


def demand_ok(
    answer: Answer, endpoint: str, refusal: Callable[[Answer], DakaError | None] | None = None, *, whole_day: bool = True
) -> dict[str, Any]:
    """The fields of a success. Raises what `refusal` makes of anything else, TooMany, or Unavailable after an alarm.

    `whole_day`: whether 45009 speaks of the day, as it does nearly everywhere.
    """
    if answer.kind is Kind.OK:
        return answer.fields
    known = refusal(answer) if refusal else None
    if known:
        log.info("wechat %s: errcode %s, rid %s", endpoint, answer.errcode, answer.rid)
        raise known
    if answer.kind is Kind.RATE:
        log.warning("wechat %s: errcode %s, rid %s", endpoint, answer.errcode, answer.rid)
        raise too_many(whole_day=whole_day and answer.errcode == QUOTA_SPENT)
    if answer.kind is not Kind.CREDENTIALS:  # of those the alarm is raised where the circuit opens
        alarm(answer, endpoint)
    raise unavailable()


def alarm(answer: Answer, endpoint: str) -> None:
    """Tells the operator, in the log and in the metrics, that somebody must act."""
    metrics_wechat.wechat_alarm(endpoint, answer.kind)
    cure = "换了新的访问令牌仍被拒绝" if answer.kind is Kind.TOKEN else CURES.get(answer.errcode or 0, "未预期的错误码")
    log.error("wechat alarm: %s: errcode %s (%s), rid %s", endpoint, answer.errcode, cure, answer.rid)


def not_understood(endpoint: str) -> Unavailable:
    """For an answer of the right form that lacks what it should hold. Logs it, and nothing of its content."""
    log.error("wechat %s: an answer without the expected fields", endpoint)
    return unavailable()
