"""Prometheus figures of this process; every name and label is fixed, so that nothing personal can get in."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

registry = CollectorRegistry()
requests = Counter("daka_requests_total", "请求数", ["method", "route", "status"], registry=registry)
seconds = Histogram(
    "daka_request_seconds",
    "请求用时（秒）",
    ["route"],
    registry=registry,
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)


METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


def observe(method: str, route: str, status: int, taken: float) -> None:
    """Counts one request that took `taken` seconds."""
    requests.labels(method if method in METHODS else "other", route, str(status)).inc()
    seconds.labels(route).observe(taken)


def text() -> bytes:
    return generate_latest(registry)
