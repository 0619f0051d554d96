"""Entering by a one-time link, and signing out."""

from __future__ import annotations

from sanic import Blueprint
from sanic.response import HTTPResponse

from backend import auth, console_links, sessions
from backend.kernel import clock, security
from console.http import ENTRY, PREFIX, PUBLIC, SESSION, SIGNED_IN, Visit, csrf_of, drop, go, keep, page, render

blueprint = Blueprint("console_signin")
ENTER = f"{PREFIX}/enter"
LONGEST_TOKEN = 100


@page(blueprint, "GET", "/enter", who=PUBLIC)
async def enter(visit: Visit) -> HTTPResponse:
    """Shows a button and nothing else: a chat that fetches the link for a preview must not use it up."""
    entry = security.new_token()
    token = (visit.request.args.get("token") or "")[:LONGEST_TOKEN]
    response = render("signin/enter.html", link=token, entry_csrf=csrf_of(entry))
    keep(response, ENTRY, entry, until=clock.now() + console_links.LIFETIME, path=ENTER)
    return response


@page(blueprint, "POST", "/enter", who=PUBLIC)
async def redeem(visit: Visit) -> HTTPResponse:
    token = visit.request.form.get("token") or ""
    session_token, until = await console_links.redeem(token, device=auth.device_in(visit.request.headers.get("user-agent") or ""))
    response = go("/")
    keep(response, SESSION, session_token, until=until)
    drop(response, ENTRY, path=ENTER)
    return response


@page(blueprint, "POST", "/sign-out", who=SIGNED_IN)
async def sign_out(visit: Visit) -> HTTPResponse:
    await sessions.end(visit.actor.session_id)
    response = render("signin/out.html")
    drop(response, SESSION)
    return response
