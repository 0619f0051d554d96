"""Item analysis: what a question's first answers say about it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from door import Door
from people import Cast, add_person, add_plan
from queries import counting

from backend import figures, quizzes
from backend.coverage_questions import correlation
from backend.kernel import clock
from backend.kernel.access import Actor
from backend.kernel.database import fetch
from models.questions import Withdrawal

TODAY = clock.today()


async def answer(cast: Cast, person, task_id: int, given: list[tuple[int, list[str] | None, str | None]]) -> None:
    actor = Actor(session_id=1, member_id=person.id, branch_id=cast.branch.id, branch_path=cast.branch.path)
    answers = [SimpleNamespace(question=question, choice=choice, text=text) for question, choice, text in given]
    await quizzes.answer(actor, task_id=task_id, answers=answers, today=TODAY)


async def questions_of(task_id: int) -> list[int]:
    rows = await fetch("SELECT question_id FROM task_question WHERE task_id = $1 ORDER BY position", task_id)
    return [row["question_id"] for row in rows]


async def analysis(door: Door, cast: Cast, **params) -> list[dict]:
    reply = await door.get("/stats/questions", cast.secretary, params=params)
    assert reply.status == 200, reply.body
    return reply.json["items"]


async def test_facility_discrimination_and_the_wrong_option_chosen_most(door: Door, cast: Cast):
    people = [await add_person(cast.branch, f"人{n}") for n in range(12)]
    [task] = await add_plan(cast, days=[TODAY], members=people, questions=4)
    single, multiple, true_false, blank = await questions_of(task.id)
    for n, person in enumerate(people):
        is_sure = n < 8
        await answer(
            cast, person, task.id,
            [
                (single, ["B"] if is_sure else ["D"] if n < 11 else ["A"], None),
                (multiple, ["A", "C"] if is_sure else ["A", "D"], None),
                (true_false, ["true"], None),
                (blank, None, "二十" if n % 2 else "十九"),
            ],
        )  # fmt: skip
        await answer(cast, person, task.id, [(single, ["A"], None)])
    found = {item["question"]: item for item in await analysis(door, cast)}
    assert list(found) == [single, multiple, true_false, blank]
    assert (found[single]["attempts"], found[single]["facility"]) == (12, 0.6667)
    assert found[single]["most_chosen_wrong"] == {"key": "D", "text": "选项D", "count": 3}
    # Of a multiple choice the letters that are not part of the answer.
    assert found[multiple]["most_chosen_wrong"] == {"key": "D", "text": "选项D", "count": 4}
    assert found[true_false]["most_chosen_wrong"] is None
    assert found[true_false]["discrimination"] is None
    assert found[blank]["most_chosen_wrong"] == {"key": "十九", "text": "十九", "count": 6}
    overall = [(1 + 2 * (n < 8) + n % 2) / 4 for n in range(12)]
    assert found[single]["discrimination"] == pytest.approx(pearson([n < 8 for n in range(12)], overall), abs=1e-4)
    assert found[single]["discrimination"] > found[blank]["discrimination"]


def pearson(xs, ys) -> float:
    mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
    up = sum((x - mx) * (y - my) for x, y in zip(xs, ys, strict=True))
    return up / (sum((x - mx) ** 2 for x in xs) * sum((y - my) ** 2 for y in ys)) ** 0.5


async def test_few_attempts_say_nothing_about_discrimination(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY])
    single, *_ = await questions_of(task.id)
    await answer(cast, cast.alice, task.id, [(single, ["A"], None)])
    [item] = await analysis(door, cast)
    assert (item["attempts"], item["facility"], item["discrimination"]) == (1, 0.0, None)


async def test_the_list_is_paged_and_costs_two_queries(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY], questions=3)
    chosen = await questions_of(task.id)
    await answer(cast, cast.alice, task.id, [(chosen[0], ["A"], None), (chosen[1], ["A"], None), (chosen[2], ["false"], None)])
    with counting() as queries:
        first = (await door.get("/stats/questions", cast.editor, params={"limit": "2"})).json
    assert len(queries) == 2
    rest = (await door.get("/stats/questions", cast.editor, params={"limit": "2", "cursor": first["next"]})).json
    assert [item["question"] for item in first["items"] + rest["items"]] == chosen
    assert rest["next"] is None


async def test_withdrawn_questions_other_branches_and_other_days_do_not_count(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY])
    single, multiple, _ = await questions_of(task.id)
    await answer(cast, cast.alice, task.id, [(single, ["A"], None), (multiple, ["A"], None)])
    await Withdrawal.create(question_id=single, branch=cast.branch, created_at=clock.now())
    await figures.retally([task.id])
    assert [item["question"] for item in await analysis(door, cast)] == [multiple]
    assert await analysis(door, cast, to="2023-01-01") == []
    assert (await door.get("/stats/questions", cast.other_secretary)).json["items"] == []


async def test_only_secretary_and_editor_see_the_analysis(door: Door, cast: Cast):
    for person in (cast.unit_head, cast.observer, cast.alice):
        assert (await door.get("/stats/questions", person)).code == "forbidden"


def test_a_correlation_without_variance_is_none():
    assert correlation(10, 10, 5.0, 2.5, 5.0) is None
    assert correlation(10, 5, 1.0, 0.1, 0.5) is None
    assert correlation(4, 2, 2, 2, 2) == 1.0
