"""打卡 through the door: strangers first, then the day, its repeats, its deadlines, and what moves in the figures."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest
from door import Door
from people import Cast, add_person, add_plan, whole_day

from backend import tasks_content
from backend.kernel import clock
from backend.kernel.database import as_date, fetch

TODAY = clock.today()


async def the_task(door: Door, cast: Cast, task_id: int) -> dict:
    reply = await door.get(f"/tasks/{task_id}", cast.alice)
    assert reply.status == 200, reply.body
    return reply.json


async def summary(task_id: int) -> dict:
    columns = ("assigned", "excused", "on_time", "makeup", "proxy", "firsts", "rights")
    sums = ", ".join(f"SUM({name}) AS {name}" for name in columns)
    return (await fetch(f"SELECT {sums} FROM task_figure WHERE task_id = $1", task_id))[0]  # noqa: S608


async def test_a_stranger_a_passer_by_and_another_branch_cannot_check_in(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY])
    path = f"/tasks/{task.id}/check-in"
    assert (await door.post(path, None, {})).status == 401
    assert (await door.post(path, cast.passer_by, {})).code == "not_bound"
    foreign = await door.post(path, cast.other_member, {})
    missing = await door.post("/tasks/999999999/check-in", cast.other_member, {})
    assert (foreign.status, foreign.code, foreign.json["detail"]) == (missing.status, missing.code, missing.json["detail"]) == (
        404, "not_found", "没有找到所请求的内容。",
    )  # fmt: skip


async def test_without_the_current_consent_nothing_is_written(door: Door, cast: Cast):
    newcomer = await add_person(cast.branch, "新同志", consented=False)
    [task] = await add_plan(cast, days=[TODAY], members=[newcomer])
    reply = await door.post(f"/tasks/{task.id}/check-in", newcomer, {})
    assert (reply.status, reply.code) == (403, "consent_required")


async def test_an_incomplete_day_names_what_is_missing_and_stores_nothing(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY])
    day = whole_day(await the_task(door, cast, task.id))
    reply = await door.post(f"/tasks/{task.id}/check-in", cast.alice, {"passages": day["passages"][:1], "answers": day["answers"][1:]})
    assert (reply.status, reply.code) == (409, "incomplete")
    assert reply.json["missing"] == {"passages": day["passages"][1:], "questions": [day["answers"][0]["question"]]}
    for table in ("check_in", "answer", "reading"):
        assert (await fetch(f"SELECT COUNT(*) AS n FROM {table} WHERE member_id = $1", cast.alice.id))[0]["n"] == 0  # noqa: S608


async def test_the_whole_day_in_one_request_moves_the_figures_by_one(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY])
    before = await summary(task.id)
    reply = await door.post(f"/tasks/{task.id}/check-in", cast.alice, whole_day(await the_task(door, cast, task.id)))
    assert reply.status == 201, reply.body
    assert (reply.json["kind"], reply.json["date"], reply.json["streak"]) == ("on_time", str(TODAY), {"current": 1, "longest": 1})
    assert [r["right"] for r in reply.json["results"]] == [True, True, True]
    assert {**before, "on_time": 1, "firsts": 3, "rights": 3} == await summary(task.id)


async def test_a_second_tap_returns_the_first_receipt(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY])
    path, day = f"/tasks/{task.id}/check-in", whole_day(await the_task(door, cast, task.id))
    first = await door.post(path, cast.alice, day, headers={"Idempotency-Key": "a"})
    again = await door.post(path, cast.alice, day, headers={"Idempotency-Key": "a"})
    other_key = await door.post(path, cast.alice, {"passages": []}, headers={"Idempotency-Key": "b"})
    assert (first.status, again.status, other_key.status) == (201, 200, 200)
    assert first.body == again.body == other_key.body


async def test_the_same_key_with_another_request_is_refused(door: Door, cast: Cast):
    one, two = await add_plan(cast, days=[TODAY - timedelta(days=1), TODAY])
    day = whole_day(await the_task(door, cast, two.id))
    assert (await door.post(f"/tasks/{two.id}/check-in", cast.alice, day, headers={"Idempotency-Key": "k"})).status == 201
    other_body = await door.post(f"/tasks/{two.id}/check-in", cast.alice, {"passages": []}, headers={"Idempotency-Key": "k"})
    other_path = await door.post(f"/tasks/{one.id}/check-in", cast.alice, day, headers={"Idempotency-Key": "k"})
    assert (other_body.status, other_body.code) == (other_path.status, other_path.code) == (422, "idempotency_mismatch")
    too_long = await door.post(f"/tasks/{two.id}/check-in", cast.alice, day, headers={"Idempotency-Key": "x" * 256})
    assert too_long.status == 422


async def test_one_key_for_two_days_at_the_same_moment_serves_one_of_them(door: Door, cast: Cast):
    days = [TODAY - timedelta(days=n) for n in range(6)]
    tasks = await add_plan(cast, days=days)
    day = whole_day(await the_task(door, cast, tasks[0].id))
    replies = await asyncio.gather(
        *(door.post(f"/tasks/{task.id}/check-in", cast.alice, day, headers={"Idempotency-Key": "one"}) for task in tasks)
    )
    assert sorted(r.status for r in replies) == [201] + [422] * 5
    assert {r.code for r in replies} == {None, "idempotency_mismatch"}


async def test_a_failure_leaves_the_key_free(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY])
    key = {"Idempotency-Key": "retry"}
    assert (await door.post(f"/tasks/{task.id}/check-in", cast.alice, {}, headers=key)).status == 409
    assert (
        await door.post(f"/tasks/{task.id}/check-in", cast.alice, whole_day(await the_task(door, cast, task.id)), headers=key)
    ).status == 201


@pytest.mark.parametrize("keys", ["one key", "a key each", "no key"])
async def test_two_hundred_simultaneous_taps_make_one_check_in(door: Door, cast: Cast, keys: str):
    [task] = await add_plan(cast, days=[TODAY])
    day = whole_day(await the_task(door, cast, task.id))

    def header(n: int) -> dict[str, str]:
        return {} if keys == "no key" else {"Idempotency-Key": "same" if keys == "one key" else f"key{n}"}

    replies = await asyncio.gather(*(door.post(f"/tasks/{task.id}/check-in", cast.alice, day, headers=header(n)) for n in range(200)))
    assert sorted(r.status for r in replies) == [200] * 199 + [201]
    assert len({r.body for r in replies}) == 1
    assert (await fetch("SELECT COUNT(*) AS n FROM check_in WHERE task_id = $1", task.id))[0]["n"] == 1
    assert (await fetch("SELECT COUNT(*) AS n FROM answer WHERE task_id = $1", task.id))[0]["n"] == 3
    assert await summary(task.id) == {"assigned": 5, "excused": 0, "on_time": 1, "makeup": 0, "proxy": 0, "firsts": 3, "rights": 3}


async def test_everybody_at_once_is_counted_once_each(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY])
    day = whole_day(await the_task(door, cast, task.id))
    replies = await asyncio.gather(*(door.post(f"/tasks/{task.id}/check-in", p, day) for p in cast.everyone for _ in range(3)))
    assert sorted(r.status for r in replies) == [200] * 10 + [201] * 5
    assert (await summary(task.id))["on_time"] == 5


async def test_a_missed_day_can_be_made_up_until_its_last_day(door: Door, cast: Cast):
    closed, last, future = await add_plan(cast, days=[TODAY - timedelta(days=8), TODAY - timedelta(days=7), TODAY + timedelta(days=1)])
    day = whole_day(await the_task(door, cast, last.id))
    assert (await door.post(f"/tasks/{closed.id}/check-in", cast.alice, day)).code == "closed"
    assert (await door.post(f"/tasks/{future.id}/check-in", cast.alice, day)).code == "not_open"
    reply = await door.post(f"/tasks/{last.id}/check-in", cast.alice, day)
    assert (reply.status, reply.json["kind"]) == (201, "makeup")
    assert (await summary(last.id))["makeup"] == 1


@pytest.mark.parametrize(
    "answers, message",
    [
        ([{"question": 1, "choice": ["B"]}], "这道题不属于当天的任务。"),
        ("twice", "同一道题答了两次。"),
        ("unknown option", "选项"),
    ],
)
async def test_malformed_answers_are_named(door: Door, cast: Cast, answers, message: str):
    [task] = await add_plan(cast, days=[TODAY])
    shown = await the_task(door, cast, task.id)
    first = shown["questions"][0]["id"]
    if answers == "twice":
        answers = [{"question": first, "choice": ["B"]}] * 2
    if answers == "unknown option":
        answers = [{"question": first, "choice": ["Z"]}]
    reply = await door.post(f"/tasks/{task.id}/check-in", cast.alice, {"answers": answers})
    assert (reply.status, reply.code) == (422, "invalid_answers")
    assert message in reply.json["errors"][0]["message"]


async def test_an_answer_to_a_question_withdrawn_meanwhile_is_passed_over(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY])
    day = whole_day(await the_task(door, cast, task.id))
    assert (await door.post(f"/questions/{day['answers'][0]['question']}/withdraw", cast.editor)).status == 204
    tasks_content.forget(task.id)
    reply = await door.post(f"/tasks/{task.id}/check-in", cast.alice, day)
    assert reply.status == 201, reply.body
    assert [r["question"] for r in reply.json["results"]] == [a["question"] for a in day["answers"][1:]]


async def test_a_passage_of_another_task_is_refused(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY])
    reply = await door.post(f"/tasks/{task.id}/check-in", cast.alice, {"passages": [999_999_999]})
    assert (reply.status, reply.code) == (422, "unknown_passage")


async def test_a_reflection_is_kept_with_the_check_in(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY])
    day = {**whole_day(await the_task(door, cast, task.id)), "reflection": "  与本职工作结合。 "}
    assert (await door.post(f"/tasks/{task.id}/check-in", cast.alice, day)).status == 201
    rows = await fetch("SELECT body, state FROM reflection WHERE member_id = $1", cast.alice.id)
    assert rows == [{"body": "与本职工作结合。", "state": "pending"}]


async def test_a_day_finished_without_a_network_counts_as_its_own_day(door: Door, cast: Cast):
    yesterday = TODAY - timedelta(days=1)
    [task] = await add_plan(cast, days=[yesterday])
    with clock.shifted(clock.at(yesterday, 21)):
        day = whole_day(await the_task(door, cast, task.id))
    sent_today = {**day, "studied_on": str(yesterday)}
    not_fetched = await door.post(f"/tasks/{task.id}/check-in", cast.bob, sent_today)
    fetched = await door.post(f"/tasks/{task.id}/check-in", cast.alice, sent_today)
    assert (not_fetched.json["kind"], fetched.json["kind"]) == ("makeup", "on_time")
    rows = await fetch("SELECT studied_on, checked_in_on FROM check_in WHERE member_id = $1", cast.alice.id)
    assert (as_date(rows[0]["studied_on"]), as_date(rows[0]["checked_in_on"])) == (yesterday, TODAY)


async def test_midnight_in_shanghai_decides(door: Door, cast: Cast):
    day_before, day_after = date(2026, 2, 28), date(2026, 3, 1)
    one, two = await add_plan(cast, days=[day_before, day_after])
    with clock.shifted(clock.at(day_before, 23, 59, 30)):
        assert (await door.get("/tasks/today", cast.alice)).json["date"] == str(day_before)
        day = whole_day(await the_task(door, cast, one.id))
        assert (await door.post(f"/tasks/{one.id}/check-in", cast.alice, day)).json["kind"] == "on_time"
        assert (await door.post(f"/tasks/{two.id}/check-in", cast.alice, day)).code == "not_open"
    with clock.shifted(clock.at(day_after, 0, 0, 1)):
        assert (await door.get("/tasks/today", cast.alice)).json["date"] == str(day_after)
        assert (await door.post(f"/tasks/{one.id}/check-in", cast.bob, day)).json["kind"] == "makeup"
        assert (await door.post(f"/tasks/{two.id}/check-in", cast.bob, day)).json["kind"] == "on_time"


# --- 代录 -----------------------------------------------------------------------------------------------------------


async def test_only_the_own_unit_head_and_the_secretary_write_down_a_day_on_paper(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY - timedelta(days=1)])
    for_alice, for_bob = (f"/tasks/{task.id}/members/{p.id}/check-in" for p in (cast.alice, cast.bob))
    body = {"studied_on": str(TODAY - timedelta(days=1))}
    assert (await door.post(for_alice, cast.bob, body)).status == 403
    assert (await door.post(for_alice, cast.editor, body)).status == 403
    assert (await door.post(for_alice, cast.other_secretary, body)).status == 404
    assert (await door.post(for_bob, cast.unit_head, body)).status == 404
    own = await door.post(f"/tasks/{task.id}/members/{cast.unit_head.id}/check-in", cast.unit_head, body)
    assert (own.status, own.code) == (403, "own_checkin")
    first = await door.post(for_alice, cast.unit_head, body)
    again = await door.post(for_alice, cast.secretary, body)
    assert (first.status, again.status, first.body) == (201, 200, again.body)
    assert (first.json["kind"], first.json["results"]) == ("makeup", [])
    counts = await summary(task.id)
    assert (counts["proxy"], counts["makeup"], counts["on_time"]) == (1, 0, 0)
    entries = await fetch("SELECT actor_id, subject_id FROM audit_entry WHERE action = 'checkin:record' AND branch_id = $1", cast.branch.id)
    assert entries == [{"actor_id": cast.unit_head.id, "subject_id": cast.alice.id}]


async def test_a_day_on_paper_lies_between_the_task_and_today(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY - timedelta(days=2)])
    path = f"/tasks/{task.id}/members/{cast.alice.id}/check-in"
    for wrong in (TODAY - timedelta(days=3), TODAY + timedelta(days=1)):
        assert (await door.post(path, cast.secretary, {"studied_on": str(wrong)})).status == 422
