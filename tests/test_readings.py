"""Marking passages of a task as read."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from door import Door
from people import Cast, add_person, add_plan
from queries import counting

from backend.kernel import clock
from models.readings import Reading
from models.tasks import TaskPassage

DAY = timedelta(days=1)


async def passages_of(task_id: int) -> list[int]:
    return await TaskPassage.filter(task_id=task_id).values_list("passage_id", flat=True)


async def test_a_stranger_marks_nothing(door: Door, cast: Cast) -> None:
    task = (await add_plan(cast, days=[clock.today()]))[0]
    body = {"passages": await passages_of(task.id)}
    path = f"/tasks/{task.id}/readings"
    assert (await door.post(path, None, body)).status == 401
    assert (await door.post(path, cast.passer_by, body)).status == 403
    assert (await door.post(path, cast.other_member, body)).status == 404
    assert not await Reading.exists(task_id=task.id)


async def test_without_consent_nothing_is_stored(door: Door, cast: Cast) -> None:
    reluctant = await add_person(cast.branch, "未同意", consented=False)
    task = (await add_plan(cast, days=[clock.today()], members=[reluctant]))[0]
    reply = await door.post(f"/tasks/{task.id}/readings", reluctant, {"passages": await passages_of(task.id)})
    assert (reply.status, reply.code) == (403, "consent_required")
    assert not await Reading.exists(task_id=task.id)


async def test_marks_are_counted_and_repeats_are_harmless(door: Door, cast: Cast) -> None:
    task = (await add_plan(cast, days=[clock.today()], passages=3))[0]
    first, second, third = await passages_of(task.id)
    path = f"/tasks/{task.id}/readings"
    assert (await door.post(path, cast.alice, {"passages": [first]})).json == {"passages_read": 1, "passages_total": 3}
    assert (await door.post(path, cast.alice, {"passages": [first, first, second]})).json == {"passages_read": 2, "passages_total": 3}
    reply = await door.post(path, cast.alice, {"passages": [first]})
    assert (reply.status, reply.json) == (200, {"passages_read": 2, "passages_total": 3})
    assert await Reading.filter(task_id=task.id, member_id=cast.alice.id).count() == 2
    assert not await Reading.exists(task_id=task.id, member_id=cast.bob.id) and third


async def test_the_same_mark_from_many_taps_is_stored_once(door: Door, cast: Cast) -> None:
    task = (await add_plan(cast, days=[clock.today()]))[0]
    body = {"passages": await passages_of(task.id)}
    replies = await asyncio.gather(*(door.post(f"/tasks/{task.id}/readings", cast.alice, body) for _ in range(20)))
    assert {reply.status for reply in replies} == {200}
    assert await Reading.filter(task_id=task.id).count() == 2


async def test_a_passage_of_another_task_is_refused_and_nothing_is_stored(door: Door, cast: Cast) -> None:
    yesterday = (await add_plan(cast, days=[clock.today() - DAY]))[0]
    task = (await add_plan(cast, days=[clock.today()]))[0]
    body = {"passages": [*await passages_of(task.id), *await passages_of(yesterday.id)]}
    reply = await door.post(f"/tasks/{task.id}/readings", cast.alice, body)
    assert (reply.status, reply.code) == (422, "unknown_passage")
    assert [error["field"] for error in reply.json["errors"]] == ["passages[2]", "passages[3]"]
    assert not await Reading.exists(task_id=task.id)


async def test_a_task_is_open_for_reading_from_its_day_until_its_last_day_for_making_up(door: Door, cast: Cast) -> None:
    today = clock.today()
    closed, last, future = await add_plan(cast, days=[today - 8 * DAY, today - 7 * DAY, today + DAY])
    body = {"passages": await passages_of(last.id)}
    replies = [await door.post(f"/tasks/{task.id}/readings", cast.alice, body) for task in (closed, last, future)]
    assert [(reply.status, reply.code) for reply in replies] == [(409, "closed"), (200, None), (409, "not_open")]
    assert {reading.task_date for reading in await Reading.filter(member_id=cast.alice.id)} == {last.date}


async def test_an_empty_or_endless_list_is_refused(door: Door, cast: Cast) -> None:
    task = (await add_plan(cast, days=[clock.today()]))[0]
    for passages in ([], list(range(201)), ["1"], [1.5], [2**70]):
        assert (await door.post(f"/tasks/{task.id}/readings", cast.alice, {"passages": passages})).status == 422


async def test_marking_takes_a_fixed_number_of_queries(door: Door, cast: Cast) -> None:
    task = (await add_plan(cast, days=[clock.today()], passages=30))[0]
    body = {"passages": await passages_of(task.id)}
    await door.get("/tasks/today", cast.alice)
    with counting() as queries:
        assert (await door.post(f"/tasks/{task.id}/readings", cast.alice, body)).json["passages_read"] == 30
    assert len(queries) == 3, "the pair, one insert, the count"
