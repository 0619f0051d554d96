"""Prometheus figures of this process; every name and label is fixed, so that nothing personal can get in."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

registry = CollectorRegistry()
requests = Counter("daka_requests_total", "请求数", ["method", "route", "status"], registry=registry)
seconds = Histogram(
    "daka_request_seconds",
    "请求用时（秒）",
    ["route"],
    registry=registry,
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)


wechat_calls = Counter("daka_wechat_calls_total", "对微信的每一次请求（含重试），按接口与结果", ["endpoint", "result"], registry=registry)
wechat_seconds = Histogram(
    "daka_wechat_seconds",
    "对微信的一次请求用时（秒）",
    ["endpoint"],
    registry=registry,
    buckets=(0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 3),
)
wechat_refusals = Counter(
    "daka_wechat_refused_total",
    "没有向微信发出的调用：circuit 熔断中，crowd 在途过多",
    ["endpoint", "reason"],
    registry=registry,
)
wechat_circuits = Gauge("daka_wechat_circuit_open", "1：该接口已熔断，至下一次试探成功为止", ["endpoint"], registry=registry)
wechat_alarms = Counter("daka_wechat_alarms_total", "须有人处理的微信故障，按接口与类别", ["endpoint", "kind"], registry=registry)
wechat_tokens = Counter("daka_wechat_tokens_total", "换上新访问令牌的次数，按来源（wechat、redis）", ["source"], registry=registry)
check_ins = Counter("daka_check_ins_total", "打卡请求，按结果", ["outcome"], registry=registry)

batch_size = Histogram("daka_check_in_batch_size", "一批写入的打卡数", registry=registry, buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 500))
waiting = Gauge("daka_check_ins_waiting", "等待写入的打卡数", registry=registry)

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
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


def observe(method: str, route: str, status: int, taken: float) -> None:
    """Counts one request that took `taken` seconds."""
    _counted(method if method in METHODS else "other", route, status).inc()
    _timed(route).observe(taken)


# The labelled children are kept: finding one takes longer than counting.
@functools.cache
def _counted(method: str, route: str, status: int) -> Counter:
    return requests.labels(method, route, str(status))


@functools.cache
def _timed(route: str) -> Histogram:
    return seconds.labels(route)


def check_in_batch(size: int, left: int) -> None:
    """One batch of check-ins is being written while `left` wait."""
    batch_size.observe(size)
    waiting.set(left)


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


def text() -> bytes:
    return generate_latest(registry)
