"""The figures of calls to WeChat: labels are words written down here, so that no secret becomes one. See backend/kernel/metrics.py."""

from __future__ import annotations

from collections.abc import Iterable

from backend.kernel.metrics import counter, gauge, histogram

WECHAT_ENDPOINTS = (
    "/sns/jscode2session",
    "/cgi-bin/stable_token",
    "/wxa/business/getuserphonenumber",
    "/wxa/msg_sec_check",
    "/cgi-bin/message/subscribe/send",
    "/wxa/getwxacodeunlimit",
)
WECHAT_RESULTS = (
    *("ok", "busy", "token", "code", "rate", "user", "content", "credentials", "other"),
    *("not_sent", "lost", "server_error", "garbage", "cancelled"),
)

wechat_calls = counter("daka_wechat_calls_total", "对微信的每一次请求（含重试），按接口与结果", "endpoint", "result")
wechat_seconds = histogram("daka_wechat_seconds", "对微信的一次请求用时（秒）", "endpoint", buckets=(0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 3))
wechat_refusals = counter("daka_wechat_refused_total", "没有向微信发出的调用：circuit 熔断中，crowd 在途过多", "endpoint", "reason")
wechat_circuits = gauge("daka_wechat_circuit_open", "1：该接口已熔断，至下一次试探成功为止", "endpoint", over_workers="livemax")
wechat_alarms = counter("daka_wechat_alarms_total", "须有人处理的微信故障，按接口与类别", "endpoint", "kind")
wechat_tokens = counter("daka_wechat_tokens_total", "换上新访问令牌的次数，按来源（wechat、redis）", "source")


def wechat_call(endpoint: str, result: str, taken: float) -> None:
    """Counts one request to WeChat, each try on its own: `endpoint` is the path without query, `result` a word of WECHAT_RESULTS."""
    wechat_calls.labels(_one_of(WECHAT_ENDPOINTS, endpoint), _one_of(WECHAT_RESULTS, result)).inc()
    wechat_seconds.labels(_one_of(WECHAT_ENDPOINTS, endpoint)).observe(taken)


def wechat_refused(endpoint: str, reason: str) -> None:
    """Counts a call that was not sent: `circuit` (open) or `crowd` (too many under way)."""
    wechat_refusals.labels(_one_of(WECHAT_ENDPOINTS, endpoint), _one_of(("circuit", "crowd"), reason)).inc()


def wechat_circuit(endpoint: str, *, is_open: bool) -> None:
    """Shows whether the circuit of an endpoint has opened and not been closed by a probe since."""
    wechat_circuits.labels(_one_of(WECHAT_ENDPOINTS, endpoint)).set(int(is_open))


def wechat_alarm(endpoint: str, kind: str) -> None:
    """Counts something that only a person can put right: a word of WECHAT_RESULTS, or `circuit`."""
    wechat_alarms.labels(_one_of(WECHAT_ENDPOINTS, endpoint), _one_of((*WECHAT_RESULTS, "circuit"), kind)).inc()


def wechat_token(source: str) -> None:
    """Counts an access token taken into use: from `wechat`, or from `redis`, where another process had put it."""
    wechat_tokens.labels(_one_of(("wechat", "redis"), source)).inc()


def _one_of(words: Iterable[str], word: str) -> str:
    """A label is one of the words written down here: whatever else might come along, no secret becomes one."""
    return str(word) if word in words else "unlisted"
