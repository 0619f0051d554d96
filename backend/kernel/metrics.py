"""Prometheus figures of this process; every name and label is fixed, so that nothing personal can get in."""

from __future__ import annotations

import functools

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
check_ins = Counter("daka_check_ins_total", "打卡请求，按结果", ["outcome"], registry=registry)

batch_size = Histogram("daka_check_in_batch_size", "一批写入的打卡数", registry=registry, buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 500))
waiting = Gauge("daka_check_ins_waiting", "等待写入的打卡数", registry=registry)

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
    """Counts one request to WeChat, each try on its own: `endpoint` is the path without query, `result` a fixed word."""
    wechat_calls.labels(endpoint, result).inc()
    wechat_seconds.labels(endpoint).observe(taken)


def text() -> bytes:
    return generate_latest(registry)
