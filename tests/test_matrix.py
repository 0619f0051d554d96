"""Every route for every kind of caller. The expectation is written here by hand; a route without a row fails the suite."""

from __future__ import annotations

import re

import pytest
from door import Door
from people import Cast, Person, add_person, add_plan
from sanic import Sanic

from api.app import create_app
from api.http import ENDPOINTS, PREFIX
from backend import sessions
from backend.kernel import clock
from backend.kernel.settings import Settings
from console.http import PAGES
from models.members import Member

STRANGERS = {"anonymous", "ended", "left"}
BOUND = {"no_consent", "member", "unit_head", "editor", "secretary", "observer", "other_secretary"}
EVERYBODY = STRANGERS | BOUND | {"passer_by"}
SIGNED_IN = BOUND | {"passer_by"}
CONSENTED = BOUND - {"no_consent"}
OFFICE = {"editor", "secretary", "other_secretary"}
SECRETARY = {"secretary", "other_secretary"}
FIGURES = OFFICE | {"unit_head", "observer"}
REMIND = OFFICE | {"unit_head"}
RECORD = SECRETARY | {"unit_head"}

ROWS: dict[str, set[str]] = {
    "POST /auth/wechat": EVERYBODY,
    "POST /auth/bind": SIGNED_IN,
    "POST /auth/console-scan": FIGURES,
    "POST /auth/logout": SIGNED_IN,
    "GET /me": BOUND,
    "GET /me/sessions": SIGNED_IN,
    "DELETE /me/sessions": SIGNED_IN,
    "DELETE /me/sessions/<session_id:int>": SIGNED_IN,
    "GET /me/consents": BOUND,
    "POST /me/consents": BOUND,
    "GET /me/export": BOUND,
    "POST /me/withdraw-consent": BOUND,
    "GET /me/leaves": BOUND,
    "POST /me/leaves": CONSENTED,
    "DELETE /me/leaves/<leave_id:int>": BOUND,
    "GET /me/progress": BOUND,
    "GET /me/mistakes": BOUND,
    "GET /me/reviews": BOUND,
    "POST /me/reviews/<question_id:int>": CONSENTED,
    "GET /me/notices": BOUND,
    "GET /me/texts/<text_id:str>": BOUND,
    "POST /feedback": BOUND,
    "GET /me/feedback": BOUND,
    "POST /feedback/<feedback_id:int>/answer": SECRETARY,
    "GET /me/corrections": BOUND,
    "POST /me/corrections": BOUND,
    "GET /corrections": SECRETARY,
    "POST /corrections/<correction_id:int>/answer": SECRETARY,
    "GET /me/reflections": BOUND,
    "GET /me/subscriptions": BOUND,
    "POST /me/subscriptions": CONSENTED,
    "PUT /me/subscriptions": BOUND,
    "GET /feedback": SECRETARY,
    "GET /tasks/today": BOUND,
    "GET /tasks": BOUND,
    "GET /tasks/<task_id:int>": BOUND,
    "PATCH /tasks/<task_id:int>": OFFICE,
    "POST /tasks/<task_id:int>/readings": CONSENTED,
    "POST /tasks/<task_id:int>/answers": CONSENTED,
    "POST /tasks/<task_id:int>/check-in": CONSENTED,
    "POST /tasks/<task_id:int>/members/<member_id:int>/check-in": RECORD,
    "GET /branches": FIGURES,
    "GET /units": BOUND,
    "POST /units": OFFICE,
    "PATCH /units/<unit_id:int>": OFFICE,
    "GET /members": OFFICE,
    "POST /members": OFFICE,
    "GET /members/<member_id:int>": OFFICE,
    "PATCH /members/<member_id:int>": OFFICE,
    "PUT /members/<member_id:int>/roles": SECRETARY,
    "POST /members/<member_id:int>/invite": OFFICE,
    "POST /members/<member_id:int>/unbind": OFFICE,
    "GET /members/<member_id:int>/leaves": SECRETARY,
    "POST /members/<member_id:int>/leaves": SECRETARY,
    "GET /members/template": OFFICE,
    "POST /members/import": OFFICE,
    "GET /leaves": SECRETARY,
    "POST /leaves/<leave_id:int>/grant": SECRETARY,
    "POST /leaves/<leave_id:int>/refuse": SECRETARY,
    "GET /audit": SECRETARY,
    "GET /calendar/<year:int>": OFFICE,
    "PUT /calendar/<year:int>": OFFICE,
    "GET /plans": OFFICE,
    "POST /plans": OFFICE,
    "GET /plans/<plan_id:int>": OFFICE,
    "GET /syllabuses": OFFICE,
    "GET /texts": BOUND,
    "POST /texts/import": OFFICE,
    "GET /questions": OFFICE,
    "POST /questions": OFFICE,
    "PATCH /questions/<question_id:int>": OFFICE,
    "POST /questions/<question_id:int>/withdraw": OFFICE,
    "POST /questions/import": OFFICE,
    "GET /questions/template": OFFICE,
    "POST /reminders/preview": REMIND,
    "POST /reminders": REMIND,
    "GET /reminders": REMIND,
    "GET /reminders/<batch_id:int>": REMIND,
    "GET /plans/<plan_id:int>/reminder": OFFICE,
    "PUT /plans/<plan_id:int>/reminder": OFFICE,
    "GET /stats/coverage": FIGURES,
    "GET /stats/coverage.xlsx": FIGURES,
    "GET /stats/today": FIGURES,
    "GET /stats/questions": OFFICE,
}

# Routes outside /api/v1: their own tests hold who may call them.
AT_THE_ROOT = {
    "/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/start.js", "/docs/vendor/<__file_uri__:path>", "/wechat/push",
    "/m", "/m/", "/m/<path:path>", "/console", "/console/<word:str>", "/console/static/<__file_uri__:path>", *(page.path for page in PAGES),
}  # fmt: skip


def row_of(method: str, path: str) -> str:
    return f"{method} {path.removeprefix(PREFIX)}"


def test_every_declared_route_has_a_row_and_every_row_a_route():
    assert {row_of(e.method, e.path) for e in ENDPOINTS} == set(ROWS)


def test_every_route_of_the_router_is_declared_or_named_here(settings: Settings):
    Sanic.test_mode = True
    try:
        app = create_app(settings, name="daka_matrix")
        app.router.finalize()
        declared = {(e.method, e.path) for e in ENDPOINTS}
        unknown = set()
        for route in app.router.routes:
            path = "/" + re.sub(r"<(\w+)>", r"<\1:str>", route.path.lstrip("/"))
            if path not in AT_THE_ROOT and not {(method, path) for method in route.methods} & declared:
                unknown.add(path)
        assert unknown == set()
    finally:
        Sanic.test_mode = False


async def callers(cast: Cast) -> dict[str, str | None]:
    """A token for each kind of caller."""
    ended = await add_person(cast.branch, "已退出")
    await sessions.end_all(member_id=ended.id)
    left = await add_person(cast.branch, "已调离")
    await Member.filter(id=left.id).update(left_on=clock.today())
    no_consent = await add_person(cast.branch, "未同意", consented=False)
    people: dict[str, Person] = {
        "ended": ended, "left": left, "no_consent": no_consent, "member": cast.alice, "unit_head": cast.unit_head, "editor": cast.editor,
        "secretary": cast.secretary, "observer": cast.observer, "other_secretary": cast.other_secretary, "passer_by": cast.passer_by,
    }  # fmt: skip
    return {"anonymous": None, **{name: person.token for name, person in people.items()}}


# What would end the caller's own session or membership is asked by nobody here; its own tests do.
ENDS_THE_CALLER = {"POST /auth/logout", "DELETE /me/sessions", "POST /me/withdraw-consent"}


@pytest.mark.parametrize("row", sorted(ROWS))
async def test_a_route_answers_exactly_those_who_may_call_it(door: Door, cast: Cast, row: str):
    """An empty request gets past the guards or not: 401 and 403 from them, anything else but a fault from behind them."""
    [task] = await add_plan(cast, days=[clock.today()])
    ids = {"task_id": task.id, "member_id": cast.bob.id, "unit_id": cast.units[0].id, "year": 2026, "plan_id": cast.plan.id}
    method, path = row.split(" ")
    path = re.sub(r"<(\w+)(?::\w+)?>", lambda found: str(ids.get(found[1], 999_999_999)), path)
    for name, token in (await callers(cast)).items():
        if row in ENDS_THE_CALLER and name in ROWS[row]:
            continue
        reply = await door.ask(method, path, token, **({"json": {"no_such_field": 1}} if method != "GET" else {}))
        allowed = name in ROWS[row]
        if not allowed:
            assert reply.status == (401 if name in STRANGERS else 403), (name, reply.status, reply.body)
        elif not (row == "POST /auth/wechat" and reply.status == 401):
            assert reply.status not in (401, 403) and reply.status < 500, (name, reply.status, reply.body)
        if name == "other_secretary" and "<" in row and "<year" not in row:
            assert reply.status in (404, 409, 415, 422), (name, reply.status, reply.body)
