"""A member's own progress through the door."""

from __future__ import annotations

from datetime import timedelta

from door import Door
from people import Cast, Person, add_person, add_plan
from queries import counting
from slices import check_in

from backend import checkins, figures
from backend.kernel import clock
from backend.kernel.access import Actor
from backend.kernel.database import fetch
from backend.rules.streaks import Day
from models.leaves import Leave, LeaveState
from models.members import Standing
from models.texts import Passage

TODAY = clock.today()


def ago(days: int):
    return TODAY - timedelta(days=days)


async def progress(door: Door, person: Person, **params) -> dict:
    reply = await door.get("/me/progress", person, params=params)
    assert reply.status == 200, reply.body
    return reply.json


async def record(cast: Cast, person: Person, task) -> None:
    """代录, written down on the task's own day."""
    branch, roles = {"branch_id": cast.branch.id, "branch_path": cast.branch.path}, frozenset({"secretary"})
    actor = Actor(session_id=1, member_id=cast.secretary.id, roles=roles, **branch)
    await checkins.record(actor, task_id=task.id, member_id=person.id, studied_on=task.date, at=clock.at(task.date, 12))


async def test_a_stranger_and_an_unbound_user_have_no_progress(door: Door, cast: Cast):
    assert (await door.get("/me/progress")).status == 401
    assert (await door.get("/me/progress", cast.passer_by)).code == "not_bound"


async def test_streak_tasks_and_aspects_of_the_own_days(door: Door, cast: Cast):
    tasks = await add_plan(cast, days=[ago(n) for n in (4, 3, 2, 1, 0)], aspects=(2, 5))
    await Leave.create(
        member_id=cast.alice.id, starts_on=ago(2), ends_on=ago(2), reason="travel", state=LeaveState.GRANTED, created_at=clock.now()
    )
    await figures.recount(task.id for task in tasks)
    await record(cast, cast.alice, tasks[1])
    await check_in(door, cast.alice, tasks[3].id)
    with counting() as queries:
        found = await progress(door, cast.alice)
    assert len(queries) == 3
    assert (found["from"], found["to"]) == (ago(4).isoformat(), TODAY.isoformat())
    # Four days ago missed, then 代录, leave, a make-up; today's open task neither breaks nor adds.
    assert found["streak"] == {"current": 2, "longest": 2, "makeups": 1}
    assert found["tasks"] == {"assigned": 4, "done": 2, "on_time": 0, "makeup": 1, "proxy": 1, "excused": 1, "missing": 1, "open": 1}
    assert [aspect["id"] for aspect in found["aspects"]] == list(range(1, 10))
    assert found["aspects"][1] | {"title": ""} == {"id": 2, "title": "", "assigned": 4, "done": 2, "coverage": 0.5, "accuracy": 1.0}
    assert found["aspects"][0]["coverage"] is None
    assert found["steadiness"] == 68
    await check_in(door, cast.alice, tasks[4].id)
    assert (await progress(door, cast.alice))["streak"]["current"] == 3
    # Nobody else's progress has moved.
    assert (await progress(door, cast.bob))["tasks"]["done"] == 0


async def test_a_period_narrows_tasks_and_aspects_but_not_the_streak(door: Door, cast: Cast):
    tasks = await add_plan(cast, days=[ago(2), ago(1)])
    for task in tasks:
        await check_in(door, cast.alice, task.id)
    found = await progress(door, cast.alice, **{"from": ago(1).isoformat(), "to": "2999-01-01"})
    assert (found["from"], found["to"], found["tasks"]["assigned"]) == (ago(1).isoformat(), TODAY.isoformat(), 1)
    assert found["streak"]["current"] == 2
    for upside_down in ({"from": TODAY.isoformat(), "to": ago(1).isoformat()}, {"from": "2999-01-01"}):
        assert (await door.get("/me/progress", cast.alice, params=upside_down)).status == 422


async def test_texts_show_distinct_passages_read(door: Door, cast: Cast):
    tasks = await add_plan(cast, days=[ago(1), TODAY], passages=2)
    [before] = [text for text in (await progress(door, cast.alice))["texts"] if text["key"] == "report"]
    assert (before["title"], before["passages_read"], before["passages_total"], before["coverage"]) == ("测试文本", 0, 2, 0.0)
    for task in tasks:
        await check_in(door, cast.alice, task.id)
    [after] = [text for text in (await progress(door, cast.alice))["texts"] if text["key"] == "report"]
    assert (after["passages_read"], after["passages_total"], after["coverage"]) == (2, 2, 1.0)
    read = await fetch("SELECT MIN(passage_id) AS id FROM reading WHERE member_id = $1", cast.alice.id)
    await Passage.filter(id=read[0]["id"]).update(retired_at=clock.now())
    [retired] = [text for text in (await progress(door, cast.alice))["texts"] if text["key"] == "report"]
    assert (retired["passages_read"], retired["passages_total"]) == (1, 1)


async def test_a_newcomer_has_no_steadiness_yet(door: Door, cast: Cast):
    await add_plan(cast, days=[TODAY])
    newcomer = await add_person(cast.branch, "新人", joined_on=TODAY)
    found = await progress(door, newcomer)
    assert (found["steadiness"], found["streak"]) == (None, {"current": 0, "longest": 0, "makeups": 0})
    assert found["tasks"]["assigned"] == 0


async def test_days_of_a_member_follow_audience_leave_and_standing(door: Door, cast: Cast):
    tasks = await add_plan(cast, days=[ago(3), ago(2), ago(1), TODAY, TODAY + timedelta(days=1)])
    await Leave.create(
        member_id=cast.bob.id, starts_on=ago(3), ends_on=ago(2), reason="illness", state=LeaveState.GRANTED, created_at=clock.now()
    )
    # Several standings give no day twice.
    await Standing.filter(member_id=cast.bob.id).update(until=ago(1))
    await Standing.create(member_id=cast.bob.id, unit=cast.units[0], starts_on=ago(1))
    await figures.recount(task.id for task in tasks)
    await record(cast, cast.bob, tasks[0])
    with counting() as queries:
        days = await figures.days_of(cast.bob.id, today=TODAY)
    assert len(queries) == 1
    assert days == [Day(ago(3), "kept"), Day(ago(2), "excused"), Day(ago(1), "missed"), Day(TODAY, "open")]
