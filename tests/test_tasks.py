"""Daily tasks as a member meets them: today's, those of a period, one in full."""

from __future__ import annotations

from datetime import date, timedelta

from door import Door
from people import Cast, add_content, add_person, add_plan, whole_day
from queries import counting

from backend import tasks_content, tasks_today
from backend.kernel import clock
from models.checkins import CheckIn
from models.leaves import Leave, LeaveReason, LeaveState
from models.plans import PlanMember
from models.questions import Withdrawal
from models.tasks import TaskFetch
from models.texts import Passage

DAY = timedelta(days=1)
TASK = {"id", "date", "title", "aspects", "guidance", "passages", "questions", "prompt", "progress", "makeup_until"}


async def add_leave(member_id: int, first: date, last: date) -> None:
    await Leave.create(
        member_id=member_id, starts_on=first, ends_on=last, reason=LeaveReason.TRAVEL, state=LeaveState.GRANTED, created_at=clock.now()
    )


async def test_a_stranger_sees_no_task(door: Door, cast: Cast) -> None:
    task = (await add_plan(cast, days=[clock.today()]))[0]
    assert (await door.get("/tasks/today")).status == 401
    assert (await door.get("/tasks/today", cast.passer_by)).code == "not_bound"
    foreign, missing = [await door.get(f"/tasks/{n}", cast.other_member) for n in (task.id, 2**62)]
    assert foreign.status == missing.status == 404 and foreign.json["detail"] == missing.json["detail"]
    assert (await door.get("/tasks/today", cast.other_member)).json["task"] is None
    assert (await door.get("/tasks", cast.other_member)).json["items"] == []


async def test_todays_task_comes_in_full_and_never_with_an_answer(door: Door, cast: Cast) -> None:
    today = clock.today()
    laid = (await add_plan(cast, days=[today, today + 3 * DAY], aspects=(1, 4), questions=4))[0]
    reply = await door.get("/tasks/today", cast.alice)
    assert (reply.status, reply.json["date"], reply.json["next_date"]) == (200, str(today), str(today + 3 * DAY))
    task = reply.json["task"]
    assert task.keys() == TASK and task["id"] == laid.id and task["makeup_until"] == str(today + 7 * DAY)
    assert [aspect["id"] for aspect in task["aspects"]] == [1, 4] and task["aspects"][0].keys() == {"id", "title"}
    assert task["passages"][0].keys() == {"id", "section", "number", "text", "source_url", "read"}
    assert [question["kind"] for question in task["questions"]] == ["single", "multiple", "true_false", "blank"]
    assert all(question.keys() == {"id", "kind", "stem", "options"} for question in task["questions"])
    assert task["progress"] == {
        "passages_read": 0, "passages_total": 2, "questions_answered": 0, "questions_total": 4, "checked_in": False, "kind": None,
    }  # fmt: skip
    assert (await door.get(f"/tasks/{laid.id}", cast.alice)).json == task


async def test_a_day_without_a_task_names_the_next_one(door: Door, cast: Cast) -> None:
    today = clock.today()
    await add_plan(cast, days=[today - DAY, today + 2 * DAY])
    assert (await door.get("/tasks/today", cast.bob)).json == {"date": str(today), "task": None, "next_date": str(today + 2 * DAY)}


async def test_the_next_day_is_one_outside_a_leave_and_inside_the_audience(door: Door, cast: Cast) -> None:
    today = clock.today()
    await add_plan(cast, days=[today + n * DAY for n in range(1, 6)])
    await add_leave(cast.alice.id, today, today + 2 * DAY)
    await PlanMember.filter(plan=cast.plan, member_id=cast.bob.id).update(until=today + DAY)
    assert (await door.get("/tasks/today", cast.alice)).json["next_date"] == str(today + 3 * DAY)
    assert (await door.get("/tasks/today", cast.bob)).json["next_date"] is None


async def test_progress_follows_readings_answers_and_the_check_in(door: Door, cast: Cast) -> None:
    task = (await add_plan(cast, days=[clock.today()]))[0]
    shown = (await door.get("/tasks/today", cast.alice)).json["task"]
    body = whole_day(shown)
    await door.post(f"/tasks/{task.id}/readings", cast.alice, {"passages": body["passages"][:1]})
    await door.post(f"/tasks/{task.id}/answers", cast.alice, {"answers": body["answers"][:2]})
    shown = (await door.get("/tasks/today", cast.alice)).json["task"]
    assert [passage["read"] for passage in shown["passages"]] == [True, False]
    assert (shown["progress"]["passages_read"], shown["progress"]["questions_answered"]) == (1, 2)
    assert (await door.post(f"/tasks/{task.id}/check-in", cast.alice, body)).status == 201
    progress = (await door.get(f"/tasks/{task.id}", cast.alice)).json["progress"]
    assert (progress["passages_read"], progress["questions_answered"], progress["checked_in"], progress["kind"]) == (2, 3, True, "on_time")
    assert (await door.get("/tasks/today", cast.bob)).json["task"]["progress"]["passages_read"] == 0


async def test_members_who_share_an_answer_part_when_one_has_done_more_than_the_other(door: Door, cast: Cast) -> None:
    task = (await add_plan(cast, days=[clock.today(), clock.today() + DAY]))[0]
    first, same = [(await door.get("/tasks/today", member)).json for member in (cast.alice, cast.bob)]
    assert first == same
    passage = first["task"]["passages"][0]["id"]
    assert (await door.post(f"/tasks/{task.id}/readings", cast.alice, {"passages": [passage]})).status < 300
    await add_leave(cast.bob.id, clock.today() + DAY, clock.today() + DAY)
    tasks_today.forget([cast.bob.id])
    read, other = [(await door.get("/tasks/today", member)).json for member in (cast.alice, cast.bob)]
    assert [p["read"] for p in read["task"]["passages"]] == [True, False] and read["task"]["progress"]["passages_read"] == 1
    assert [p["read"] for p in other["task"]["passages"]] == [False, False] and other["next_date"] is None
    assert read["next_date"] == str(clock.today() + DAY)


async def test_every_status_is_shown_in_the_list(door: Door, cast: Cast) -> None:
    today = clock.today()
    days = [today + n * DAY for n in range(-5, 2)]
    laid = await add_plan(cast, days=days, aspects=(2, 7))
    await add_leave(cast.alice.id, today - 2 * DAY, today - 2 * DAY)

    async def done(at: int, kind: str, recorded_by: int | None = None) -> None:
        await CheckIn.create(
            member_id=cast.alice.id, task_id=laid[at].id, task_date=days[at], kind=kind, checked_in_at=clock.now(), checked_in_on=today,
            recorded_by_id=recorded_by, receipt={},
        )  # fmt: skip

    await done(0, "on_time")
    await done(1, "makeup")
    await done(2, "on_time", cast.unit_head.id)
    reply = await door.get("/tasks", cast.alice, params={"from": str(days[0]), "to": str(days[-1])})
    items = reply.json["items"]
    assert reply.json["next"] is None and [item["date"] for item in items] == [str(day) for day in days]
    assert [item["status"] for item in items] == ["done", "makeup", "done", "excused", "missed", "open", "upcoming"]
    assert [item["recorded_by"] for item in items] == [None, None, {"id": cast.unit_head.id, "name": "郝主任"}, None, None, None, None]
    assert items[0]["aspects"] == [2, 7] and items[0]["makeup_until"] == str(days[0] + 7 * DAY)


async def test_the_list_is_the_current_month_unless_told_otherwise(door: Door, cast: Cast) -> None:
    today = clock.today()
    first = today.replace(day=1)
    await add_plan(cast, days=[first - DAY, first, today] if today != first else [first - DAY, first])
    dates = [item["date"] for item in (await door.get("/tasks", cast.alice)).json["items"]]
    assert dates == sorted({str(first), str(today)})
    before = await door.get("/tasks", cast.alice, params={"to": str(first - DAY)})
    assert [item["date"] for item in before.json["items"]] == [str(first - DAY)]


async def test_a_senseless_or_endless_period_is_refused(door: Door, cast: Cast) -> None:
    for first, last in (("2026-03-02", "2026-03-01"), ("2025-01-01", "2026-02-05"), ("2026-02-30", "2026-03-01")):
        reply = await door.get("/tasks", cast.alice, params={"from": first, "to": last})
        assert reply.status == 422, (first, last)
    assert (await door.get("/tasks", cast.alice, params={"from": "2025-01-01", "to": "2026-02-04"})).status == 200, "400 days"


async def test_a_future_task_is_listed_but_not_open(door: Door, cast: Cast) -> None:
    task = (await add_plan(cast, days=[clock.today() + DAY]))[0]
    reply = await door.get(f"/tasks/{task.id}", cast.alice)
    assert (reply.status, reply.code) == (409, "not_open")


async def test_a_late_joiner_has_no_task_from_before_the_day_of_joining(door: Door, cast: Cast) -> None:
    today = clock.today()
    late = await add_person(cast.branch, "新同志", joined_on=today)
    before, now = await add_plan(cast, days=[today - DAY, today], members=[late])
    assert (await door.get(f"/tasks/{before.id}", late)).status == 404
    assert (await door.get(f"/tasks/{now.id}", late)).status == 200
    listed = (await door.get("/tasks", late, params={"from": str(today - DAY), "to": str(today)})).json["items"]
    assert [item["id"] for item in listed] == [now.id]


async def test_a_past_task_can_be_looked_at_without_consent(door: Door, cast: Cast) -> None:
    today = clock.today()
    reluctant = await add_person(cast.branch, "未同意", consented=False)
    task = (await add_plan(cast, days=[today - 30 * DAY], members=[reluctant]))[0]
    assert (await door.get(f"/tasks/{task.id}", reluctant)).status == 200


async def test_a_session_that_fetched_the_task_on_its_day_is_kept_as_evidence_once(door: Door, cast: Cast) -> None:
    today = clock.today()
    before, now = await add_plan(cast, days=[today - DAY, today])
    for path in ("today", str(now.id), str(before.id), "today"):
        await door.get(f"/tasks/{path}", cast.alice)
    fetched = await TaskFetch.filter(session__member_id=cast.alice.id).values_list("task_id", "fetched_on")
    assert fetched == [(now.id, today)]
    assert not await TaskFetch.exists(session__member_id=cast.bob.id)


async def test_a_withdrawn_question_is_no_longer_asked(door: Door, cast: Cast) -> None:
    task = (await add_plan(cast, days=[clock.today()]))[0]
    asked = (await door.get("/tasks/today", cast.alice)).json["task"]["questions"]
    await Withdrawal.create(question_id=asked[0]["id"], branch=cast.above, created_at=clock.now())
    tasks_content.forget(task.id)
    shown = (await door.get("/tasks/today", cast.alice)).json["task"]
    assert [q["id"] for q in shown["questions"]] == [q["id"] for q in asked[1:]] and shown["progress"]["questions_total"] == 2
    assert (await tasks_content.content_of(task.id)).withdrawn == {asked[0]["id"]}


async def test_a_passage_that_was_not_imported_leads_to_its_source(door: Door, cast: Cast) -> None:
    await add_plan(cast, days=[clock.today()], passages=1)
    await Passage.filter(section__text__branch_id=cast.branch.id).update(body=None)
    passage = (await door.get("/tasks/today", cast.alice)).json["task"]["passages"][0]
    assert passage["text"] is None and passage["source_url"] == "https://example.org/text" and passage["section"] == "序言"


async def test_content_is_asked_of_the_database_once_for_all_members(door: Door, cast: Cast) -> None:
    await add_plan(cast, days=[clock.today()])
    await door.get("/tasks/today", cast.bob)
    with counting() as queries:
        assert (await door.get("/tasks/today", cast.bob)).status == 200
    assert len(queries) == 0, "what was just told is remembered"
    with counting() as queries:
        assert (await door.get("/tasks/today", cast.bob, headers={"Cache-Control": "no-cache"})).status == 200
    assert len(queries) == 3, "the pair, the next day, the marks"
    with counting() as queries:
        assert (await door.get("/tasks/today", cast.alice)).status == 200
    assert len(queries) == 4, "and once a day the evidence of the fetch"


async def test_list_and_detail_take_a_fixed_number_of_queries(door: Door, cast: Cast) -> None:
    today = clock.today()
    laid = await add_plan(cast, days=[today - n * DAY for n in range(40)])
    with counting() as queries:
        items = (await door.get("/tasks", cast.alice, params={"from": str(today - 40 * DAY), "to": str(today)})).json["items"]
    assert len(items) == 40 and len(queries) == 2, "the pairs, their aspects"
    with counting() as queries:
        await door.get(f"/tasks/{laid[5].id}", cast.alice)
    assert len(queries) == 5, "the pair, the marks, and three for the content"
    with counting() as queries:
        await door.get(f"/tasks/{laid[5].id}", cast.bob)
    assert len(queries) == 2, "the content is remembered"


async def test_the_source_of_a_question_names_text_section_and_locator(door: Door, cast: Cast) -> None:
    _, question_ids = await add_content(cast.branch, questions=2)
    found = await tasks_content.questions_by_id(question_ids)
    assert [question.id for question in found] == question_ids
    assert found[0].source == {"text": "report", "section": "s0", "title": "序言", "locator": "用于测试"}
