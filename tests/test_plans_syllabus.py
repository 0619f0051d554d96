"""Plans along the shipped syllabus: what each day reads and asks, what a stranger may see, what an import and a withdrawal change."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from commands import run
from door import Door
from official import PACK, as_txt, filler, lines
from people import Cast
from queries import counting

from backend import curriculum, curriculum_syllabus, plans
from backend.cli import plan as commands
from backend.kernel import clock
from backend.kernel.database import fetch, transactional
from backend.tasks_content import content_of
from models.plans import StudyPlan
from models.questions import Question, Withdrawal
from models.syllabuses import SyllabusDay
from models.tasks import DailyTask

DAY = timedelta(days=1)
KEY = "ninety-days"

pytestmark = pytest.mark.usefixtures("pack")


def wish(*, days: int = 90, **changes: Any) -> dict[str, Any]:
    today = clock.today()
    return {
        "title": "九十天", "starts_on": str(today), "ends_on": str(today + (days - 1) * DAY), "weekdays": [1, 2, 3, 4, 5, 6, 7],
        "skip_holidays": False, "syllabus": KEY, **changes,
    }  # fmt: skip


async def make(cast: Cast, *, days: int = 90, **changes: Any) -> int:
    today = clock.today()
    fields = {"weekdays": range(1, 8), "skip_holidays": False, "title": "九十天", "syllabus": KEY, **changes}
    return await plans.create(None, branch_id=cast.branch.id, starts_on=today, ends_on=today + (days - 1) * DAY, today=today, **fields)


async def read_on(plan_id: int) -> list[list[tuple[str, str, str | None]]]:
    """Of each day in order: (text, unit, body) of its passages."""
    rows = await fetch(
        "SELECT t.id, x.key AS text, s.key AS unit, p.body FROM daily_task t LEFT JOIN task_passage tp ON tp.task_id = t.id "
        "LEFT JOIN passage p ON p.id = tp.passage_id LEFT JOIN section s ON s.id = p.section_id LEFT JOIN text x ON x.id = s.text_id "
        "WHERE t.plan_id = $1 ORDER BY t.date, tp.position",
        plan_id,
    )
    days: dict[int, list] = {}
    for row in rows:
        days.setdefault(row["id"], []).append((row["text"], row["unit"], row["body"]))
    return list(days.values())


async def asked_on(plan_id: int) -> list[list[str | None]]:
    """Of each day in order: the keys of its questions."""
    rows = await fetch(
        "SELECT t.id, q.key FROM daily_task t JOIN task_question tq ON tq.task_id = t.id JOIN question q ON q.id = tq.question_id "
        "WHERE t.plan_id = $1 ORDER BY t.date, tq.position",
        plan_id,
    )
    days: dict[int, list] = {}
    for row in rows:
        days.setdefault(row["id"], []).append(row["key"])
    return list(days.values())


async def shipped_days() -> list[SyllabusDay]:
    return await SyllabusDay.filter(syllabus__key=KEY).order_by("number")


async def bring(door: Door, cast: Cast, text: list[str], **params: str) -> None:
    form = aiohttp.FormData()
    form.add_field("file", as_txt(text), filename="report.txt")
    reply = await door.ask("POST", "/texts/import", cast.editor, data=form, params=params)
    assert reply.status == 200, reply.body


async def test_strangers_and_members_see_no_syllabus_and_the_office_sees_all_of_it(door: Door, cast: Cast):
    assert (await door.get("/syllabuses")).status == 401
    for person in (cast.alice, cast.unit_head, cast.observer):
        assert (await door.get("/syllabuses", person)).status == 403
    with counting() as queries:
        page = (await door.get("/syllabuses", cast.editor)).json
    assert len(queries) < 8
    found = next(item for item in page["items"] if item["key"] == KEY)
    assert [day["number"] for day in found["days"]] == list(range(1, 91))
    assert [day["number"] for day in found["days"] if day["is_review"]] == list(range(7, 91, 7))
    assert "a1-s0-01" not in str(page), "its questions are for the day on which they are asked"


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"syllabus": "no-such"}, "syllabus"), ({"syllabus": ""}, "syllabus"), ({"aspects": [1, 2]}, "aspects")],
)
async def test_an_unknown_syllabus_or_a_choice_of_aspects_beside_one_is_refused(door: Door, cast: Cast, changes: dict, field: str):
    reply = await door.post("/plans", cast.editor, wish(**changes))
    assert reply.status == 422 and field in str(reply.json)
    assert not await StudyPlan.exists(branch=cast.branch)


async def test_a_plan_follows_the_syllabus_from_its_first_day(door: Door, cast: Cast):
    made = await door.post("/plans", cast.editor, wish())
    assert made.status == 201 and (made.json["syllabus"], made.json["tasks"], made.json["members"]) == (KEY, 90, 5)
    shown = (await door.get(f"/plans/{made.json['id']}", cast.secretary)).json["days"]
    syllabus = await shipped_days()
    assert [day["title"] for day in shown] == [f"第{day.number}天 · {day.title}" for day in syllabus]
    assert [day["aspects"] for day in shown] == [day.aspects for day in syllabus]
    assert await asked_on(made.json["id"]) == [day.questions for day in syllabus]
    read = await read_on(made.json["id"])
    assert [[(text, unit) for text, unit, _ in day] for day in read] == [[(u["text"], u["unit"]) for u in day.units] for day in syllabus]
    reviews = await DailyTask.filter(plan_id=made.json["id"], course="review").order_by("date").values_list("date", flat=True)
    assert reviews == [clock.today() + n * DAY for n in range(6, 90, 7)]


async def test_a_member_reads_the_days_own_guidance_and_that_of_a_unit_when_it_begins(door: Door, cast: Cast):
    await door.post("/plans", cast.editor, wish())
    first, second = (await shipped_days())[:2]
    units = {section["key"]: section for section in (await door.get("/texts", cast.alice)).json["items"][0]["sections"]}
    task = (await door.get("/tasks/today", cast.alice)).json["task"]
    assert task["guidance"].startswith(f"{first.guidance}\n序言") and len(task["guidance"]) > len(first.guidance) + 80
    [passage] = task["passages"]
    assert passage["source_url"] == units["s0"]["source_url"] and passage["source_url"].startswith("https://www.gov.cn/")
    tomorrow = await DailyTask.get(branch=cast.branch, date=clock.today() + DAY)
    assert tomorrow.guidance == second.guidance


async def test_the_constitution_and_the_speech_lead_to_their_own_addresses(cast: Cast):
    plan_id = await make(cast)
    tasks = await DailyTask.filter(plan_id=plan_id).order_by("date")
    for place, host in ((5, "12371.cn"), (89, "qstheory.cn")):
        content = await content_of(tasks[place].id)
        assert [host in passage.source_url for passage in content.passages] == [True], content.title


async def test_weekdays_leave_days_out_and_the_syllabus_goes_on_behind_them(cast: Cast):
    plan_id = await make(cast, days=28, weekdays=[1, 3])
    tasks = await DailyTask.filter(plan_id=plan_id).order_by("date")
    assert len(tasks) == 8 and {task.date.isoweekday() for task in tasks} == {1, 3}
    assert [task.title.split(" · ")[1] for task in tasks] == [day.title for day in (await shipped_days())[:8]]


async def test_a_longer_plan_goes_on_evenly_with_the_report(cast: Cast):
    plan_id = await make(cast, days=108, questions_per_day=4)
    tasks = await DailyTask.filter(plan_id=plan_id).order_by("date")
    assert len(tasks) == 108 and tasks[90].title.startswith("第91天 · ") and tasks[89].title.startswith("第90天 · ")
    after, asked = (await read_on(plan_id))[90:], (await asked_on(plan_id))[90:]
    assert {text for day in after for text, _, _ in day} == {"report"}
    assert all(len(day) == 4 for day in asked)
    before = {key for day in (await asked_on(plan_id))[:90] for key in day}
    assert not before & set(asked[0]), "what was not asked yet comes first"


async def test_a_short_plan_that_is_extended_takes_up_the_syllabus_where_it_stopped(cast: Cast):
    plan_id = await make(cast, days=10)
    today = clock.today()
    assert await plans.extend(plan_id, ends_on=today + 94 * DAY, today=today) == 85
    syllabus = await shipped_days()
    tasks = await DailyTask.filter(plan_id=plan_id).order_by("date")
    assert [task.title.split(" · ")[1] for task in tasks[:90]] == [day.title for day in syllabus]
    assert (await asked_on(plan_id))[:90] == [day.questions for day in syllabus]
    assert tasks[94].title.startswith("第95天 · ")


@pytest.mark.parametrize("when", ["before", "after"])
async def test_imported_passages_are_spread_in_order_over_the_days_of_their_unit(door: Door, cast: Cast, when: str):
    """Before: the plan is laid out with them. After: they take the place of the placeholder, and today's task keeps its own."""
    if when == "before":
        await bring(door, cast, lines(per_section=9))
    plan_id = await make(cast)
    if when == "after":
        await bring(door, cast, lines(per_section=9))
    days, syllabus = await read_on(plan_id), await shipped_days()
    for number in range(16):
        bodies = [body for day, of in zip(days, syllabus, strict=True) if not of.is_review for _, unit, body in day if unit == f"s{number}"]
        expected = [filler(number, n) for n in range(1, 10)]
        if when == "after" and number == 0:
            assert bodies == [None, *expected], "today's task is not touched"
        else:
            assert bodies == expected, number
    per_day = [len([1 for text, _, _ in day if text == "report"]) for day, of in zip(days, syllabus, strict=True) if not of.is_review]
    assert max(per_day) <= 6, "never everything in one day"
    for day, of in zip(days, syllabus, strict=True):
        if of.is_review:
            units = [unit["unit"] for unit in of.units if unit["text"] == "report"]
            assert [body for text, _, body in day if text == "report"] == [filler(int(unit[1:]), 1) for unit in units]


async def test_the_days_after_the_syllabus_take_no_first_reading_from_it(door: Door, cast: Cast):
    """A plan of 100 days, laid out before the import: the days from the 91st on read once more what the first ninety read."""
    plan_id = await make(cast, days=100)
    await bring(door, cast, lines(per_section=9))
    days, syllabus = await read_on(plan_id), await shipped_days()
    along = [day for day, of in zip(days, syllabus, strict=False) if not of.is_review]
    assert {body for day in along for text, _, body in day if text == "report"} >= {filler(1, n) for n in range(1, 10)}
    assert all(body is not None for day in days[90:] for _, _, body in day)


async def test_what_comes_between_two_layouts_is_read_once(door: Door, cast: Cast):
    """A plan of one day, an import, then the rest: the passages of the unit are spread over the days that are left."""
    plan_id = await make(cast, days=1)
    await bring(door, cast, lines(per_section=8))
    today = clock.today()
    await plans.extend(plan_id, ends_on=today + 89 * DAY, today=today)
    reviews = {day.number for day in await shipped_days() if day.is_review}
    days = [day for number, day in enumerate(await read_on(plan_id), start=1) if number not in reviews]
    bodies = Counter(body for day in days for text, _, body in day if text == "report")
    assert bodies.pop(None) == 1 and bodies == Counter(filler(s, n) for s in range(16) for n in range(1, 9))


async def test_a_withdrawn_question_gives_its_place_to_another_of_the_day(cast: Cast):
    gone = (await shipped_days())[0].questions[0]
    question = await Question.get(key=gone)
    await Withdrawal.create(question=question, branch=cast.branch, created_at=clock.now())
    asked = await asked_on(await make(cast))
    assert gone not in {key for day in asked for key in day}
    assert [len(day) for day in asked] == [len(day.questions) for day in await shipped_days()]
    instead = set(asked[0]) - set((await shipped_days())[0].questions)
    assert [key[:6] for key in instead] == ["a1-s0-"] and all(not instead & set(day) for day in asked[1:])


async def test_ninety_days_are_laid_out_in_bulk(cast: Cast):
    with counting() as queries:
        await make(cast)
    assert len(queries) < 60, "no query for a day"


async def test_an_even_plan_reads_and_asks_the_report_alone(cast: Cast):
    plan_id = await make(cast, days=18, syllabus=None)
    assert {text for day in await read_on(plan_id) for text, _, _ in day} == {"report"}
    assert not [key for day in await asked_on(plan_id) for key in day if "-c" in key]
    assert not await DailyTask.exists(plan_id=plan_id, course="review")


async def test_the_command_lays_out_a_plan_along_the_syllabus(cast: Cast, capsys: pytest.CaptureFixture[str]):
    today = clock.today()
    words = ["create", "--branch", str(cast.branch.id), "--title", "每日学习", "--from", str(today), "--to", str(today + 20 * DAY)]
    await run(commands, *words, "--weekdays", "1-7", "--ignore-holidays", "--syllabus", KEY)
    plan = await StudyPlan.get(id=int(capsys.readouterr().out))
    assert plan.syllabus == KEY and await DailyTask.filter(plan=plan, course="review").count() == 3


async def test_a_later_pack_changes_plans_to_come_and_no_plan_that_is(cast: Cast):
    """The shipped syllabus is loaded again with another first title; what is laid out keeps the old one."""
    plan_id = await make(cast, days=2)
    written = curriculum.read(PACK).syllabuses[0]
    changed = {**written, "days": [{**written["days"][0], "title": "另一个题目"}, *written["days"][1:]]}
    try:
        await transactional(curriculum_syllabus.load)(changed)
        assert (await shipped_days())[0].title == "另一个题目" and len(await shipped_days()) == 90
        assert "另一个题目" not in (await DailyTask.get(plan_id=plan_id, date=clock.today())).title
    finally:
        await transactional(curriculum_syllabus.load)(written)
