"""Reminders: who gets one and who not and why, through the door and WeChat's sandbox; at most one for a member and day."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from conftest import REMINDER
from door import Door, Reply
from grants import grant
from people import Cast, Person, add_person, add_plan
from queries import counting
from slices import check_in
from waiting import until

from backend.kernel import clock
from backend.kernel.database import fetch
from backend.rules import reminding
from backend.wechat.outward import MESSAGE
from backend.wechat.sandbox.faults import parse_fault
from models.leaves import Leave, LeaveReason, LeaveState
from models.reminders import Reminder
from models.subscriptions import Subscription

TODAY = clock.today()


async def finished(door: Door, who: Person, sent: Reply) -> dict[str, Any]:
    """The batch once its background work is over."""
    assert sent.status == 201, sent.body
    found: dict[str, Any] = {}

    async def is_over() -> bool:
        found.update((await door.get(f"/reminders/{sent.json['id']}", who)).json)
        return found["finished"]

    await until(is_over)
    return found


def told(batch: dict[str, Any]) -> dict[str, str]:
    """Name -> its state, or the reason of a refusal."""
    return {item["member"]["name"]: item["reason"] or item["state"] for item in batch["items"]}


async def test_strangers_and_plain_members_remind_nobody(door: Door, cast: Cast):
    await add_plan(cast, days=[TODAY])
    for path in ("/reminders", "/reminders/preview"):
        assert (await door.post(path, None, {})).status == 401
        for person in (cast.alice, cast.observer):
            assert (await door.post(path, person, {})).status == 403
        assert (await door.post(path, cast.other_secretary, {})).code == "nobody_missing"
        assert (await door.post(path, cast.other_secretary, {"members": [cast.alice.id]})).status == 404


async def test_todays_missing_are_reminded_once_and_each_refusal_has_its_reason(door: Door, cast: Cast, sandbox: Any):
    [task] = await add_plan(cast, days=[TODAY])
    await grant(door, sandbox[0], cast.alice, cast.secretary)
    await check_in(door, cast.secretary, task.id)
    unbound = await add_person(cast.branch, "未绑定", bound=False)
    shown = (await door.post("/reminders/preview", cast.secretary, {})).json
    assert {r["member"]["name"]: r["reason"] for r in shown["recipients"]} == {
        "安敏": None, "白杰": "no_grant", "文编辑": "no_grant", "郝主任": "no_grant",
    }  # fmt: skip
    assert (shown["reachable"], shown["unreachable"]) == (1, 3) and shown["message"]["thing1"] == f"{TODAY} 学习"
    sent = await finished(door, cast.secretary, await door.post("/reminders", cast.secretary, {}))
    assert told(sent) == {"安敏": "sent", "白杰": "no_grant", "文编辑": "no_grant", "郝主任": "no_grant"}
    assert sent["counts"] == {"waiting": 0, "sending": 0, "sent": 1, "refused": 3, "unknown": 0} and sent["total"] == 4
    [received] = sandbox[0].users[cast.alice.openid].received
    assert [field["value"] for field in received["fields"]][0] == f"{TODAY} 学习"
    assert (await Subscription.get(member_id=cast.alice.id)).remaining == 0
    again = await finished(
        door, cast.secretary, await door.post("/reminders", cast.secretary, {"members": [cast.alice.id, cast.secretary.id]})
    )
    assert told(again) == {"安敏": "already", "陈书记": "done"}
    assert len(sandbox[0].users[cast.alice.openid].received) == 1
    assert (await door.post("/reminders", cast.secretary, {"members": [unbound.id]})).status == 404
    ledger = (await door.get("/reminders", cast.editor)).json["items"]
    assert [batch["id"] for batch in ledger] == [again["id"], sent["id"]] and ledger[1]["asked_by"]["name"] == "陈书记"
    [entry, _] = await fetch("SELECT actor_id FROM audit_entry WHERE branch_id = $1 AND action = 'reminder:send'", cast.branch.id)
    assert entry["actor_id"] == cast.secretary.id


async def test_a_unit_head_reminds_the_own_unit_and_alone_reads_its_names(door: Door, cast: Cast, sandbox: Any):
    await add_plan(cast, days=[TODAY])
    await grant(door, sandbox[0], cast.alice, cast.bob)
    assert (await door.post("/reminders", cast.unit_head, {"members": [cast.bob.id]})).status == 404
    whole = await finished(door, cast.secretary, await door.post("/reminders", cast.secretary, {}))
    assert whole["names_for_head"] is None and not any(name in whole["group_text"] for name in told(whole))
    mine = (await door.get(f"/reminders/{whole['id']}", cast.unit_head)).json
    assert told(mine) == {"安敏": "sent", "郝主任": "no_grant"} and mine["names_for_head"] == ["郝主任"] and mine["total"] == 2
    assert [batch["total"] for batch in (await door.get("/reminders", cast.unit_head)).json["items"]] == [2]
    assert (await door.get(f"/reminders/{whole['id']}", cast.other_secretary)).status == 404
    outside = await finished(door, cast.secretary, await door.post("/reminders", cast.secretary, {"members": [cast.bob.id]}))
    assert told(outside) == {"白杰": "already"}
    assert (await door.get(f"/reminders/{outside['id']}", cast.unit_head)).status == 404


async def test_who_is_on_leave_unbound_or_switched_off_is_told_apart(door: Door, cast: Cast, sandbox: Any):
    unbound = await add_person(cast.branch, "未绑定", bound=False)
    people = [cast.alice, cast.bob, cast.editor, cast.unit_head]
    await add_plan(cast, days=[TODAY], members=[*people, unbound])
    await grant(door, sandbox[0], *people)
    at = clock.now()
    await Leave.create(
        member_id=cast.alice.id, starts_on=TODAY, ends_on=TODAY, reason=LeaveReason.WORK, state=LeaveState.GRANTED, created_at=at
    )
    await door.ask("PUT", "/me/subscriptions", cast.bob, json={"on": False})
    sandbox[0].users[cast.editor.openid].grants[REMINDER] = 0  # withdrawn in WeChat, which tells nobody
    chosen = [person.id for person in (*people, unbound)]
    batch = await finished(door, cast.secretary, await door.post("/reminders", cast.secretary, {"members": chosen}))
    assert told(batch) == {"安敏": "on_leave", "白杰": "off", "文编辑": "no_grant", "郝主任": "sent", "未绑定": "unbound"}
    assert (await Subscription.get(member_id=cast.editor.id)).remaining == 0


async def test_a_connection_lost_after_the_message_went_out_is_shown_as_unknown_and_sent_no_more(door: Door, cast: Cast, sandbox: Any):
    await add_plan(cast, days=[TODAY], members=[cast.alice, cast.bob])
    await grant(door, sandbox[0], cast.alice, cast.bob, times=2)
    lost = {"match": {"path": MESSAGE, "openid": cast.alice.openid}, "do": {"close_after_effect": True}}
    sandbox[0].faults.append(parse_fault(lost, now=sandbox[0].now()))
    batch = await finished(door, cast.secretary, await door.post("/reminders", cast.secretary, {}))
    sandbox[0].faults.clear()
    assert told(batch) == {"安敏": "unknown", "白杰": "sent"}
    assert [item["explanation"] for item in batch["items"] if item["state"] == "unknown"] == [reminding.UNKNOWN]
    again = await finished(door, cast.secretary, await door.post("/reminders", cast.secretary, {}))
    assert told(again) == {"安敏": "already", "白杰": "already"}
    assert [len(sandbox[0].users[person.openid].received) for person in (cast.alice, cast.bob)] == [1, 1]


async def test_two_secretaries_at_once_remind_once(door: Door, cast: Cast, sandbox: Any):
    await add_plan(cast, days=[TODAY], members=[cast.alice])
    await grant(door, sandbox[0], cast.alice, times=3)
    replies = await asyncio.gather(*(door.post("/reminders", cast.secretary, {}) for _ in range(6)))
    batches = [await finished(door, cast.secretary, reply) for reply in replies]
    assert sorted(told(batch)["安敏"] for batch in batches) == ["already"] * 5 + ["sent"]
    assert len(sandbox[0].users[cast.alice.openid].received) == 1 and (await Subscription.get(member_id=cast.alice.id)).remaining == 2


async def test_what_was_refused_may_be_sent_the_same_day_once_there_is_a_grant(door: Door, cast: Cast, sandbox: Any):
    await add_plan(cast, days=[TODAY], members=[cast.alice])
    first = await finished(door, cast.secretary, await door.post("/reminders", cast.secretary, {}))
    assert told(first) == {"安敏": "no_grant"} and await Reminder.filter(member_id=cast.alice.id).count() == 1
    await grant(door, sandbox[0], cast.alice)
    second = await finished(door, cast.secretary, await door.post("/reminders", cast.secretary, {}))
    assert told(second) == {"安敏": "sent"}


async def test_the_ledger_is_paged_newest_first_in_one_query_and_odd_bodies_are_refused(door: Door, cast: Cast):
    await add_plan(cast, days=[TODAY], members=[cast.alice])
    ids = [(await door.post("/reminders", cast.secretary, {})).json["id"] for _ in range(3)]
    with counting() as queries:
        page = (await door.get("/reminders?limit=2", cast.secretary)).json
    rest = (await door.get(f"/reminders?limit=2&cursor={page['next']}", cast.secretary)).json
    assert len(queries) == 1 and [batch["id"] for batch in page["items"] + rest["items"]] == ids[::-1] and rest["next"] is None
    for body in ({"members": []}, {"members": ["x"]}, {"everybody": True}, []):
        assert (await door.post("/reminders", cast.secretary, body)).status == 422


async def test_the_daily_time_is_set_by_the_office_within_waking_hours(door: Door, cast: Cast):
    await add_plan(cast, days=[TODAY, TODAY + timedelta(days=1)])
    path = f"/plans/{cast.plan.id}/reminder"
    assert (await door.get(path, cast.secretary)).json == {"plan": cast.plan.id, "at": None, "starts_on": None}
    for at in ("06:59", "21:31", "24:00", "7:30", "20:60", "x", 5):
        assert (await door.ask("PUT", path, cast.editor, json={"at": at})).status == 422
    assert (await door.ask("PUT", path, cast.other_secretary, json={"at": "19:30"})).status == 404
    reply = await door.ask("PUT", path, cast.editor, json={"at": "19:30"})
    assert (reply.status, reply.json["at"]) == (200, "19:30") and reply.json["starts_on"] >= str(TODAY)
    assert (await door.ask("PUT", path, cast.editor, json={"at": None})).json["starts_on"] is None
