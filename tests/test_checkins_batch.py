"""Check-ins settled together: what each request sees is what it would have seen alone. And what is remembered of today's task."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from door import Door
from people import Cast, add_person, add_plan, whole_day
from queries import counting

from backend import checkins_batch, checkins_streak, checks, figures, tasks_content
from backend.checkins_batch import Attempt
from backend.kernel import batches, clock
from backend.kernel.database import fetch
from backend.rules.streaks import LETTERS, streak

TODAY = clock.today()


def attempt(member_id: int, task_id: int, day: dict, **fields) -> Attempt:
    answers = [type("Answer", (), {"choice": None, "text": None, **answer})() for answer in day["answers"]]
    given = {
        "session_id": 1, "passages": day["passages"], "answers": answers, "reflection": None, "studied_on": None, "key": None,
        "request_hash": "", "at": clock.now(), "request_id": "batch", **fields,
    }  # fmt: skip
    return Attempt(member_id=member_id, task_id=task_id, **given)


async def a_day(door: Door, cast: Cast, task_id: int) -> dict:
    return whole_day((await door.get(f"/tasks/{task_id}", cast.alice)).json)


async def test_in_one_batch_everybody_gets_the_own_answer(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY])
    day = await a_day(door, cast, task.id)
    outcomes = await checkins_batch.settle(
        [
            attempt(cast.other_member.id, task.id, day),
            attempt(cast.alice.id, task.id, {**day, "passages": []}),
            attempt(cast.alice.id, task.id, day, key="one", request_hash="a"),
            attempt(cast.alice.id, task.id, day, key="one", request_hash="b"),
            attempt(cast.alice.id, task.id, {"passages": [], "answers": []}),
            attempt(cast.bob.id, task.id, {**day, "answers": day["answers"] * 2}),
            attempt(cast.bob.id, 2**60, day),
            attempt(cast.secretary.id, task.id, day),
        ]
    )
    told = [getattr(outcome, "code", None) or outcome.is_new for outcome in outcomes]
    assert told == ["not_found", "incomplete", True, "idempotency_mismatch", False, "invalid_answers", "not_found", True]
    assert outcomes[2].receipt == outcomes[4].receipt and outcomes[2].id == outcomes[4].id
    assert (await fetch("SELECT COUNT(*) AS n FROM check_in WHERE task_id = $1", task.id))[0]["n"] == 2
    assert await checks.broken(branch_id=cast.branch.id) == []


async def test_a_batch_of_forty_takes_as_many_queries_as_one_of_two(door: Door, cast: Cast):
    people = [await add_person(cast.branch, f"党员{n}", unit=cast.units[n % 2]) for n in range(42)]
    [task] = await add_plan(cast, days=[TODAY], members=[*people, cast.alice])
    day = await a_day(door, cast, task.id)
    numbers = []
    for some in (people[:1], people[1:3], people[3:]):
        with counting() as queries:
            await checkins_batch.settle([attempt(p.id, task.id, day, key=f"k{p.id}", request_hash="h") for p in some])
        numbers.append(len(queries))
    assert numbers[0] == numbers[1] + 1 == numbers[2] + 1 <= 14, "the first reads the plan's calendar"
    assert await checks.broken(branch_id=cast.branch.id) == []


async def test_two_days_of_one_member_at_the_same_moment_count_in_one_streak(door: Door, cast: Cast):
    tasks = await add_plan(cast, days=[TODAY - timedelta(days=n) for n in (2, 1, 0)])
    day = await a_day(door, cast, tasks[0].id)
    replies = await asyncio.gather(*(door.post(f"/tasks/{task.id}/check-in", cast.alice, day) for task in tasks))
    assert [reply.status for reply in replies] == [201] * 3
    assert max(reply.json["streak"]["current"] for reply in replies) == 3


async def test_beyond_the_bound_a_check_in_is_asked_to_come_back(door: Door, cast: Cast, monkeypatch: pytest.MonkeyPatch):
    [task] = await add_plan(cast, days=[TODAY])
    day = await a_day(door, cast, task.id)
    monkeypatch.setattr(batches, "WAITING_MOST", 0)
    reply = await door.post(f"/tasks/{task.id}/check-in", cast.alice, day)
    # The session is remembered by now, so that it is the check-in itself that is turned away.
    assert (reply.status, reply.code, reply.headers["Retry-After"]) == (503, "unavailable", "1")
    monkeypatch.undo()
    assert (await door.post(f"/tasks/{task.id}/check-in", cast.alice, day)).status == 201


async def test_the_streak_of_a_receipt_is_that_of_the_progress_page(door: Door, cast: Cast):
    days = [TODAY - timedelta(days=n) for n in range(6, -1, -1)]
    tasks = await add_plan(cast, days=days)
    day = await a_day(door, cast, tasks[0].id)
    leave = {"starts_on": str(days[1]), "ends_on": str(days[2]), "reason": "illness"}
    assert (await door.post(f"/members/{cast.alice.id}/leaves", cast.secretary, leave)).status == 201
    for task in (tasks[0], tasks[4], tasks[6]):
        assert (await door.post(f"/tasks/{task.id}/check-in", cast.alice, day)).status == 201
    told = await checkins_streak.streaks_with([(cast.alice.id, tasks[6].id, "k", TODAY)])
    states = await figures.days_of(cast.alice.id, today=TODAY)
    assert "".join(LETTERS[d.state] for d in states) == "meexmxk"
    assert told == {(cast.alice.id, tasks[6].id): streak(states, today=TODAY)}


async def test_what_another_process_wrote_is_seen_at_once_by_who_asks_for_a_fresh_answer(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY])
    day = await a_day(door, cast, task.id)

    async def checked_in(**headers: str) -> bool:
        reply = await door.get("/tasks/today", cast.alice, headers=headers)
        return reply.json["task"]["progress"]["checked_in"]

    assert not await checked_in()
    # As another process would: nothing in this one is told of it.
    await fetch(
        "INSERT INTO check_in (member_id, task_id, task_date, kind, checked_in_at, checked_in_on, firsts, rights, receipt, request_id) "
        "VALUES ($1, $2, $3, 'on_time', $4, $3, 0, 0, '{}', '')",
        cast.alice.id, task.id, TODAY, clock.now(),
    )  # fmt: skip
    assert not await checked_in(), "remembered"
    assert await checked_in(**{"Cache-Control": "no-cache"})
    assert await checked_in(), "and now it is known"
    await fetch("DELETE FROM check_in WHERE member_id = $1", cast.alice.id)
    tasks_content.forget(task.id)
    assert not await checked_in(), "no older than the content it goes with, at most five seconds"
    assert (await door.post(f"/tasks/{task.id}/readings", cast.alice, {"passages": day["passages"]})).status == 200
    shown = (await door.get("/tasks/today", cast.alice)).json["task"]["progress"]
    assert shown["passages_read"] == 2, "what this process wrote is seen at once"
