"""What happens around every request: its id, the caller's address, the log line, the figures and the security headers."""

from __future__ import annotations

import ipaddress
import logging
import re
import secrets
import time

import structlog
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from api import logs
from backend.kernel import metrics
from backend.kernel.settings import Settings

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
# What a browser is told of a page. JSON is no page: it is not sniffed, and that is all there is to say.
PAGE_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
}
log = structlog.get_logger()
JSON = ("application/json", "application/problem+json")


def caller_address(request: Request, settings: Settings) -> str:
    """The peer's address, or the last untrusted one in X-Forwarded-For when the peer is one of TRUSTED_PROXIES.

    A proxy may append to the header or add a line of its own: all lines count. What is no address ends the chain.
    """
    address = request.ip or ""
    if not settings.trusted_proxies:
        return address
    chain = ",".join(request.headers.getall("x-forwarded-for", [])).split(",")
    while chain and _trusted(address, settings):
        if (hop := _plain_address(chain.pop())) is None:
            break
        address = hop
    return address


def _plain_address(text: str) -> str | None:
    """An address without brackets and port, in its one usual form; None for anything else."""
    text = text.strip()
    bare = text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0] if text.count(":") == 1 else text
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return None


def _trusted(address: str, settings: Settings) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in settings.trusted_proxies)


def install(app: Sanic) -> None:
    app.ctx.stopping = False

    @app.before_server_stop
    async def stop_keeping_alive(app: Sanic) -> None:
        app.ctx.stopping = True

    @app.on_request
    async def begin(request: Request) -> None:
        given = request.headers.get("x-request-id") or ""
        request.ctx.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        request.ctx.address = caller_address(request, app.ctx.settings)
        request.ctx.began = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request.ctx.request_id)

    @app.on_response
    async def finish(request: Request, response: HTTPResponse) -> None:
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        if response.content_type not in JSON:
            for name, text in PAGE_HEADERS.items():
                response.headers.setdefault(name, text)
        if app.ctx.settings.production:
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        if app.ctx.stopping:
            # The framework closes idle connections only; one that is answered now would be waited for until its time-out.
            request.stream.keep_alive = False
        if hasattr(request.ctx, "request_id"):
            response.headers.setdefault("X-Request-ID", request.ctx.request_id)
            taken = time.perf_counter() - request.ctx.began
            # The route's pattern, not the path: a path can hold ids.
            route = f"/{request.route.path}" if request.route else "unknown"
            metrics.observe(request.method, route, response.status, taken)
            if logs.threshold <= logging.INFO:  # asked here, since a line that is kept back costs as much as all the rest
                log.info("request", method=request.method, route=route, status=response.status, ms=round(taken * 1000, 1))
