"""Door 2, the secretary's pages: every page's blueprint in one list, the style sheet, and errors as a page in Chinese."""

from __future__ import annotations

import structlog
from sanic import Blueprint, Request
from sanic.exceptions import SanicException
from sanic.response import HTTPResponse

from backend.kernel import database, refusals
from backend.kernel.errors import DakaError, NotFound, Unavailable
from console import (
    account,
    audit,
    calendar,
    coverage,
    member,
    members,
    members_import,
    paper,
    plans,
    questions,
    questions_import,
    reminders,
    requests,
    settings,
    signin,
    tasks,
    texts,
    today,
)
from console.http import HERE, PREFIX, render

log = structlog.get_logger()
pages = (
    signin.blueprint,
    account.blueprint,
    today.blueprint,
    reminders.blueprint,
    coverage.blueprint,
    members.blueprint,
    members_import.blueprint,
    member.blueprint,
    paper.blueprint,
    requests.blueprint,
    plans.blueprint,
    tasks.blueprint,
    questions.blueprint,
    questions_import.blueprint,
    texts.blueprint,
    calendar.blueprint,
    audit.blueprint,
    settings.blueprint,
)

rest = Blueprint("console_rest")
rest.static("/static", HERE / "static", name="console_static")
blueprint = Blueprint.group(*pages, rest, url_prefix=PREFIX)


class ServerFault(DakaError):
    status, code, title, detail = 500, "server_error", "服务出错", "服务出错了，我们会尽快处理；请稍后再试。"


async def answer(request: Request, error: Exception) -> HTTPResponse:
    """Every exception of a page ends here, as a page that says what to do next; for htmx as a notice above the page it asked from."""
    shown = NotFound() if _is_no_file(request, error) else _as_daka_error(error)
    request.ctx.code = shown.code
    route = f"/{request.route.path}" if request.route else "unknown"
    refusals.note(shown, route=route, address=getattr(request.ctx, "address", ""), member_id=getattr(request.ctx, "member_id", None))
    template = "fault.html" if request.headers.get("hx-request") == "true" else "error.html"
    visit = getattr(request.ctx, "visit", None) if shown.status != 401 else None
    response = render(template, visit, status=shown.status, error=shown, request_id=getattr(request.ctx, "request_id", ""))
    if template == "fault.html":
        response.headers.update({"HX-Retarget": "#notices", "HX-Reswap": "innerHTML show:window:top"})
    for name, text in shown.headers.items():
        response.headers[name] = text
    return response


# Not as a decorator: a group's gives nothing back, and the service itself answers with it where no route fits.
blueprint.exception(Exception)(answer)


def _is_no_file(request: Request, error: Exception) -> bool:
    """True when the style sheets' folder was asked for a folder, or for a name that no file can have."""
    static = request.route is not None and "__file_uri__" in request.route.path
    return static and isinstance(error, OSError | ValueError)


def _as_daka_error(error: Exception) -> DakaError:
    if isinstance(error, DakaError):
        return error
    if isinstance(error, database.AWAY):
        database.count_error(error)
        log.error("database_away", kind=type(error).__name__)
        return Unavailable(code="database_unavailable", retry_after=3)
    if isinstance(error, SanicException) and error.status_code < 500:
        return NotFound() if error.status_code == 404 else DakaError()
    database.count_error(error)
    log.error("server_error", exc_info=error)
    return ServerFault()
