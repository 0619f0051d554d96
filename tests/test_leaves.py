"""Leave: asked for, granted, revoked; its reason is for the secretary and the member alone."""

from __future__ import annotations

from datetime import date, timedelta

from door import Door
from people import Cast, Person, add_person, add_plan

from backend.kernel import clock
from backend.kernel.database import fetch

TODAY = clock.today()
TOMORROW = TODAY + timedelta(days=1)


def _period(first: date, last: date, **more) -> dict:
    return {"starts_on": first.isoformat(), "ends_on": last.isoformat(), "reason": "illness", "note": "住院", **more}


async def _excused(task_id: int) -> tuple[int, int]:
    rows = await fetch("SELECT SUM(assigned) AS assigned, SUM(excused) AS excused FROM task_figure WHERE task_id = $1", task_id)
    return rows[0]["assigned"], rows[0]["excused"]


async def _ask(door: Door, who: Person, first: date = TODAY, last: date = TOMORROW) -> int:
    reply = await door.post("/me/leaves", who, _period(first, last))
    assert (reply.status, reply.json["state"]) == (201, "asked")
    return reply.json["id"]


async def test_nobody_but_the_secretary_of_the_branch_reads_or_decides_a_leave(door: Door, cast: Cast):
    leave = await _ask(door, cast.alice)
    for person in (cast.bob, cast.editor, cast.unit_head, cast.observer):
        assert (await door.get(f"/members/{cast.alice.id}/leaves", person)).status == 403
        assert (await door.get("/leaves", person)).status == 403
        assert (await door.post(f"/leaves/{leave}/grant", person)).status == 403
        assert (await door.post(f"/members/{cast.alice.id}/leaves", person, _period(TODAY, TODAY))).status == 403
        assert (await door.get("/me/leaves", person)).json["items"] == []
    stranger = cast.other_secretary
    assert (await door.get("/leaves", stranger)).json["items"] == []
    for verb in ("grant", "refuse"):
        foreign, missing = await door.post(f"/leaves/{leave}/{verb}", stranger), await door.post(f"/leaves/{2**62}/{verb}", stranger)
        assert foreign.status == missing.status == 404
        assert {**foreign.json, "request_id": ""} == {**missing.json, "request_id": ""}
    assert (await door.get(f"/members/{cast.alice.id}/leaves", stranger)).status == 404
    assert (await door.post(f"/members/{cast.alice.id}/leaves", stranger, _period(TODAY, TODAY))).status == 404
    assert (await door.ask("DELETE", f"/me/leaves/{leave}", cast.bob)).status == 404


async def test_a_leave_excuses_from_the_moment_it_is_granted(door: Door, cast: Cast):
    tasks = await add_plan(cast, days=[TODAY, TOMORROW, TOMORROW + timedelta(days=1)])
    leave = await _ask(door, cast.alice)
    assert await _excused(tasks[0].id) == (5, 0)
    waiting = await door.get("/leaves", cast.secretary, params={"state": "asked"})
    assert [(item["id"], item["member"]["name"], item["note"]) for item in waiting.json["items"]] == [(leave, "安敏", "住院")]
    granted = await door.post(f"/leaves/{leave}/grant", cast.secretary)
    assert (granted.status, granted.json["state"], granted.json["decided_by"]["id"]) == (200, "granted", cast.secretary.id)
    assert [await _excused(task.id) for task in tasks] == [(4, 1), (4, 1), (5, 0)]
    assert (await door.post(f"/leaves/{leave}/grant", cast.secretary)).code == "leave_decided"
    assert (await door.get("/leaves", cast.secretary, params={"state": "asked"})).json["items"] == []


async def test_a_granted_leave_can_be_revoked_and_its_days_count_again(door: Door, cast: Cast):
    tasks = await add_plan(cast, days=[TODAY])
    given = await door.post(f"/members/{cast.bob.id}/leaves", cast.secretary, _period(TODAY, TODAY, reason="travel"))
    assert (given.status, given.json["state"]) == (201, "granted")
    assert await _excused(tasks[0].id) == (4, 1)
    assert (await door.post(f"/leaves/{given.json['id']}/refuse", cast.secretary)).json["state"] == "refused"
    assert await _excused(tasks[0].id) == (5, 0)
    log = (await door.get("/audit", cast.secretary, params={"subject": "leave"})).json["items"]
    assert [entry["action"] for entry in log] == ["leave:give", "leave:refuse"]
    assert "travel" not in str(log) and "住院" not in str(log)


async def test_a_member_takes_back_what_is_still_waiting_or_not_begun(door: Door, cast: Cast):
    tasks = await add_plan(cast, days=[TODAY, TOMORROW])
    waiting, future, running = (
        await _ask(door, cast.alice), await _ask(door, cast.alice, TOMORROW), await _ask(door, cast.alice, TODAY, TODAY)
    )  # fmt: skip
    for leave in (future, running):
        assert (await door.post(f"/leaves/{leave}/grant", cast.secretary)).status == 200
    assert await _excused(tasks[1].id) == (4, 1)
    assert (await door.ask("DELETE", f"/me/leaves/{waiting}", cast.alice)).status == 204
    assert (await door.ask("DELETE", f"/me/leaves/{future}", cast.alice)).status == 204
    assert (await door.ask("DELETE", f"/me/leaves/{future}", cast.alice)).status == 204
    assert await _excused(tasks[1].id) == (5, 0)
    assert (await door.ask("DELETE", f"/me/leaves/{running}", cast.alice)).code == "leave_started"
    states = {item["id"]: item["state"] for item in (await door.get("/me/leaves", cast.alice)).json["items"]}
    assert states == {waiting: "cancelled", future: "cancelled", running: "granted"}
    assert (await door.post(f"/leaves/{waiting}/grant", cast.secretary)).code == "leave_decided"


async def test_the_same_days_twice_are_refused_until_the_first_is_settled(door: Door, cast: Cast):
    leave = await _ask(door, cast.alice)
    again = await door.post("/me/leaves", cast.alice, _period(TODAY, TOMORROW, reason="other"))
    assert (again.status, again.code) == (409, "leave_exists")
    assert (await door.post(f"/leaves/{leave}/refuse", cast.secretary)).status == 200
    assert (await door.ask("DELETE", f"/me/leaves/{leave}", cast.alice)).code == "leave_decided"
    await _ask(door, cast.alice)


async def test_a_senseless_period_is_refused_and_names_the_field(door: Door, cast: Cast):
    for period in (_period(TOMORROW, TODAY), _period(TODAY, TODAY + timedelta(days=366))):
        reply = await door.post("/me/leaves", cast.alice, period)
        assert (reply.status, reply.json["errors"][0]["field"]) == (422, "ends_on")
    assert (await door.post("/me/leaves", cast.alice, _period(TODAY, TODAY + timedelta(days=365)))).status == 201
    assert (await door.post("/me/leaves", cast.alice, {**_period(TODAY, TODAY), "member": cast.bob.id})).status == 422
    assert (await door.post("/me/leaves", cast.alice, _period(TODAY, TODAY, reason="holiday"))).status == 422


async def test_asking_needs_the_current_consent(door: Door, cast: Cast):
    undecided = await add_person(cast.branch, "未同意", consented=False)
    assert (await door.post("/me/leaves", undecided, _period(TODAY, TODAY))).code == "consent_required"
