"""Reviews through the door: mistakes come back when they are about to be forgotten, ten a day, and no figure moves."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest
from door import Door
from people import RIGHT, WRONG, Cast, add_plan, whole_day

from backend import reviews
from backend.kernel import clock
from backend.kernel.database import fetch

TODAY = clock.today()


async def mistaken(door: Door, cast: Cast, *, days: int = 1) -> list[int]:
    """安敏 answers three questions of each of the last days wrong, a day each, and is asked for them from then on."""
    found = []
    for task in await add_plan(cast, days=[TODAY - timedelta(days=n) for n in range(days)]):
        shown = (await door.get(f"/tasks/{task.id}", cast.alice)).json
        reply = await door.post(f"/tasks/{task.id}/answers", cast.alice, {"answers": whole_day(shown, right=False)["answers"]})
        found += [result["question"] for result in reply.json["results"]]
    return sorted(set(found))


async def due(door: Door, cast: Cast) -> list[int]:
    return [item["question"]["id"] for item in (await door.get("/me/reviews", cast.alice)).json["items"]]


def of_kind(question: dict, answers: list[dict]) -> dict:
    return dict(zip(("single", "multiple", "true_false", "blank"), answers, strict=True))[question["kind"]]


async def book(door: Door, cast: Cast) -> dict[int, dict]:
    return {item["question"]["id"]: item["question"] for item in (await door.get("/me/mistakes", cast.alice)).json["items"]}


async def test_a_stranger_and_another_member_review_nothing(door: Door, cast: Cast):
    [first, *_] = await mistaken(door, cast)
    for person, status in ((None, 401), (cast.passer_by, 403), (cast.bob, 404), (cast.other_member, 404)):
        assert (await door.post(f"/me/reviews/{first}", person, {"choice": ["B"]})).status == status
    assert (await door.post("/me/reviews/987654321", cast.alice, {"choice": ["B"]})).status == 404
    assert (await door.get("/me/reviews", cast.bob)).json == {"items": [], "waiting": 0, "done": 0}


async def test_what_was_answered_right_is_not_asked_again(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY])
    shown = (await door.get(f"/tasks/{task.id}", cast.alice)).json
    await door.post(f"/tasks/{task.id}/answers", cast.alice, {"answers": whole_day(shown)["answers"]})
    with clock.shifted(clock.now() + timedelta(days=30)):
        assert (await door.get("/me/reviews", cast.alice)).json["items"] == []
    assert (await door.post(f"/me/reviews/{shown['questions'][0]['id']}", cast.alice, {"choice": ["B"]})).status == 404


async def test_a_mistake_comes_back_the_day_after_without_its_answer(door: Door, cast: Cast):
    wrong = await mistaken(door, cast)
    assert await due(door, cast) == []
    with clock.shifted(clock.now() + timedelta(days=1)):
        reply = (await door.get("/me/reviews", cast.alice)).json
    assert [item["question"]["id"] for item in reply["items"]] == wrong
    assert {item["due_on"] for item in reply["items"]} == {str(TODAY + timedelta(days=1))}
    assert set(reply["items"][0]["question"]) == {"id", "kind", "stem", "options"}


async def test_a_right_review_moves_it_away_and_out_of_the_book_and_moves_no_figure(door: Door, cast: Cast):
    [first, *rest] = await mistaken(door, cast)
    question = (await book(door, cast))[first]
    figures = "SELECT * FROM task_figure WHERE task_id IN (SELECT id FROM daily_task WHERE branch_id = $1) ORDER BY id"
    before = await fetch(figures, cast.branch.id)
    with clock.shifted(clock.now() + timedelta(days=1)):
        reply = await door.post(f"/me/reviews/{first}", cast.alice, of_kind(question, RIGHT))
        assert (reply.status, reply.json["right"], reply.json["question"]) == (200, True, first)
        assert reply.json["explanation"] and reply.json["source"]["section"]
        assert reply.json["next_on"] > str(TODAY + timedelta(days=2))
        assert await due(door, cast) == rest
        assert (await door.get("/me/reviews", cast.alice)).json["done"] == 1
        assert list(await book(door, cast)) == rest
    assert await fetch(figures, cast.branch.id) == before


async def test_a_wrong_review_brings_it_back_the_next_day_and_keeps_it_in_the_book(door: Door, cast: Cast):
    [first, *_] = await mistaken(door, cast)
    question = (await book(door, cast))[first]
    with clock.shifted(clock.now() + timedelta(days=1)):
        reply = await door.post(f"/me/reviews/{first}", cast.alice, of_kind(question, WRONG))
        assert (reply.json["right"], reply.json["next_on"]) == (False, str(TODAY + timedelta(days=2)))
        assert first in await book(door, cast)


async def test_once_more_on_the_same_day_returns_the_first_result_however_many_at_once(door: Door, cast: Cast):
    [first, *_] = await mistaken(door, cast)
    question = (await book(door, cast))[first]
    right, wrong = of_kind(question, RIGHT), of_kind(question, WRONG)
    began = await door.post(f"/me/reviews/{first}", cast.alice, wrong)
    again = await asyncio.gather(*(door.post(f"/me/reviews/{first}", cast.alice, right) for _ in range(20)))
    assert {(r.status, r.body) for r in again} == {(200, began.body)}
    assert (await fetch("SELECT COUNT(*) AS n FROM review WHERE member_id = $1", cast.alice.id))[0]["n"] == 1


async def test_a_mistake_made_again_in_a_later_task_comes_back_earlier(door: Door, cast: Cast):
    [first, *_] = await mistaken(door, cast)
    question = (await book(door, cast))[first]
    await door.post(f"/me/reviews/{first}", cast.alice, of_kind(question, RIGHT))
    later = clock.now() + timedelta(days=1)
    with clock.shifted(later):
        [task] = [t for t in await fetch("SELECT id FROM daily_task WHERE branch_id = $1", cast.branch.id)]
        answer = {"answers": [{"question": first, **of_kind(question, WRONG)}]}
        assert (await door.post(f"/tasks/{task['id']}/answers", cast.alice, answer)).status == 200
        assert first not in await due(door, cast)
    with clock.shifted(later + timedelta(days=1)):
        assert first in await due(door, cast)
        assert (await door.post(f"/me/reviews/{first}", cast.alice, of_kind(question, RIGHT))).json["right"] is True


@pytest.mark.parametrize("body", [{}, {"choice": ["Z"]}, {"choice": ["B"], "text": "二十"}, {"text": "二十"}, {"choice": "B"}])
async def test_a_malformed_review_is_refused_and_nothing_is_kept(door: Door, cast: Cast, body: dict):
    questions = await mistaken(door, cast) and await book(door, cast)
    single = next(number for number, question in questions.items() if question["kind"] == "single")
    assert (await door.post(f"/me/reviews/{single}", cast.alice, body)).status == 422
    assert await fetch("SELECT id FROM review WHERE member_id = $1", cast.alice.id) == []


async def test_a_withdrawn_question_leaves(door: Door, cast: Cast):
    [first, *rest] = await mistaken(door, cast)
    assert (await door.post(f"/questions/{first}/withdraw", cast.editor, {"reason": "题干有误"})).status == 204
    with clock.shifted(clock.now() + timedelta(days=1)):
        assert await due(door, cast) == rest
        assert (await door.post(f"/me/reviews/{first}", cast.alice, {"choice": ["B"]})).status == 404


async def test_after_a_pause_there_are_ten_a_day_and_the_others_wait(door: Door, cast: Cast, monkeypatch: pytest.MonkeyPatch):
    wrong = await mistaken(door, cast)
    monkeypatch.setattr(reviews, "A_DAY", 2)
    questions = await book(door, cast)
    with clock.shifted(clock.now() + timedelta(days=40)):
        shown = (await door.get("/me/reviews", cast.alice)).json
        assert ([item["question"]["id"] for item in shown["items"]], shown["waiting"]) == (wrong[:2], 1)
        nexts = []
        for number in wrong[:2]:
            nexts.append((await door.post(f"/me/reviews/{number}", cast.alice, of_kind(questions[number], RIGHT))).json["next_on"])
        assert (await door.get("/me/reviews", cast.alice)).json == {"items": [], "waiting": 1, "done": 2}
    with clock.shifted(clock.now() + timedelta(days=41)):
        assert await due(door, cast) == wrong[2:]
        nexts.append((await door.post(f"/me/reviews/{wrong[2]}", cast.alice, of_kind(questions[wrong[2]], RIGHT))).json["next_on"])
    assert max(nexts.count(day) for day in nexts) <= 2


def test_right_answers_come_back_ever_later_and_never_later_than_half_a_year():
    memory = reviews.mistaken(1, date(2026, 1, 1))
    assert memory.due_on == date(2026, 1, 2)
    gaps = []
    for _ in range(12):
        on = memory.due_on
        memory = reviews.remembered(memory, right=True, today=on)
        gaps.append((memory.due_on - on).days)
    assert gaps == sorted(gaps) and gaps[0] >= 1 and gaps[-1] == reviews.LONGEST
    forgotten = reviews.remembered(memory, right=False, today=memory.due_on)
    assert (forgotten.due_on - forgotten.on).days < 14 and forgotten.difficulty > memory.difficulty
