"""Entering: by scanning a mini-program code, or by a one-time link; and signing out."""

from __future__ import annotations

import base64

from sanic import Blueprint
from sanic.response import HTTPResponse

from backend import auth, console_links, console_scans, guesses, sessions
from backend.console_entry import Entry
from backend.kernel import clock, security
from backend.kernel.errors import Conflict, Invalid, TooMany, Unavailable
from console.http import ENTRY, PREFIX, PUBLIC, SESSION, SIGNED_IN, Visit, csrf_of, drop, go, keep, page, render

blueprint = Blueprint("console_signin")
ENTER = f"{PREFIX}/enter"
LONGEST_TOKEN = 100
# What opens on the phone; the scene says that it is about the console.
SCAN_PAGE = "pages/today/today"


@page(blueprint, "GET", "/enter", who=PUBLIC)
async def enter(visit: Visit) -> HTTPResponse:
    """With a link's token a button and nothing else: a chat that fetches the link for a preview must not use it up. Else the code."""
    entry = security.new_token()
    if token := visit.asked("token")[:LONGEST_TOKEN]:
        response = render("signin/enter.html", link=token, entry_csrf=csrf_of(entry))
    else:
        shown_at = int(clock.now().timestamp())
        image, fault = await _image(visit, console_scans.code_for(entry, shown_at=shown_at))
        response = render("signin/scan.html", image=image, fault=fault, shown_at=shown_at, entry_csrf=csrf_of(entry))
    keep(response, ENTRY, entry, until=clock.now() + console_links.LIFETIME, path=ENTER)
    return response


async def _image(visit: Visit, code: str) -> tuple[str, str]:
    """(the mini-program code as a data address, "") or ("", why there is none): the link is there in that case."""
    try:
        await guesses.count_visit("code_image", visit.request.ctx.address)
        found = await visit.request.app.ctx.wechat.mini_program_code(code, SCAN_PAGE)
    except (TooMany, Unavailable) as error:
        return "", error.detail
    return f"data:{found.media_type};base64,{base64.b64encode(found.content).decode()}", ""


@page(blueprint, "POST", "/enter", who=PUBLIC)
async def redeem(visit: Visit) -> HTTPResponse:
    return _let_in(await console_links.redeem(visit.filled("token"), device=device(visit)), go)


@page(blueprint, "POST", "/enter/scan", who=PUBLIC)
async def scanned(visit: Visit) -> HTTPResponse:
    """Asked again and again by the page with the code: 204 until somebody has confirmed it."""
    shown_at = visit.filled("at")
    if not (shown_at.isdigit() and len(shown_at) <= 10):
        raise Invalid()
    try:
        entry = await console_scans.redeem(visit.token, shown_at=int(shown_at), device=device(visit))
    except Conflict as error:
        return render("signin/expired.html", error=error)
    if entry is None:
        return HTTPResponse(status=204, headers={"Cache-Control": "no-store"})
    return _let_in(entry, _go_by_htmx if visit.is_fragment else go)


def _go_by_htmx(path: str) -> HTTPResponse:
    return HTTPResponse("", headers={"HX-Redirect": PREFIX + path, "Cache-Control": "no-store"})


def _let_in(entry: Entry, leave: object) -> HTTPResponse:
    response = leave("/second-factor" if entry.is_half else "/")
    keep(response, SESSION, entry.token, until=entry.until)
    drop(response, ENTRY, path=ENTER)
    return response


def device(visit: Visit) -> str:
    """What the browser's machine is called in the list of one's own sessions."""
    return auth.device_in(visit.request.headers.get("user-agent") or "")


@page(blueprint, "POST", "/sign-out", who=SIGNED_IN)
async def sign_out(visit: Visit) -> HTTPResponse:
    await sessions.end(visit.actor.session_id)
    response = render("signin/out.html")
    drop(response, SESSION)
    return response
