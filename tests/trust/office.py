"""Everything that the office may do to other people's data, content and settings, done once over the API; each act must be in the log.

The routes come from the role matrix: whatever writes and is not every member's. A new one without an act here fails AC-18.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
from desk import Desk
from door import Door, Reply
from official import as_txt, lines
from people import Cast, add_plan, build_cast
from process import ROOT
from test_console_scans import shown
from test_matrix import ROWS
from test_plans import wish
from test_questions_import import form as question_sheet
from test_questions_import import row as question_row
from test_roster_import import book
from wechat_user import add_member

from backend import curriculum
from backend.kernel import clock
from backend.kernel.database import fetch


@dataclass
class Place:
    """What an act is done with."""

    door: Door
    cast: Cast
    ids: dict[str, int]

    async def send(self, row: str, **sent: Any) -> Reply:
        method, _, path = row.partition(" ")
        for name, number in self.ids.items():
            path = path.replace(f"<{name}:int>", str(number))
        return await self.door.ask(method, path.replace("<year:int>", str(clock.today().year)), self.cast.secretary, **sent)


def sheet(content: bytes, filename: str) -> dict[str, Any]:
    form = aiohttp.FormData()
    form.add_field("file", content, filename=filename)
    return {"data": form}


SOON = str(clock.today() + timedelta(days=20))
LEAVE = {"starts_on": SOON, "ends_on": SOON, "reason": "other"}
NEXT = clock.today() + timedelta(days=100)
QUESTION = {"kind": "blank", "stem": "办公室加的题____", "answer": ["甲"], "aspects": [1]}

# What is sent; the acts that need more than a body are below.
BODIES: dict[str, dict[str, Any]] = {
    "PATCH /tasks/<task_id:int>": {"json": {"title": "改过的标题"}},
    "POST /tasks/<task_id:int>/members/<member_id:int>/check-in": {"json": {"studied_on": str(clock.today())}},
    "POST /units": {"json": {"name": "新设组"}},
    "PATCH /units/<unit_id:int>": {"json": {"name": "改名组"}},
    "POST /members": {"json": {"name": "新来的"}},
    "PATCH /members/<member_id:int>": {"json": {"post": "委员"}},
    "PUT /members/<member_id:int>/roles": {"json": {"roles": ["editor"]}},
    "POST /members/<member_id:int>/invite": {},
    "POST /members/<member_id:int>/unbind": {},
    "POST /members/<member_id:int>/leaves": {"json": LEAVE},
    "POST /leaves/<leave_id:int>/grant": {},
    "POST /leaves/<leave_id:int>/refuse": {},
    "PUT /calendar/<year:int>": {"json": {"days": [{"date": str(clock.today()), "kind": "holiday"}]}},
    "POST /plans": {"json": wish(starts_on=str(NEXT), ends_on=str(NEXT + timedelta(days=9)))},
    "POST /questions": {"json": QUESTION},
    "PATCH /questions/<question_id:int>": {"json": {"explanation": "见序言。"}},
    "POST /questions/<question_id:int>/withdraw": {},
    "POST /feedback/<feedback_id:int>/answer": {"json": {"answer": "已处理。"}},
    "POST /corrections/<correction_id:int>/answer": {"json": {"answer": "已更正。", "done": True}},
    "POST /reminders": {"json": {}},
    "PUT /plans/<plan_id:int>/reminder": {"json": {"at": "08:00"}},
}
# Asked with a body, and write nothing.
QUESTIONS = {"POST /reminders/preview"}


async def scan(place: Place) -> Reply:
    code, _ = await shown(Desk(place.door))
    return await place.send("POST /auth/console-scan", json={"code": code})


async def recorded(place: Place) -> Reply:
    """A check-in for somebody: on a task of today."""
    today = Place(place.door, place.cast, place.ids | {"task_id": place.ids["today"]})
    row = "POST /tasks/<task_id:int>/members/<member_id:int>/check-in"
    return await today.send(row, **BODIES[row])


async def roster(place: Place) -> Reply:
    return await place.send("POST /members/import", **sheet(book(("名册新人", 13900000001)), "名册.xlsx"))


async def questions(place: Place) -> Reply:
    return await place.send("POST /questions/import", **sheet(question_sheet(question_row("表里的题")), "题.xlsx"))


async def text(place: Place) -> Reply:
    """In a branch that has no text of its own: it sees the shipped one."""
    place.cast = await build_cast()
    return await place.send("POST /texts/import", **sheet(as_txt(lines()), "report.txt"))


ACTS: dict[str, Callable[[Place], Awaitable[Reply]]] = {
    "POST /auth/console-scan": scan,
    "POST /tasks/<task_id:int>/members/<member_id:int>/check-in": recorded,
    "POST /members/import": roster,
    "POST /questions/import": questions,
    "POST /texts/import": text,
}


def routes() -> list[str]:
    """Those that write and that no plain member may call."""
    return [row for row, who in ROWS.items() if not row.startswith("GET ") and "member" not in who and row not in QUESTIONS]


async def not_in_the_log(door: Door, cast: Cast) -> tuple[int, list[str]]:
    """Does every act; how many there were, and what is wrong: not done, or done and without an entry of this request."""
    await curriculum.load(ROOT / "curriculum")
    today = clock.today()
    first, task = await add_plan(cast, days=[today, today + timedelta(days=9)])
    asked = [(await door.post("/me/leaves", cast.bob, LEAVE | {"starts_on": str(day), "ends_on": str(day)})).json["id"]
             for day in (today + timedelta(days=30), today + timedelta(days=31))]  # fmt: skip
    subject, known = await add_member(cast.branch, "被管理者"), cast.bob
    [row] = await fetch("SELECT question_id FROM task_question WHERE task_id = $1 LIMIT 1", task.id)
    said = (await door.post("/feedback", cast.bob, {"text": "有一件事"})).json["id"]
    wrong_row = (await door.post("/me/corrections", cast.bob, {"subject": "roster", "text": "写错了"})).json["id"]
    ids = {"task_id": task.id, "today": first.id, "member_id": subject.id, "unit_id": cast.units[0].id, "leave_id": asked[0],
           "question_id": row["question_id"], "feedback_id": said, "correction_id": wrong_row, "plan_id": cast.plan.id}  # fmt: skip
    wrong = []
    for route in routes():
        number = {"POST /leaves/<leave_id:int>/refuse": {"leave_id": asked[1]}}.get(route, {})
        if route.endswith(("/check-in", "/unbind")):
            number = {"member_id": known.id}
        place = Place(door, cast, ids | number)
        if route not in ACTS and route not in BODIES:
            wrong.append(f"{route}: no act is written for it")
            continue
        reply = await (ACTS[route](place) if route in ACTS else place.send(route, **BODIES[route]))
        if not 200 <= reply.status < 300:
            wrong.append(f"{route}: not done, {reply.status} {reply.body[:200].decode('utf-8', 'replace')}")
            continue
        entries = await fetch("SELECT at, actor_id FROM audit_entry WHERE request_id = $1", reply.headers["X-Request-ID"])
        if not entries or any(entry["actor_id"] != place.cast.secretary.id for entry in entries):
            wrong.append(f"{route}: {len(entries)} entries of its request in the log")
    return len(routes()), wrong
