"""AC-08: eleven kinds of caller, every route of the router, every method; each cell has a written expectation."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterator
from typing import Any

import test_matrix
from door import Door
from people import Cast, add_plan, build_cast
from sanic import Sanic
from test_matrix import ENDS_THE_CALLER, ROWS, STRANGERS, callers
from trust.house import House, house
from trust.report import Run
from trust.strangers import STREAMS

from api.app import create_app
from api.http import ENDPOINTS, PREFIX
from backend import sessions
from backend.kernel import clock
from console.http import PAGES, PUBLIC, SESSION, SIGNED_IN

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")
# Who has what, written down a second time by hand: a new capability without a line here fails the check.
ROLES = {
    "roster.read": {"secretary", "editor", "other_secretary"},
    "roster.write": {"secretary", "editor", "other_secretary"},
    "roles.write": {"secretary", "other_secretary"},
    "leaves.decide": {"secretary", "other_secretary"},
    "checkins.record": {"secretary", "unit_head", "other_secretary"},
    "content.read": {"secretary", "editor", "other_secretary"},
    "content.write": {"secretary", "editor", "other_secretary"},
    "plans.read": {"secretary", "editor", "other_secretary"},
    "plans.write": {"secretary", "editor", "other_secretary"},
    "stats.read": {"secretary", "editor", "unit_head", "observer", "other_secretary"},
    "stats.questions": {"secretary", "editor", "other_secretary"},
    "feedback.read": {"secretary", "other_secretary"},
    "audit.read": {"secretary", "other_secretary"},
    "members.read": {"secretary", "editor", "unit_head", "other_secretary"},
    "members.withdraw": {"secretary", "other_secretary"},
    "feedback.answer": {"secretary", "other_secretary"},
    "corrections.answer": {"secretary", "other_secretary"},
    "reminders.send": {"secretary", "editor", "unit_head", "other_secretary"},
    "branch.write": {"secretary", "other_secretary"},
    # Between the first and the second factor: nobody who is in already, nor with a phone's token.
    "half": set(),
}

# Where a page shows persons, who looks from above does not see it, though the capability is there.
OF_PERSONS = {
    "/console/silent", "/console/coverage/people", "/console/coverage/people.xlsx", "/console/coverage/texts",
    "/console/coverage/texts.xlsx", "/console/coverage/texts/<passage_id:int>",
}  # fmt: skip


def routes(app: Sanic) -> Iterator[tuple[str, set[str]]]:
    """Every path of the router, with its methods."""
    app.router.finalize()
    for route in app.router.routes:
        yield "/" + re.sub(r"<(\w+)>", r"<\1:str>", route.path.lstrip("/")), set(route.methods)


def without_a_row(app: Sanic) -> list[str]:
    declared = {e.path for e in ENDPOINTS} | {p.path for p in PAGES} | test_matrix.AT_THE_ROOT
    missing = [path for path, _ in routes(app) if path not in declared]
    missing += [f"capability {p.who}" for p in PAGES if p.who not in ROLES and p.who not in (PUBLIC, SIGNED_IN)]
    return missing + sorted({f"{e.method} {e.path.removeprefix(PREFIX)}" for e in ENDPOINTS} ^ set(ROWS))


def filled(path: str, ids: dict[str, Any]) -> str:
    return re.sub(r"<(\w+)(?::\w+)?>", lambda found: str(ids.get(found[1], 999_999_999)), path)


async def declared_cells(door: Door, cast: Cast, ids: dict[str, Any]) -> tuple[int, list[str]]:
    """Who may call is let past the guards, nobody else is; and what another branch's secretary asks for is not there."""
    cells, wrong = 0, []
    for row, allowed in ROWS.items():
        method, path = row.split(" ")
        for name, token in (await callers(cast)).items():
            # Whoever has not agreed is made anew for each row, and can be spared afterwards.
            if row in ENDS_THE_CALLER and name in allowed and name != "no_consent":
                continue
            sent = {} if method == "GET" else {"json": {"no_such_field": 1}}
            reply = await door.ask(method, filled(path, ids), token, **sent)
            cells += 1
            refused = 401 if name in STRANGERS else 403
            let_in = reply.status not in (401, 403) or row == "POST /auth/wechat"
            if reply.status >= 500 or (let_in if name not in allowed else not let_in) or (name not in allowed and reply.status != refused):
                wrong.append(f"{row} for {name}: {reply.status} {reply.code}")
    return cells, wrong


async def other_methods(door: Door, cast: Cast, ids: dict[str, Any]) -> tuple[int, list[str]]:
    """A method that a path does not have is refused, whoever asks: 405, never an effect, never a fault."""
    cells, wrong = 0, []
    known: dict[str, set[str]] = {}
    for e in ENDPOINTS:
        known.setdefault(e.path, set()).add(e.method)
    people = await callers(cast)
    for path, has in known.items():
        for method in METHODS:
            if method in has:
                continue
            for name in ("anonymous", "member", "secretary"):
                reply = await door.ask(method, filled(path, ids), people[name], root=True)
                cells += 1
                if reply.status not in (404, 405, 501, 400):
                    wrong.append(f"{method} {path} for {name}: {reply.status}")
    return cells, wrong


async def pages(door: Door, cast: Cast, ids: dict[str, Any]) -> tuple[int, list[str]]:
    """The console's pages: with no cookie, with a phone's token in the cookie, and for every role."""
    cells, wrong = 0, []
    people = {"member": cast.alice, "unit_head": cast.unit_head, "editor": cast.editor, "secretary": cast.secretary,
              "observer": cast.observer, "other_secretary": cast.other_secretary}  # fmt: skip
    for page in PAGES:
        if page.who == PUBLIC or page.path in STREAMS:
            continue
        for name, person in {"anonymous": None, "phone": cast.secretary, **people}.items():
            token = person.token if name == "phone" else ""
            if name in people:
                token, _ = await sessions.open_session(member_id=person.id, account_id=None, kind="console")
            headers = {"Cookie": f"{SESSION}={token}"} if token else {}
            reply = await door.ask(page.method, filled(page.path, ids), root=True, headers=headers)
            cells += 1
            may = name in people and (page.who == SIGNED_IN or name in ROLES[page.who])
            may = may and not (name == "observer" and page.path in OF_PERSONS)
            # A write without its CSRF token is refused for everybody: 403 too.
            refused = reply.status in (401, 403)
            if reply.status >= 500 or refused != (not may or page.method == "POST"):
                wrong.append(f"{page.method} {page.path} for {name}: {reply.status}")
    return cells, wrong


async def one(made: House) -> dict[str, int]:
    cast = await build_cast()
    [task] = await add_plan(cast, days=[clock.today()])
    ids = {"task_id": task.id, "member_id": cast.bob.id, "unit_id": cast.units[0].id, "year": 2026, "plan_id": cast.plan.id}
    counts, wrong = {}, []
    for name, asked in (("cells", declared_cells), ("other_methods", other_methods), ("pages", pages)):
        counts[name], found = await asked(made.door, cast, ids)
        wrong += found
    assert wrong == [], "\n".join(wrong)
    return counts


async def check(dialect: str) -> dict[str, int]:
    async with house(dialect=dialect) as made:
        Sanic.test_mode = True
        missing = without_a_row(create_app(made.settings, name=f"daka_matrix_{dialect}"))
        assert missing == [], missing
        return {"rows": len(ROWS) + len(PAGES), **await one(made)}


def main() -> int:
    run = Run.of("AC-08", "roles by routes")
    for name in run.left(("postgres", "sqlite")):
        with run.piece(name) as found:
            found |= asyncio.run(check(name))
    return run.conclude(rows=max, cells=sum, other_methods=sum, pages=sum, mismatches=lambda _: 0)


if __name__ == "__main__":
    sys.exit(main())
