"""Every page of the console for every role, and what it costs. The expectation is written here by hand; a page without a row fails."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from pathlib import Path

from desk import Desk, addresses, grow
from door import Door
from people import Cast, add_plan

from backend import sessions
from backend.kernel import clock, security
from console import navigation
from console.http import ENTRY, HALF, PAGES, PREFIX, PUBLIC, SESSION, STREAM, csrf_of

ANYBODY = {"stranger", "secretary", "editor", "unit_head", "observer"}
INSIDE = ANYBODY - {"stranger"}
OFFICE = {"secretary", "editor"}
SECRETARY = {"secretary"}
HEADS = OFFICE | {"unit_head"}
HALF_IN: set[str] = set()  # who waits for the second factor: its own tests, test_second_factors.py

# page -> who may open it, and (pages that show something) the statements it takes, however many members there are.
ROWS: dict[str, tuple[set[str], int | None]] = {
    "GET /enter": (ANYBODY, None),
    "POST /enter": (ANYBODY, None),
    "POST /enter/scan": (ANYBODY, None),
    "GET /second-factor": (HALF_IN, None),
    "POST /second-factor": (HALF_IN, None),
    "POST /second-factor/set-up": (HALF_IN, None),
    "GET /account": (INSIDE, 2),
    "POST /account/sessions/<session_id:int>/end": (INSIDE, None),
    "POST /account/sessions/end-others": (INSIDE, None),
    "GET /account/second-factor": (INSIDE, None),
    "POST /account/second-factor": (INSIDE, None),
    "POST /account/second-factor/remove": (INSIDE, None),
    "POST /account/second-factor/codes": (INSIDE, None),
    "POST /sign-out": (INSIDE, None),
    "GET /": (INSIDE, 11),
    "GET /today/board": (INSIDE, 3),
    "GET /today/live": (INSIDE, None),
    "GET /reminders": (HEADS, 4),
    "POST /reminders/preview": (HEADS, None),
    "POST /reminders": (HEADS, None),
    "GET /reminders/<batch_id:int>": (HEADS, 4),
    "GET /reminders/<batch_id:int>/progress": (HEADS, 4),
    "GET /reminders/ledger": (HEADS, 1),
    "GET /reminders/grants": (HEADS, 3),
    "GET /silent": (INSIDE - {"observer"}, 1),
    "GET /coverage.xlsx": (INSIDE, 3),
    "GET /coverage": (INSIDE, 4),
    "GET /coverage/people": (INSIDE - {"observer"}, 3),
    "GET /coverage/people.xlsx": (INSIDE - {"observer"}, 3),
    "GET /coverage/texts": (INSIDE - {"observer"}, 3),
    "GET /coverage/texts.xlsx": (INSIDE - {"observer"}, 3),
    "GET /coverage/texts/<passage_id:int>": (INSIDE - {"observer"}, 3),
    "GET /members": (HEADS, 3),
    "GET /members/new": (OFFICE, 1),
    "POST /members/new": (OFFICE, None),
    "POST /members/invites": (OFFICE, None),
    "POST /members/export": (OFFICE, None),
    "GET /members/import": (OFFICE, 0),
    "GET /members/template.xlsx": (OFFICE, 0),
    "POST /members/import/preview": (OFFICE, None),
    "POST /members/import": (OFFICE, None),
    "GET /members/<member_id:int>": (HEADS, 11),
    "GET /members/<member_id:int>/edit": (OFFICE, 3),
    "POST /members/<member_id:int>/edit": (OFFICE, None),
    "POST /members/<member_id:int>/roles": (SECRETARY, None),
    "POST /members/<member_id:int>/unbind": (OFFICE, None),
    "POST /members/<member_id:int>/departure": (OFFICE, None),
    "POST /members/<member_id:int>/withdraw": (SECRETARY, None),
    "GET /members/<member_id:int>/leave": (SECRETARY, 4),
    "POST /members/<member_id:int>/leave": (SECRETARY, None),
    "GET /paper": (SECRETARY | {"unit_head"}, 3),
    "GET /paper/sheet": (SECRETARY | {"unit_head"}, 3),
    "POST /paper/preview": (SECRETARY | {"unit_head"}, None),
    "POST /paper": (SECRETARY | {"unit_head"}, None),
    "GET /requests": (SECRETARY, 2),
    "POST /requests/leaves/<leave_id:int>": (SECRETARY, None),
    "GET /requests/corrections": (SECRETARY, 2),
    "POST /requests/corrections/<correction_id:int>": (SECRETARY, None),
    "GET /requests/feedback": (SECRETARY, 2),
    "POST /requests/feedback/<feedback_id:int>": (SECRETARY, None),
    "GET /plans": (OFFICE, 4),
    "GET /plans/new": (OFFICE, 2),
    "POST /plans/preview": (OFFICE, None),
    "POST /plans": (OFFICE, None),
    "GET /plans/<plan_id:int>": (OFFICE, 6),
    "POST /plans/<plan_id:int>": (OFFICE, None),
    "POST /plans/<plan_id:int>/reminder": (OFFICE, None),
    "POST /plans/<plan_id:int>/extend": (OFFICE, None),
    "GET /plans/tasks/<task_id:int>": (OFFICE, 11),
    "POST /plans/tasks/<task_id:int>": (OFFICE, None),
    "GET /plans/holidays": (OFFICE, 2),
    "POST /plans/holidays": (OFFICE, None),
    "POST /plans/holidays/<day:str>/remove": (OFFICE, None),
    "POST /plans/holidays/<number:int>/restore": (OFFICE, None),
    "GET /texts": (OFFICE, 2),
    "GET /texts/read/<key:str>": (OFFICE, 4),
    "GET /texts/aspects": (OFFICE, 9),
    "GET /texts/import": (OFFICE, 2),
    "POST /texts/import/preview": (OFFICE, None),
    "POST /texts/import": (OFFICE, None),
    "GET /questions": (OFFICE, 8),
    "GET /questions/new": (OFFICE, 3),
    "POST /questions": (OFFICE, None),
    "GET /questions/<question_id:int>": (OFFICE, 9),
    "POST /questions/<question_id:int>": (OFFICE, None),
    "POST /questions/<question_id:int>/withdraw": (OFFICE, None),
    "POST /questions/<question_id:int>/restore": (OFFICE, None),
    "GET /questions/import": (OFFICE, 0),
    "GET /questions/template.xlsx": (OFFICE, 0),
    "POST /questions/import/preview": (OFFICE, None),
    "POST /questions/import": (OFFICE, None),
    "GET /settings": (OFFICE, 2),
    "POST /settings/name": (SECRETARY, None),
    "POST /settings/units": (OFFICE, None),
    "POST /settings/units/<unit_id:int>/name": (OFFICE, None),
    "POST /settings/units/<unit_id:int>/move": (OFFICE, None),
    "GET /settings/switches": (OFFICE, 2),
    "GET /settings/privacy": (OFFICE, 2),
    "GET /audit": (SECRETARY, 2),
    "POST /audit/proof": (SECRETARY, None),
}
VENDORED = [Path(__file__).parent.parent / "console/static/vendor", Path(__file__).parent / "browser/vendor"]


def row_of(page: object) -> str:
    return f"{page.method} {page.path.removeprefix(PREFIX)}"


def test_every_page_has_a_row_and_every_row_a_page() -> None:
    assert {row_of(page) for page in PAGES} == set(ROWS)


def test_the_navigation_leads_to_pages_and_asks_for_what_they_ask_for() -> None:
    pages = {page.path: page.who for page in PAGES if page.method == "GET"}
    assert [entry for entry in navigation.ENTRIES if pages.get(PREFIX + entry.path) != entry.who] == []


async def test_every_page_answers_exactly_those_who_may_see_it(door: Door, cast: Cast) -> None:
    [task] = await add_plan(cast, days=[clock.today()])
    held = {"member_id": cast.bob.id, "task_id": task.id, "plan_id": cast.plan.id, "unit_id": cast.units[0].id}
    wrong = []
    for page in PAGES:
        path = re.sub(r"<(\w+)(?::\w+)?>", lambda found: str(held.get(found[1], 999_999_999)), page.path).removeprefix(PREFIX)
        for name in sorted(ANYBODY):
            desk, token = Desk(door), ""
            if name != "stranger":
                token, _ = await sessions.open_session(member_id=getattr(cast, name).id, account_id=None, kind="console")
                desk.cookies[SESSION] = token
            if page.who == PUBLIC:
                token = desk.cookies[ENTRY] = security.new_token()
            allowed = name in ROWS[row_of(page)][0]
            if page.gives == STREAM and allowed:
                continue  # it does not end: its own tests, test_console_live.py
            reply = await (desk.see(path) if page.method == "GET" else desk.send(path, csrf=csrf_of(token) if token else ""))
            refused = 401 if name == "stranger" or page.who == HALF else 403
            good = reply.status not in (401, 403) and reply.status < 500 if allowed else reply.status == refused
            # An empty link is refused by what it leads to, not by the door.
            if not good and not (row_of(page) == "POST /enter" and reply.status == 401):
                wrong.append((row_of(page), name, reply.status))
    assert wrong == []


async def test_no_page_takes_more_statements_for_six_hundred_members_than_for_sixty(desk: Desk, cast: Cast) -> None:
    await add_plan(cast, days=[clock.today() - timedelta(days=n) for n in (2, 1, 0)])
    await grow(cast, to=60)
    await desk.enter(cast.secretary)
    seen = [str((await desk.see(page.path.removeprefix(PREFIX))).body) for page in PAGES if _is_plain(page)]
    counted = {page.path for page in PAGES if page.method == "GET" and ROWS[row_of(page)][1] is not None}
    known = {path: address for path, address in addresses(seen).items() if path in counted}
    few = {path: await _cost(desk, address) for path, address in known.items()}
    await grow(cast, to=600)
    many = {path: await _cost(desk, address) for path, address in known.items()}
    expected = {page.path: ROWS[row_of(page)][1] for page in PAGES if page.path in known and page.method == "GET"}
    assert {p: (few[p], many[p], n) for p, n in expected.items() if (few[p], many[p]) != (n, n)} == {}


def _is_plain(page: object) -> bool:
    return page.method == "GET" and "<" not in page.path and page.gives != STREAM


async def _cost(desk: Desk, address: str) -> int:
    reply, statements = await desk.cost(address.removeprefix(PREFIX))
    assert reply.status == 200, (address, reply.status)
    return statements


def test_what_is_vendored_is_what_the_list_beside_it_says() -> None:
    for folder in VENDORED:
        listed = dict(reversed(line.split("  ")) for line in (folder / "VENDOR").read_text("utf-8").splitlines() if "  " in line)
        assert set(listed) == {path.name for path in folder.glob("*.js")}
        for name, expected in listed.items():
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected, name
        licences = {part.strip() for line in (folder / "VENDOR").read_text("utf-8").splitlines() for part in re.split("[;,]", line)}
        assert {path.name for path in folder.iterdir() if path.suffix != ".js" and path.name != "VENDOR"} <= licences
