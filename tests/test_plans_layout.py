"""What a plan lays out: everything is covered evenly, in bulk, and an extension goes on where the plan stopped."""

from __future__ import annotations

import time
from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from door import Door
from people import Cast, add_content, add_person
from queries import counting

from backend import plans, plans_layout
from backend.kernel import clock
from backend.kernel.database import transactional
from backend.kernel.errors import Invalid
from backend.plans_layout import Material
from backend.rules.schedule import QuestionRef
from models.figures import TaskFigure
from models.plans import PlanMember, StudyPlan
from models.questions import Question, Withdrawal
from models.tasks import DailyTask, TaskAspect, TaskPassage, TaskQuestion
from models.texts import Aspect

DAY = timedelta(days=1)


async def make(cast: Cast, *, days: int, **changes: Any) -> int:
    today = clock.today()
    fields = {"weekdays": range(1, 8), "skip_holidays": False, "title": "排定", **changes}
    return await plans.create(None, branch_id=cast.branch.id, starts_on=today, ends_on=today + (days - 1) * DAY, today=today, **fields)


async def laid(plan_id: int) -> list[dict[str, Any]]:
    """The days of a plan in order, each with its ids of aspects, passages and questions."""
    found = []
    for task in await DailyTask.filter(plan_id=plan_id).order_by("date"):
        found.append(
            {
                "date": task.date,
                "title": task.title,
                "aspects": await TaskAspect.filter(task=task).values_list("aspect_id", flat=True),
                "passages": await TaskPassage.filter(task=task).order_by("position").values_list("passage_id", flat=True),
                "questions": await TaskQuestion.filter(task=task).order_by("position").values_list("question_id", flat=True),
            }
        )
    return found


async def add_own(cast: Cast, *, passages: int, questions: int, aspects: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """Content of the branch's own, with the shipped questions out of the way."""
    shipped = await Question.filter(branch_id=None).values_list("id", flat=True)
    rows = [Withdrawal(question_id=n, branch=cast.branch, created_at=clock.now()) for n in shipped]
    await Withdrawal.bulk_create(rows, ignore_conflicts=True)
    return await add_content(cast.branch, passages=passages, questions=questions, aspects=aspects)


async def add_all_aspects(cast: Cast, *, passages: int = 3, questions: int = 4) -> dict[int, tuple[list[int], list[int]]]:
    return {aspect: await add_own(cast, passages=passages, questions=questions, aspects=(aspect,)) for aspect in range(1, 10)}


async def test_every_aspect_passage_and_question_is_covered_evenly(cast: Cast) -> None:
    own = await add_all_aspects(cast)
    days = await laid(await make(cast, days=63))
    turns = Counter(aspect for day in days for aspect in day["aspects"])
    assert turns == dict.fromkeys(range(1, 10), 7)
    assert [day["aspects"] for day in days[:9]] == [[aspect] for aspect in range(1, 10)]
    reads = Counter(passage for day in days for passage in day["passages"])
    assert set(reads) == {passage for passages, _ in own.values() for passage in passages}
    assert max(reads.values()) - min(reads.values()) <= 1
    for aspect in range(1, 10):
        asked = Counter(q for day in days if day["aspects"] == [aspect] for q in day["questions"])
        assert set(own[aspect][1]) == set(asked) and max(asked.values()) - min(asked.values()) <= 1
    assert all(len(day["questions"]) == len(set(day["questions"])) == 3 for day in days)


async def test_fewer_days_than_aspects_still_cover_everything(cast: Cast) -> None:
    own = await add_all_aspects(cast, questions=5)
    days = await laid(await make(cast, days=2, questions_per_day=5))
    assert [day["aspects"] for day in days] == [[1, 2, 3, 4], [5, 6, 7, 8, 9]]
    assert {passage for day in days for passage in day["passages"]} == {passage for passages, _ in own.values() for passage in passages}
    assert days[1]["title"].startswith("第2天 · ") and days[1]["title"].endswith("等5个方面")


async def test_aspects_come_in_the_order_of_the_plan(cast: Cast) -> None:
    await add_all_aspects(cast)
    days = await laid(await make(cast, days=4, aspects=[7, 2]))
    assert [day["aspects"] for day in days] == [[7], [2], [7], [2]]


async def test_guidance_and_prompt_come_from_the_aspect(door: Door, cast: Cast) -> None:
    await add_content(cast.branch)
    await make(cast, days=1, aspects=[1])
    aspect = await Aspect.get(id=1)
    task = (await door.get("/tasks/today", cast.alice)).json["task"]
    assert task["guidance"].startswith(aspect.guidance) and task["prompt"] == aspect.prompt
    assert task["title"] == f"第1天 · {aspect.short}" and task["aspects"] == [{"id": 1, "title": aspect.title}]


def test_an_aspect_with_nothing_to_read_or_too_little_to_ask_is_named() -> None:
    stock = Material(passages={1: [10], 2: []}, questions={1: [QuestionRef(n, None, None) for n in (5, 6, 6)], 2: []}, sections={10: 1})
    with pytest.raises(Invalid) as error:
        plans_layout.laid_out([date(2026, 3, 2)], [1, 2], stock, 3)
    assert error.value.code == "no_passages" and "方面 2" in error.value.detail
    with pytest.raises(Invalid) as error:
        plans_layout.refuse_too_few_questions(stock, [1], 3)
    assert error.value.code == "too_few_questions" and "方面 1（现有 2 道）" in error.value.detail
    plans_layout.refuse_too_few_questions(stock, [1], 2)


async def test_a_year_for_sixty_members_is_laid_out_in_bulk(cast: Cast) -> None:
    await add_all_aspects(cast, passages=12, questions=8)

    @transactional
    async def enrol() -> None:
        for n in range(55):
            await add_person(cast.branch, f"党员{n}", bound=False, consented=False)

    await enrol()
    began = time.process_time()
    with counting() as queries:
        plan_id = await make(cast, days=366)
    took = time.process_time() - began
    assert await DailyTask.filter(plan_id=plan_id).count() == 366
    assert await PlanMember.filter(plan_id=plan_id).count() == 60
    figures = await TaskFigure.filter(task__plan_id=plan_id).values_list("assigned", flat=True)
    assert sum(figures) == 366 * 60
    assert len(queries) < 60, "no query for a task or a member"
    assert took < 3, "seconds of work in this process"


async def test_an_extension_goes_on_where_the_plan_stopped(cast: Cast) -> None:
    own = await add_all_aspects(cast, passages=6)
    plan_id = await make(cast, days=11)
    before = await laid(plan_id)
    today = clock.today()
    assert await plans.extend(plan_id, ends_on=today + 62 * DAY, today=today) == 52
    days = await laid(plan_id)
    assert days[:11] == before and len(days) == 63 and days[-1]["date"] == today + 62 * DAY
    assert [day["aspects"] for day in days] == [[n % 9 + 1] for n in range(63)], "the turns go on"
    assert days[11]["title"].startswith("第12天 · ")
    reads = Counter(passage for day in days[11:] for passage in day["passages"])
    assert set(reads) == {passage for passages, _ in own.values() for passage in passages}, "a whole pass more"
    assert (await StudyPlan.get(id=plan_id)).ends_on == today + 62 * DAY


async def test_short_extensions_keep_the_old_pace_and_read_on(cast: Cast) -> None:
    passages, questions = await add_own(cast, passages=12, questions=9, aspects=(1,))
    plan_id = await make(cast, days=4, aspects=[1])
    today = clock.today()
    for n in range(4):
        assert await plans.extend(plan_id, ends_on=today + (4 + n) * DAY, today=today) == 1
    days = await laid(plan_id)
    assert [len(day["passages"]) for day in days] == [3] * 8, "never everything in one day"
    assert [passage for day in days for passage in day["passages"]] == passages * 2
    asked = Counter(question for day in days for question in day["questions"])
    assert set(questions) == set(asked) and max(asked.values()) - min(asked.values()) <= 1


async def test_an_extended_plan_keeps_its_audience_and_its_figures(cast: Cast) -> None:
    await add_content(cast.branch)
    plan_id = await make(cast, days=2, aspects=[1])
    today = clock.today()
    late = await add_person(cast.branch, "后来者", joined_on=today + 5 * DAY)
    await plans.extend(plan_id, ends_on=today + 6 * DAY, today=today)
    counts = await TaskFigure.filter(task__plan_id=plan_id).values_list("task__date", "assigned")
    by_day: Counter[date] = Counter()
    for day, assigned in counts:
        by_day[day] += assigned
    assert [by_day[today + n * DAY] for n in range(7)] == [5, 5, 5, 5, 5, 6, 6]
    assert await PlanMember.exists(plan_id=plan_id, member_id=late.id, starts_on=today + 5 * DAY)


async def test_an_extension_never_lays_out_a_day_of_the_past(cast: Cast) -> None:
    await add_content(cast.branch)
    plan_id = await make(cast, days=2, aspects=[1])
    later = clock.today() + 30 * DAY
    assert await plans.extend(plan_id, ends_on=later + DAY, today=later) == 2
    assert [day["date"] for day in await laid(plan_id)][2:] == [later, later + DAY]
    assert await plans.extend(plan_id, ends_on=later, today=later) == 0
