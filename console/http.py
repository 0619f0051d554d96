"""One page = one declaration: who may see it, and for a write the CSRF token. The session is a cookie, never a bearer token.

Every page of the console is in PAGES, so that tests can hold the whole list against the roles. How a page is added: CONTRIBUTING.md.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from backend import sessions
from backend.kernel import access, clock, security, settings
from backend.kernel.access import Actor
from backend.kernel.errors import Forbidden, NotFound, Unauthorised
from console import navigation, notices, words

PREFIX = "/console"
SESSION, ENTRY = "daka_console", "daka_console_entry"
# `half`: who has entered but for the second factor, and nobody else.
PUBLIC, SIGNED_IN, HALF = "public", "signed_in", "half"
PAGE, PART, FILE, STREAM = "page", "part", "file", "stream"
MAX_ID = 2**63 - 1
CSRF_HEADER = "X-CSRF"
# No inline script or style, no address but our own; the console is stricter than api/requests.py, which fills in the rest.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {"Cache-Control": "no-store", "Content-Security-Policy": POLICY}
NOTICE_KEPT = timedelta(minutes=5)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HERE = Path(__file__).parent

templates = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
templates.globals.update(words=words)
templates.filters.update(percent=words.percent, number=words.number, day=words.day, moment=words.moment)


@dataclass(slots=True)
class Visit:
    """What a page's handler gets: the actor (None on a public page), the session token in the cookie ("" without one), and the day."""

    request: Request
    actor: Actor | None
    token: str = ""
    today: date = field(default_factory=clock.today)

    @property
    def path(self) -> str:
        """The page's path below /console."""
        return self.request.path.removeprefix(PREFIX) or "/"

    @property
    def is_fragment(self) -> bool:
        """True when htmx asks for a part of a page."""
        return self.request.headers.get("hx-request") == "true"

    def asked(self, name: str) -> str:
        """A parameter of the address, without blanks around it; "" where it is not given."""
        return _storable(self.request.args.get(name) or "").strip()

    def filled(self, name: str) -> str:
        """A field of the form, without blanks around it; "" where it is not given."""
        return _storable((self.request.form.get(name) if self.request.form else None) or "").strip()

    def ticked(self, name: str) -> list[str]:
        """Every value of a field that may be given more than once."""
        return [_storable(text) for text in self.request.form.getlist(name) or []] if self.request.form else []


def _storable(text: str) -> str:
    """`text` without what no database stores and nobody types: NUL, and halves of characters."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


@dataclass(frozen=True, slots=True)
class Page:
    """`who`: public, signed_in, half or a capability of kernel.access; `gives`: a whole page, a part of one, a file or a stream."""

    method: str
    path: str
    who: str
    gives: str
    handler: Callable[..., Awaitable[HTTPResponse]]


PAGES: list[Page] = []


def page(
    blueprint: Blueprint, method: str, path: str, *, who: str, gives: str = PAGE, quiet: bool = False
) -> Callable[[Callable[..., Awaitable[HTTPResponse]]], Any]:
    """Declares a handler(visit, **what the path holds) under /console.

    A POST is let through with the token of `csrf_of` in its field `csrf` or in the header X-CSRF (htmx), else Forbidden.
    `quiet`: a page asks for it by itself, which keeps no idle session alive.
    """

    def declare(handler: Callable[..., Awaitable[HTTPResponse]]) -> Callable[..., Awaitable[HTTPResponse]]:
        PAGES.append(Page(method, PREFIX + path, who, gives, handler))

        async def serve(request: Request, **held: Any) -> HTTPResponse | None:
            visit = await visitor(request, who, quiet=quiet)
            if any(isinstance(value, int) and not 0 <= value <= MAX_ID for value in held.values()):
                raise NotFound()
            if method == "POST":
                refuse_forged(request, visit.token)
            return await handler(visit, **held)

        blueprint.add_route(serve, path, methods=[method], name=handler.__name__)
        return serve

    return declare


async def visitor(request: Request, who: str, *, quiet: bool = False) -> Visit:
    """Whoever the cookie stands for, let through for `who`. Raises Unauthorised or Forbidden."""
    if who == PUBLIC:
        return Visit(request, None, request.cookies.get(ENTRY) or "")
    token = request.cookies.get(SESSION) or ""
    if not token:
        raise Unauthorised("您还没有进入控制台。", code="no_session")
    actor = await sessions.actor_of(token, kind=HALF if who == HALF else "console", request_id=request.ctx.request_id, quiet=quiet)
    request.ctx.member_id = actor.member_id
    if who not in (SIGNED_IN, HALF):
        access.require(actor, who)
    request.ctx.visit = Visit(request, actor, token)
    return request.ctx.visit


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


def leads(actor: Actor, path: str) -> bool:
    """Whether there is such a page (its pattern below /console) and this actor may open it: where a link would lead somewhere."""
    return any(
        each.path == PREFIX + path and (each.who in (PUBLIC, SIGNED_IN) or actor.has(each.who)) for each in PAGES if each.who != HALF
    )


templates.globals.update(leads=leads)

# --- replies ----------------------------------------------------------------------------------------------------------


def render(template: str, visit: Visit | None = None, *, status: int = 200, **shown: Any) -> HTTPResponse:
    """A page, or a part of one for htmx; every value is escaped.

    Templates get `actor` (None for a stranger), `is_in` (signed in altogether), `csrf`, `today`, `navigation`, `notice` and what is passed.
    A notice left by `go` is shown by the next whole page and is then gone.
    """
    token = visit.token if visit else ""
    actor = visit.actor if visit else None
    is_in = actor is not None and actor.kind == "console"
    left = visit.request.cookies.get(notices.COOKIE) if actor and not visit.is_fragment else None
    text = templates.get_template(template).render(
        actor=actor,
        is_in=is_in,
        csrf=csrf_of(token) if token else "",
        today=visit.today if visit else clock.today(),
        navigation=navigation.links(actor, visit.path) if is_in else [],
        notice=notices.opened(left, token) if left else "",
        **shown,
    )
    response = HTTPResponse(text, status=status, content_type="text/html; charset=utf-8", headers=HEADERS)
    if left:
        drop(response, notices.COOKIE)
    return response


def save(content: bytes, filename: str, content_type: str) -> HTTPResponse:
    """A file to save under `filename` (ASCII)."""
    headers = {"Content-Disposition": f'attachment; filename="{filename}"', "Cache-Control": "no-store"}
    return HTTPResponse(content, content_type=content_type, headers=headers)


def go(path: str, visit: Visit | None = None, *, notice: str = "") -> HTTPResponse:
    """After a write: see another page of the console, which shows `notice` (a sentence, at most 500 characters) once."""
    response = HTTPResponse(status=303, headers={"Location": PREFIX + path, "Cache-Control": "no-store"})
    if notice and visit:
        keep(response, notices.COOKIE, notices.sealed(notice, visit.token), until=clock.now() + NOTICE_KEPT)
    return response


def keep(response: HTTPResponse, name: str, token: str, *, until: datetime, path: str = PREFIX) -> None:
    """Sets a cookie that no script reads and no other site's page sends."""
    _set(response, name, token, path=path, seconds=max(0, int((until - clock.now()).total_seconds())))


def drop(response: HTTPResponse, name: str, *, path: str = PREFIX) -> None:
    """Takes a cookie away."""
    _set(response, name, "", path=path, seconds=0)


def _set(response: HTTPResponse, name: str, token: str, *, path: str, seconds: int) -> None:
    secure = settings.current().production
    response.add_cookie(name, token, path=path, max_age=seconds, httponly=True, samesite="Strict", secure=secure)
