"""Life, readiness and figures, at the root: for the machine's keeper, not for members."""

from __future__ import annotations

import hmac
import ipaddress

from sanic import Blueprint, Request
from sanic.response import HTTPResponse, json

from backend.kernel import database, metrics, vitals
from backend.kernel.errors import NotFound
from backend.kernel.redis import RedisError

blueprint = Blueprint("health")


@blueprint.get("/healthz")
async def healthz(request: Request) -> HTTPResponse:
    """The process lives."""
    return json({"status": "ok"})


@blueprint.get("/readyz")
async def readyz(request: Request) -> HTTPResponse:
    """200 when the database answers; `degraded` names what is slower for now. 503 otherwise."""
    try:
        await database.fetch("SELECT 1 AS one")
    except Exception as error:
        if not isinstance(error, database.AWAY):
            raise
        return json({"status": "unavailable", "degraded": ["database"]}, status=503, headers={"Retry-After": "3"})
    degraded = []
    try:
        await request.app.ctx.redis.ping()
    except (RedisError, OSError):
        degraded.append("redis")
    if request.app.ctx.wechat.degraded:
        degraded.append("wechat")
    return json({"status": "ok", "degraded": degraded})


@blueprint.get("/metrics")
async def figures(request: Request) -> HTTPResponse:
    """Prometheus text of the whole service, by METRICS_TOKEN; without one, to loopback peers that no proxy speaks for."""
    if not _may_read(request):
        raise NotFound()
    vitals.look()
    return HTTPResponse(metrics.text(), content_type="text/plain; version=0.0.4; charset=utf-8")


def _may_read(request: Request) -> bool:
    token = request.app.ctx.settings.metrics_token
    if token:
        given = request.headers.get("authorization") or ""
        return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), f"Bearer {token}".encode())
    forwarded = any(name in request.headers for name in ("x-forwarded-for", "forwarded", "x-real-ip"))
    return not forwarded and ipaddress.ip_address(request.ip).is_loopback
