"""Two branches that must know nothing of each other, with one of everything in each, and a mark in every private field."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from door import Door
from people import Cast, Person, add_content, add_plan, build_cast, whole_day
from trust.samples import MISSING

from backend import sessions
from backend.kernel import audit, clock, security
from backend.kernel.access import Actor
from models.auth import Session
from models.corrections import Correction, CorrectionSubject
from models.feedback import Feedback
from models.leaves import Leave, LeaveReason, LeaveState
from models.members import Member
from models.reflections import Reflection
from models.reminders import Reminder, ReminderBatch, ReminderState
from models.tasks import DailyTask
from models.texts import Text


@dataclass
class Mark:
    """A text that stands in one private field of one person. `readers`: who may be shown it, by the names of `World.callers`."""

    text: str
    what: str
    readers: frozenset[str]


OFFICE = frozenset(("secretary", "editor"))


@dataclass
class World:
    """`mine` and `foreign`: kind -> an id, of the cast's branch and of the other; `others`: of the same branch, but not 安敏's."""

    cast: Cast
    far: Cast
    mine: dict[str, Any] = field(default_factory=dict)
    foreign: dict[str, Any] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)
    consoles: dict[str, str] = field(default_factory=dict)

    @property
    def callers(self) -> dict[str, Person]:
        cast = self.cast
        return {
            "alice": cast.alice, "unit_head": cast.unit_head, "editor": cast.editor, "secretary": cast.secretary,
            "observer": cast.observer, "other_member": cast.other_member, "other_secretary": cast.other_secretary,
            "passer_by": cast.passer_by,
        }  # fmt: skip


async def build_world(door: Door) -> World:
    """安敏 has done yesterday and not today; she and 白杰 have asked for leave, complained, written; and the same in a branch far away."""
    cast, far = await build_cast(), await build_cast()
    world = World(cast, far)
    for side, ids in ((cast, world.mine), (far, world.foreign)):
        ids |= await _one_of_everything(door, side, side.alice)
    world.others = await _others(cast)
    await _mark(world, cast.bob, readers=OFFICE)
    await _mark(world, far.bob, readers=frozenset())
    for name in ("secretary", "editor", "unit_head", "observer", "other_secretary", "alice"):
        person = world.callers[name]
        world.consoles[name], _ = await sessions.open_session(member_id=person.id, account_id=None, kind="console")
    return world


async def _one_of_everything(door: Door, cast: Cast, person: Person) -> dict[str, Any]:
    done, task = await add_plan(cast, days=[clock.today() - timedelta(days=1), clock.today()])
    shown = (await door.get(f"/tasks/{done.id}", person)).json
    assert (await door.post(f"/tasks/{done.id}/check-in", person, whole_day(shown, right=False))).status == 201
    leave = await _leave(person, "")
    await audit.record(_acting(cast.secretary), "member:change", subject="member", subject_id=person.id)
    passages, questions = await add_content(cast.branch, passages=1, questions=1)
    text = await Text.get(branch_id=cast.branch.id)
    await Text.filter(id=text.id).update(key=f"k{text.id}")
    session = await Session.filter(member_id=person.id).first()
    said = (await door.post("/feedback", person, {"text": "有一件事"})).json
    wrong = (await door.post("/me/corrections", person, {"subject": "roster", "text": "写错了"})).json
    batch = await _reminded(cast, person, task)
    return {
        "feedback": said["id"], "correction": wrong["id"], "batch": batch.id,
        "task": task.id, "member": person.id, "unit": person.unit_id, "leave": leave.id, "session": session.id, "plan": cast.plan.id,
        "question": questions[0], "passage": passages[0], "branch": cast.branch.id, "text": f"k{text.id}",
    }  # fmt: skip


async def _reminded(cast: Cast, person: Person, task: DailyTask) -> ReminderBatch:
    batch = await ReminderBatch.create(branch_id=cast.branch.id, day=task.date, asked_by_id=cast.secretary.id, created_at=clock.now())
    await Reminder.create(
        batch_id=batch.id, member_id=person.id, task_id=task.id, day=task.date, unit_id=person.unit_id or 0, state=ReminderState.REFUSED,
        reason="no_grant", settled_at=clock.now(),
    )  # fmt: skip
    return batch


async def _others(cast: Cast) -> dict[str, Any]:
    """A task that 安敏 is not in the audience of; 白杰's leave and session."""
    plan = cast.plan
    [task] = await add_plan(cast, days=[clock.today() + timedelta(days=400)], members=[cast.bob])
    cast.plan = plan
    leave, session = await _leave(cast.bob, ""), await Session.filter(member_id=cast.bob.id).first()
    return {"task": task.id, "leave": leave.id, "session": session.id}


async def _leave(person: Person, note: str) -> Leave:
    soon = clock.today() + timedelta(days=30)
    period = {"starts_on": soon, "ends_on": soon, "reason": LeaveReason.OTHER, "state": LeaveState.ASKED}
    return await Leave.create(member_id=person.id, note=note, created_at=clock.now(), **period)


async def _mark(world: World, person: Person, *, readers: frozenset[str]) -> None:
    """Every private field of `person` gets a text of its own."""

    def mark(what: str, of: frozenset[str] = readers) -> str:
        text = f"暗记{secrets.token_hex(6)}"
        world.marks.append(Mark(text, f"{what} of {person.id}", of & readers))
        return text

    phone = f"139{secrets.randbelow(10**8):08d}"
    world.marks.append(Mark(phone, f"phone of {person.id}", readers))
    world.marks.append(Mark(person.openid, f"openid of {person.id}", frozenset()))
    await Member.filter(id=person.id).update(
        name=mark("name"), note=mark("note"), post=mark("post"),
        phone_sealed=security.encrypt(phone, purpose="phone"), phone_hash=security.keyed_hash(phone, purpose="phone"),
    )  # fmt: skip
    await _leave(person, mark("leave", frozenset({"secretary"})))
    await Feedback.create(member_id=person.id, text=mark("feedback", frozenset({"secretary"})), created_at=clock.now())
    wrong = {"subject": CorrectionSubject.ROSTER, "created_at": clock.now()}
    await Correction.create(member_id=person.id, text=mark("correction", frozenset({"secretary"})), **wrong)
    task = world.mine["task"] if person is world.cast.bob else world.foreign["task"]
    await Reflection.create(member_id=person.id, task_id=task, task_date=clock.today(), body=mark("reflection"), written_at=clock.now())


def _acting(person: Person) -> Actor:
    return Actor(session_id=0, member_id=person.id, branch_id=person.branch_id, request_id="req-00000001")


def missing(ids: dict[str, Any]) -> dict[str, Any]:
    return {kind: "no-such-text" if kind == "text" else MISSING for kind in ids}
