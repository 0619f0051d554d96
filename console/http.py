"""One page = one declaration: who may see it, and for a write the CSRF token. The session is a cookie, never a bearer token.

Every page of the console is in PAGES, so that tests can hold the whole list against the roles.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from backend import sessions
from backend.kernel import access, clock, security, settings
from backend.kernel.access import Actor
from backend.kernel.errors import Forbidden, Unauthorised
from console import words

PREFIX = "/console"
SESSION, ENTRY = "daka_console", "daka_console_entry"
PUBLIC, SIGNED_IN = "public", "signed_in"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HERE = Path(__file__).parent

templates = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
templates.filters.update(percent=words.percent, number=words.number, day=words.day)


@dataclass(slots=True)
class Visit:
    """What a page's handler gets: the actor (None on a public page), the session token in the cookie ("" without one), and the day."""

    request: Request
    actor: Actor | None
    token: str = ""
    today: date = field(default_factory=clock.today)


@dataclass(frozen=True, slots=True)
class Page:
    """`who`: public, signed_in or a capability of kernel.access."""

    method: str
    path: str
    who: str
    handler: Callable[..., Awaitable[HTTPResponse]]


PAGES: list[Page] = []


def page(blueprint: Blueprint, method: str, path: str, *, who: str) -> Callable[[Callable[[Visit], Awaitable[HTTPResponse]]], Any]:
    """Declares a handler under /console. A POST is let through with the token of `csrf_of` in its field `csrf`, else Forbidden."""

    def declare(handler: Callable[[Visit], Awaitable[HTTPResponse]]) -> Callable[[Request], Awaitable[HTTPResponse]]:
        PAGES.append(Page(method, PREFIX + path, who, handler))

        async def serve(request: Request) -> HTTPResponse:
            visit = await visitor(request, who)
            if method == "POST":
                refuse_forged(request, visit.token)
            return await handler(visit)

        blueprint.add_route(serve, path, methods=[method], name=handler.__name__)
        return serve

    return declare


async def visitor(request: Request, who: str) -> Visit:
    """Whoever the cookie stands for, let through for `who`. Raises Unauthorised or Forbidden."""
    if who == PUBLIC:
        return Visit(request, None, request.cookies.get(ENTRY) or "")
    token = request.cookies.get(SESSION) or ""
    if not token:
        raise Unauthorised("您还没有进入控制台。", code="no_session")
    actor = await sessions.actor_of(token, kind="console", request_id=request.ctx.request_id)
    request.ctx.member_id = actor.member_id
    if who != SIGNED_IN:
        access.require(actor, who)
    return Visit(request, actor, token)


# --- writes -----------------------------------------------------------------------------------------------------------


def csrf_of(token: str) -> str:
    """What a form carries beside the cookie: a foreign page can send the cookie along, but cannot compute this."""
    return security.keyed_hash(token, purpose="console-csrf")


def refuse_forged(request: Request, token: str) -> None:
    """Raises Forbidden `csrf` unless the form's field fits the cookie."""
    given = (request.form.get("csrf") if request.form else None) or ""
    expected = security.keyed_hashes(token, purpose="console-csrf") if token else []
    if not any(hmac.compare_digest(given.encode("utf-8", "surrogatepass"), one.encode()) for one in expected):
        raise Forbidden("页面已失效，请返回刷新后再试。", code="csrf")


# --- replies ----------------------------------------------------------------------------------------------------------


def render(template: str, visit: Visit | None = None, *, status: int = 200, **shown: Any) -> HTTPResponse:
    """A page. Templates get `actor` (None for a stranger), `csrf`, `today` and what is passed; every value is escaped."""
    token = visit.token if visit else ""
    text = templates.get_template(template).render(
        actor=visit.actor if visit else None, csrf=csrf_of(token) if token else "", today=visit.today if visit else clock.today(), **shown
    )
    return HTTPResponse(text, status=status, content_type="text/html; charset=utf-8", headers={"Cache-Control": "no-store"})


def save(content: bytes, filename: str, content_type: str) -> HTTPResponse:
    """A file to save under `filename` (ASCII)."""
    headers = {"Content-Disposition": f'attachment; filename="{filename}"', "Cache-Control": "no-store"}
    return HTTPResponse(content, content_type=content_type, headers=headers)


def go(path: str) -> HTTPResponse:
    """After a write: see another page of the console."""
    return HTTPResponse(status=303, headers={"Location": PREFIX + path, "Cache-Control": "no-store"})


def keep(response: HTTPResponse, name: str, token: str, *, until: datetime, path: str = PREFIX) -> None:
    """Sets a cookie that no script reads and no other site's page sends."""
    _set(response, name, token, path=path, seconds=max(0, int((until - clock.now()).total_seconds())))


def drop(response: HTTPResponse, name: str, *, path: str = PREFIX) -> None:
    """Takes a cookie away."""
    _set(response, name, "", path=path, seconds=0)


def _set(response: HTTPResponse, name: str, token: str, *, path: str, seconds: int) -> None:
    secure = settings.current().production
    response.add_cookie(name, token, path=path, max_age=seconds, httponly=True, samesite="Strict", secure=secure)
