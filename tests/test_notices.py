"""What a member is told of: a question answered once that was withdrawn since."""

from __future__ import annotations

from datetime import timedelta

from door import Door
from people import Cast, Person, add_person, add_plan, whole_day
from queries import counting

from backend import questions
from backend.kernel import clock
from backend.kernel.access import Actor
from models.members import Role
from models.questions import Question, Withdrawal


async def told(door: Door, who: Person) -> list[dict]:
    reply = await door.get("/me/notices", who)
    assert reply.status == 200, reply.body
    return reply.json["items"]


async def answered(door: Door, cast: Cast, who: Person) -> list[int]:
    """`who` answers today's questions: their ids."""
    [task] = await add_plan(cast, days=[clock.today()])
    shown = (await door.get(f"/tasks/{task.id}", who)).json
    assert (await door.post(f"/tasks/{task.id}/answers", who, json={"answers": whole_day(shown)["answers"]})).status == 200
    return [question["id"] for question in shown["questions"]]


async def test_a_stranger_is_told_nothing_and_a_member_only_of_the_own_answers(door: Door, cast: Cast) -> None:
    assert (await door.get("/me/notices")).status == 401
    first, *_ = await answered(door, cast, cast.alice)
    assert (await door.post(f"/questions/{first}/withdraw", cast.editor)).status == 204
    [notice] = await told(door, cast.alice)
    assert notice["title"] == "一道题已撤下" and (await Question.get(id=first)).stem in notice["text"]
    assert await told(door, cast.bob) == await told(door, cast.other_member) == []


async def test_a_branch_above_withdraws_for_those_below_and_another_branch_for_nobody_here(door: Door, cast: Cast) -> None:
    first, second, _ = await answered(door, cast, cast.alice)
    await Withdrawal.create(question_id=second, branch=cast.other, created_at=clock.now())
    assert await told(door, cast.alice) == []
    above = await add_person(cast.above, "上级编辑", roles=(Role.EDITOR,))
    actor = Actor(session_id=1, member_id=above.id, branch_id=cast.above.id, branch_path=cast.above.path, roles=frozenset({"editor"}))
    await Question.filter(id=first).update(branch_id=None)
    await questions.withdraw(actor, question_id=first)
    assert len(await told(door, cast.alice)) == 1


async def test_notices_cost_one_query_are_short_and_go_after_ninety_days(door: Door, cast: Cast) -> None:
    first, second, _ = await answered(door, cast, cast.alice)
    await Question.filter(id=first).update(stem="长" * 500)
    at = clock.now()
    await Withdrawal.create(question_id=first, branch=cast.branch, created_at=at)
    await Withdrawal.create(question_id=second, branch=cast.branch, created_at=at + timedelta(seconds=1))
    with counting() as queries:
        newest, oldest = await told(door, cast.alice)
    assert len(queries) == 1 and newest["id"] > oldest["id"] and len(oldest["text"]) < 120
    # Who answered after it was withdrawn, or long ago, has nothing to be told.
    await Withdrawal.filter(question_id=first).update(created_at=at - timedelta(days=91))
    await Withdrawal.filter(question_id=second).update(created_at=at - timedelta(days=1))
    assert await told(door, cast.alice) == []
