"""One's own way into the console: where one is signed in, the second factor, and its recovery codes."""

from __future__ import annotations

from sanic import Blueprint
from sanic.response import HTTPResponse

from backend import auth, console_entry, second_factors
from backend.kernel.errors import Invalid
from console.http import HALF, SESSION, SIGNED_IN, Visit, go, keep, page, render
from console.signin import device

blueprint = Blueprint("console_account")
# More sessions than anybody has; the oldest are shown.
MOST_SESSIONS = 100


@page(blueprint, "GET", "/account", who=SIGNED_IN)
async def account(visit: Visit) -> HTTPResponse:
    found = await auth.own_sessions(visit.actor, after=0, limit=MOST_SESSIONS)
    return render("account/account.html", visit, sessions=found, factor=await second_factors.state(visit.actor))


@page(blueprint, "POST", "/account/sessions/<session_id:int>/end", who=SIGNED_IN)
async def end_session(visit: Visit, session_id: int) -> HTTPResponse:
    await auth.end_session(visit.actor, session_id=session_id)
    return go("/account", visit, notice="已结束这个登录。")


@page(blueprint, "POST", "/account/sessions/end-others", who=SIGNED_IN)
async def end_others(visit: Visit) -> HTTPResponse:
    await auth.end_other_sessions(visit.actor)
    return go("/account", visit, notice="其他登录都已结束。")


# --- the second factor, of one's own will ---------------------------------------------------------------------------


@page(blueprint, "GET", "/account/second-factor", who=SIGNED_IN)
async def second_factor(visit: Visit) -> HTTPResponse:
    factor = await second_factors.state(visit.actor)
    return render("account/change.html", visit, factor=factor, error="") if factor.in_force else await _set_up(visit)


@page(blueprint, "POST", "/account/second-factor", who=SIGNED_IN)
async def add_second_factor(visit: Visit) -> HTTPResponse:
    try:
        codes = await second_factors.confirm(visit.actor, code=visit.filled("code"))
    except Invalid as error:
        return await _set_up(visit, error=error.detail)
    return render("account/codes.html", visit, codes=codes)


@page(blueprint, "POST", "/account/second-factor/remove", who=SIGNED_IN)
async def remove_second_factor(visit: Visit) -> HTTPResponse:
    try:
        await second_factors.remove(visit.actor, code=visit.filled("code"), address=visit.request.ctx.address)
    except Invalid as error:
        return await _change(visit, error.detail)
    return go("/account", visit, notice="动态口令已停用。")


@page(blueprint, "POST", "/account/second-factor/codes", who=SIGNED_IN)
async def renew_codes(visit: Visit) -> HTTPResponse:
    try:
        codes = await second_factors.renew_codes(visit.actor, code=visit.filled("code"), address=visit.request.ctx.address)
    except Invalid as error:
        return await _change(visit, error.detail)
    return render("account/codes.html", visit, codes=codes)


async def _change(visit: Visit, error: str) -> HTTPResponse:
    return render("account/change.html", visit, status=422, factor=await second_factors.state(visit.actor), error=error)


async def _set_up(visit: Visit, *, action: str = "/account/second-factor", error: str = "") -> HTTPResponse:
    import segno

    address, secret = await second_factors.begin(visit.actor)
    picture = segno.make(address, error="m", micro=False).png_data_uri(scale=5, border=4)
    shown = {"action": action, "picture": picture, "secret": secret, "error": error}
    return render("account/set-up.html", visit, status=422 if error else 200, **shown)


# --- the second step of entering ------------------------------------------------------------------------------------


@page(blueprint, "GET", "/second-factor", who=HALF)
async def ask(visit: Visit) -> HTTPResponse:
    """Asks for the code; of somebody who is obliged to have a factor and has none, that one is set up."""
    factor = await second_factors.state(visit.actor)
    return render("account/ask.html", visit, error="") if factor.in_force else await _set_up(visit, action="/second-factor/set-up")


@page(blueprint, "POST", "/second-factor", who=HALF)
async def answer(visit: Visit) -> HTTPResponse:
    try:
        code, address = visit.filled("code"), visit.request.ctx.address
        entry = await console_entry.complete(visit.actor, code=code, address=address, device=device(visit))
    except Invalid as error:
        return render("account/ask.html", visit, status=422, error=error.detail)
    response = go("/")
    keep(response, SESSION, entry.token, until=entry.until)
    return response


@page(blueprint, "POST", "/second-factor/set-up", who=HALF)
async def set_up_at_entry(visit: Visit) -> HTTPResponse:
    try:
        codes = await second_factors.confirm(visit.actor, code=visit.filled("code"))
    except Invalid as error:
        return await _set_up(visit, action="/second-factor/set-up", error=error.detail)
    entry = await console_entry.whole(visit.actor, device=device(visit))
    response = render("account/codes.html", Visit(visit.request, visit.actor, entry.token), codes=codes)
    keep(response, SESSION, entry.token, until=entry.until)
    return response
