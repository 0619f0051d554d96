"""Changing a future task."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from door import Door
from people import Cast, add_branch, add_content, add_plan

from backend.kernel import clock
from models.audit import AuditEntry
from models.questions import Withdrawal
from models.tasks import DailyTask
from models.texts import Passage

DAY = timedelta(days=1)


async def tomorrow(cast: Cast) -> DailyTask:
    return (await add_plan(cast, days=[clock.today() + DAY]))[0]


async def test_a_stranger_changes_nothing(door: Door, cast: Cast) -> None:
    task = await tomorrow(cast)
    for person, status in ((None, 401), (cast.alice, 403), (cast.unit_head, 403), (cast.observer, 403), (cast.other_secretary, 404)):
        assert (await door.ask("PATCH", f"/tasks/{task.id}", person, json={"title": "改"})).status == status
    assert (await door.ask("PATCH", f"/tasks/{2**62}", cast.editor, json={"title": "改"})).status == 404
    assert (await DailyTask.get(id=task.id)).title == task.title


async def test_members_meet_the_task_as_it_was_changed(door: Door, cast: Cast) -> None:
    task = await tomorrow(cast)
    passages, questions = await add_content(cast.branch, passages=3, questions=5, aspects=(2, 3))
    change = {
        "title": " 第一天　重读 ", "guidance": "先读后答。", "prompt": "写一句体会。", "aspects": [3, 2], "passages": passages[::-1],
        "questions": questions[::-1],
    }  # fmt: skip
    with clock.shifted(clock.at(task.date, 8)):
        await door.get("/tasks/today", cast.alice)
    reply = await door.ask("PATCH", f"/tasks/{task.id}", cast.editor, json=change)
    assert reply.status == 200
    assert reply.json == {
        **change, "id": task.id, "date": str(task.date), "title": "第一天 重读", "aspects": [2, 3],
        "makeup_until": str(task.date + 7 * DAY),
    }  # fmt: skip
    with clock.shifted(clock.at(task.date, 8)):
        shown = (await door.get("/tasks/today", cast.alice)).json["task"]
    assert (shown["title"], shown["guidance"], shown["prompt"]) == ("第一天 重读", "先读后答。", "写一句体会。")
    assert [p["id"] for p in shown["passages"]] == passages[::-1] and [q["id"] for q in shown["questions"]] == questions[::-1]
    assert [aspect["id"] for aspect in shown["aspects"]] == [2, 3]


async def test_what_is_left_out_stays_as_it_is(door: Door, cast: Cast) -> None:
    task = await tomorrow(cast)
    reply = await door.ask("PATCH", f"/tasks/{task.id}", cast.editor, json={"prompt": "写一句。"})
    assert (reply.json["title"], reply.json["aspects"]) == (task.title, [1])
    assert (len(reply.json["passages"]), len(reply.json["questions"])) == (2, 3)
    entry = await AuditEntry.get(branch_id=cast.branch.id, action="task:change")
    assert (entry.actor_id, entry.subject_id, entry.fields_changed) == (cast.editor.id, task.id, ["prompt"])


async def test_a_task_of_today_or_before_is_not_changed(door: Door, cast: Cast) -> None:
    today = clock.today()
    for task in await add_plan(cast, days=[today - DAY, today]):
        reply = await door.ask("PATCH", f"/tasks/{task.id}", cast.editor, json={"title": "改"})
        assert (reply.status, reply.code) == (409, "task_past")


@pytest.mark.parametrize(
    "change",
    [{}, {"title": ""}, {"title": "　"}, {"aspects": []}, {"aspects": [0]}, {"aspects": [4, 4]}, {"passages": []}, {"questions": []},
     {"date": "2026-01-01"}, {"passages": [2**62]}, {"questions": [2**62, 1, 2]}],
)  # fmt: skip
async def test_a_senseless_change_is_refused(door: Door, cast: Cast, change: dict[str, Any]) -> None:
    task = await tomorrow(cast)
    assert (await door.ask("PATCH", f"/tasks/{task.id}", cast.editor, json=change)).status == 422


async def test_only_three_to_five_different_open_questions_of_the_own_branch_are_taken(door: Door, cast: Cast) -> None:
    task = await tomorrow(cast)
    _, own = await add_content(cast.branch, questions=7)
    _, foreign = await add_content(await add_branch("邻支部"))
    await Withdrawal.create(question_id=own[6], branch=cast.above, created_at=clock.now())
    cases = (own[:2], own[:6], [own[0], own[0], own[1]], [*own[:2], foreign[0]], [*own[:2], own[6]])
    for questions in cases:
        reply = await door.ask("PATCH", f"/tasks/{task.id}", cast.editor, json={"questions": questions})
        assert reply.status == 422 and reply.json["errors"][0]["field"].startswith("questions"), questions
    assert (await door.ask("PATCH", f"/tasks/{task.id}", cast.editor, json={"questions": own[:5]})).status == 200


async def test_only_passages_in_force_are_taken(door: Door, cast: Cast) -> None:
    task = await tomorrow(cast)
    own, _ = await add_content(cast.branch)
    foreign, _ = await add_content(await add_branch("邻支部"))
    await Passage.filter(id=own[1]).update(retired_at=clock.now())
    for passages in (foreign[:1], own, [own[0], own[0]]):
        reply = await door.ask("PATCH", f"/tasks/{task.id}", cast.editor, json={"passages": passages})
        assert reply.status == 422, passages
    assert (await door.ask("PATCH", f"/tasks/{task.id}", cast.editor, json={"passages": own[:1]})).status == 200
