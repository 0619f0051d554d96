"""Answers through the door: the first counts, all are kept, and the figures follow."""

from __future__ import annotations

import asyncio

from door import Door
from people import RIGHT, WRONG, Cast, add_person, add_plan, whole_day

from backend.kernel import clock
from backend.kernel.database import fetch

TODAY = clock.today()


async def questions_of(door: Door, cast: Cast, task_id: int) -> list[dict]:
    return (await door.get(f"/tasks/{task_id}", cast.alice)).json["questions"]


async def counted(task_id: int) -> tuple[int, int]:
    row = (await fetch("SELECT SUM(firsts) AS firsts, SUM(rights) AS rights FROM task_figure WHERE task_id = $1", task_id))[0]
    return row["firsts"], row["rights"]


async def test_a_stranger_gets_nothing_and_another_branch_finds_nothing(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY])
    body = {"answers": [{"question": 1, "choice": ["A"]}]}
    assert (await door.post(f"/tasks/{task.id}/answers", None, body)).status == 401
    assert (await door.post(f"/tasks/{task.id}/answers", cast.other_member, body)).status == 404


async def test_the_first_answer_counts_and_a_repeat_returns_its_result(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY], questions=4)
    questions = await questions_of(door, cast, task.id)
    wrong = {"answers": [{"question": q["id"], **a} for q, a in zip(questions, WRONG, strict=True)]}
    right = {"answers": [{"question": q["id"], **a} for q, a in zip(questions, RIGHT, strict=True)]}
    first = await door.post(f"/tasks/{task.id}/answers", cast.alice, wrong)
    again = await door.post(f"/tasks/{task.id}/answers", cast.alice, right)
    assert (first.status, first.json["right"], first.json["total"]) == (200, 0, 4)
    assert again.json == first.json
    assert first.json["results"][0]["answer"] == ["B"]
    assert first.json["results"][0]["source"]["section"] == "s0"
    assert (await fetch("SELECT COUNT(*) AS n FROM answer WHERE task_id = $1", task.id))[0]["n"] == 8
    assert await counted(task.id) == (4, 0)


async def test_answers_given_before_the_check_in_are_taken_over_by_it(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY])
    shown = (await door.get(f"/tasks/{task.id}", cast.alice)).json
    day = whole_day(shown)
    await door.post(f"/tasks/{task.id}/answers", cast.alice, {"answers": whole_day(shown, right=False)["answers"][:1]})
    assert await counted(task.id) == (1, 0)
    reply = await door.post(f"/tasks/{task.id}/check-in", cast.alice, {"passages": day["passages"], "answers": day["answers"][1:]})
    assert [r["right"] for r in reply.json["results"]] == [False, True, True]
    assert await counted(task.id) == (3, 2)
    row = (await fetch("SELECT firsts, rights FROM check_in WHERE member_id = $1", cast.alice.id))[0]
    assert (row["firsts"], row["rights"]) == (3, 2)
    assert (await fetch("SELECT COUNT(*) AS n FROM answer_tally WHERE member_id = $1", cast.alice.id))[0]["n"] == 0


async def test_answers_and_check_ins_that_cross_are_counted_once(door: Door, cast: Cast):
    """Each person's answers and check-in arrive at the same moment; without the member's lock some firsts were counted by neither."""
    people = [await add_person(cast.branch, f"党员{n}") for n in range(20)]
    [task] = await add_plan(cast, days=[TODAY], members=[*people, cast.alice])
    day = whole_day((await door.get(f"/tasks/{task.id}", cast.alice)).json)
    await asyncio.gather(
        *(
            request
            for person in people
            for request in (
                *(door.post(f"/tasks/{task.id}/answers", person, {"answers": [answer]}) for answer in day["answers"]),
                door.post(f"/tasks/{task.id}/check-in", person, day),
            )
        )
    )
    assert await counted(task.id) == (60, 60)
    assert (await fetch("SELECT COUNT(*) AS n FROM answer_tally WHERE task_id = $1", task.id))[0]["n"] == 0
    rows = await fetch("SELECT firsts, rights FROM check_in WHERE task_id = $1", task.id)
    assert [(row["firsts"], row["rights"]) for row in rows] == [(3, 3)] * 20


async def test_the_book_of_mistakes_holds_what_was_answered_wrong_last(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY])
    questions = await questions_of(door, cast, task.id)
    body = {"answers": [{"question": q["id"], **a} for q, a in zip(questions, WRONG[:3], strict=True)]}
    await door.post(f"/tasks/{task.id}/answers", cast.alice, body)
    await door.post(f"/tasks/{task.id}/answers", cast.alice, {"answers": [{"question": questions[0]["id"], **RIGHT[0]}]})
    reply = await door.get("/me/mistakes", cast.alice)
    assert [item["question"]["id"] for item in reply.json["items"]] == [q["id"] for q in questions[1:]]
    assert reply.json["items"][0]["answer"] == ["A", "C"]
    assert (await door.get("/me/mistakes", cast.bob)).json == {"items": [], "next": None}
