"""The rights over the own data: a copy of every row, and leaving, after which nothing names the person and no past figure moved."""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta
from typing import Any

import pytest
from commands import run
from conftest import REMINDER
from door import Door
from grants import on_wechat
from people import Cast, Person, add_person, add_plan, whole_day
from queries import counting
from tortoise import Tortoise
from waiting import until
from wechat_user import add_member, from_elsewhere, invite, new_phone, wechat_user

from backend import privacy_export, sessions
from backend.cli import member as member_command
from backend.kernel import clock, security
from backend.kernel.database import as_date, fetch
from backend.kernel.errors import DakaError
from models.auth import Account, ConsoleLink, Session
from models.checkins import CheckIn
from models.consents import Consent
from models.leaves import Leave, LeaveReason, LeaveState
from models.members import Member, Role, RoleGrant
from models.quizzes import Answer
from models.readings import Reading
from models.reminders import Reminder

TODAY = clock.today()


async def lived(door: Door, cast: Cast, sandbox: Any) -> tuple[Person, list[str]]:
    """A member who left a trace in every table, by way of the product where it can; and all that must be gone once she leaves."""
    phone, mark = new_phone(), secrets.token_hex(4)
    name = f"金丝雀{mark}"
    member = await add_member(cast.branch, name, phone=phone, post=f"组长{mark}", note=f"备注{mark}", party_joined_on=TODAY)
    tasks = await add_plan(cast, days=[TODAY - timedelta(days=1), TODAY, TODAY + timedelta(days=1)], members=[member, cast.alice])
    user = wechat_user(sandbox[0])
    async with from_elsewhere(door) as elsewhere:
        await user.sign_in(elsewhere)
        member.token = (await user.bind(elsewhere, name, code=await invite(member))).json["token"]
    member.openid = user.openid
    version = (await door.get("/me/consents", member)).json["current"]
    assert (await door.post("/me/consents", member, {"version": version})).status == 201
    task = (await door.get(f"/tasks/{tasks[0].id}", member)).json
    done, key = {**whole_day(task), "reflection": f"心得{mark}，很受教育。"}, {"Idempotency-Key": f"key-{mark}"}
    assert (await door.post(f"/tasks/{tasks[0].id}/check-in", member, done, headers=key)).status == 201
    task = (await door.get(f"/tasks/{tasks[1].id}", member)).json
    assert (
        await door.post(f"/tasks/{tasks[1].id}/answers", member, {"answers": whole_day(task, right=False)["answers"][:1]})
    ).status == 200
    assert (await door.post(f"/me/reviews/{task['questions'][0]['id']}", member, {"choice": ["A"]})).status == 200
    assert (await door.post("/feedback", member, {"text": f"投诉{mark}"})).status == 201
    assert (await door.post("/me/corrections", member, {"subject": "roster", "text": f"更正{mark}"})).status == 201
    on_wechat(sandbox[0])
    assert (await door.post("/me/subscriptions", member, {"prompt": f"p{mark}", "results": {REMINDER: "accept"}})).status == 200
    assert (await door.post("/reminders", cast.secretary, {"members": [member.id]})).status == 201
    await until(Reminder.filter(member_id=member.id, settled_at__not_isnull=True).exists)
    await Leave.create(
        member_id=member.id, starts_on=TODAY, ends_on=TODAY, reason=LeaveReason.ILLNESS, note=f"病情{mark}", state=LeaveState.REFUSED,
        decided_by_id=cast.secretary.id, created_at=clock.now(),
    )  # fmt: skip
    await ConsoleLink.create(member_id=member.id, token_hash=f"link{member.id}", expires_at=clock.now())
    return member, [mark, phone, security.keyed_hash(phone, purpose="phone"), user.openid, member.token]


async def figures_of(cast: Cast) -> list[dict]:
    rows = await fetch(
        "SELECT t.date, SUM(f.assigned) AS assigned, SUM(f.on_time) AS on_time, SUM(f.makeup) AS makeup FROM task_figure f "
        "JOIN daily_task t ON t.id = f.task_id WHERE t.branch_id = $1 GROUP BY t.date ORDER BY t.date",
        cast.branch.id,
    )
    return [{**row, "date": as_date(row["date"])} for row in rows]


async def test_strangers_get_no_copy_and_leave_nothing(door: Door, cast: Cast):
    for method, path in (("GET", "/me/export"), ("POST", "/me/withdraw-consent")):
        assert (await door.ask(method, path)).status == 401
        assert (await door.ask(method, path, cast.passer_by)).code == "not_bound"


async def test_the_copy_holds_every_row_about_the_member_and_nothing_about_others(door: Door, cast: Cast, sandbox: Any):
    member, _ = await lived(door, cast, sandbox)
    with counting() as queries:
        reply = await door.get("/me/export", member)
    kept = reply.json
    assert reply.status == 200 and len(queries) == len(privacy_export.TABLES) + 3
    for name, (table, _) in privacy_export.TABLES.items():
        assert len(kept[name]) == await table.filter(member_id=member.id).count(), name
    lengths = {name: len(kept[name]) for name in kept if isinstance(kept[name], list)}
    assert lengths == {
        "standings": 1, "roles": 0, "invites": 0, "consents": 1, "accounts": 1, "sessions": 1, "console_links": 1, "leaves": 1, "plans": 1,
        "readings": 2, "answers": 4, "answer_tallies": 1, "check_ins": 1, "idempotency_keys": 1, "reflections": 1, "feedback": 1,
        "reviews": 1, "corrections": 1, "reminders": 1, "subscriptions": 1, "grant_entries": 2,
        "console_scans": 0, "second_factors": 0, "recovery_codes": 0,
        "task_fetches": lengths["task_fetches"], "audit_entries": 1,
    }  # fmt: skip
    row = await Member.get(id=member.id)
    shown = kept["member"]
    assert (shown["name"], shown["note"], shown["party_joined_on"]) == (member.name, row.note, TODAY.isoformat())
    assert len(shown["phone"]) == 11 and shown["phone"] not in (row.phone_sealed, row.phone_hash)
    assert kept["accounts"][0]["openid"] == member.openid
    assert kept["answers"][0]["given"] == ["B"] and kept["answers"][0]["stem"].startswith("测试题")
    assert kept["check_ins"][0]["by_proxy"] is False and kept["check_ins"][0]["checked_in_at"].endswith("+08:00")
    assert kept["audit_entries"][0]["action"] == "member:bind" and kept["audit_entries"][0]["by_self"] is True
    text = reply.body.decode()
    hashes = [row["token_hash"] for row in await fetch("SELECT token_hash FROM session WHERE member_id = $1", member.id)]
    assert not [secret for secret in (*hashes, row.phone_hash, row.phone_sealed, member.token, "陈书记", "安敏") if secret in text]


def test_the_copy_forgets_no_table():
    """Every relation to a member is in the copy, or is one in which the member acted on somebody else."""
    acted = {
        ("Leave", "decided_by"), ("CheckIn", "recorded_by"), ("Feedback", "answered_by"), ("Correction", "answered_by"),
        ("QuestionEdition", "replaced_by"), ("ReminderBatch", "asked_by"),
    }  # fmt: skip
    relations = {
        (model.__name__, name)
        for model in Tortoise.apps["models"].values()
        for name in model._meta.fk_fields | model._meta.o2o_fields
        if model._meta.fields_map[name].related_model is Member
    }
    assert relations - acted == {(table.__name__, "member") for table, _ in privacy_export.TABLES.values()}


async def test_after_leaving_nothing_in_the_database_names_the_person(door: Door, cast: Cast, sandbox: Any):
    member, canaries = await lived(door, cast, sandbox)
    before = await figures_of(cast)
    studied = [await table.filter(member_id=member.id).count() for table in (CheckIn, Answer, Reading)]
    assert (await door.post("/me/withdraw-consent", member)).status == 204
    rows = []
    for model in Tortoise.apps["models"].values():
        rows += await fetch(f"SELECT * FROM {model._meta.db_table}")  # noqa: S608
    everything = repr(rows)
    assert len(rows) > 100 and not [canary for canary in canaries if canary in everything]
    row = await Member.get(id=member.id)
    assert (row.name, row.left_on, row.phone_sealed, row.phone_hash) == (f"已退出成员{member.id}", TODAY, None, None)
    assert [await table.filter(member_id=member.id).count() for table in (CheckIn, Answer, Reading)] == studied
    assert not await Account.exists(member_id=member.id) and not await Session.exists(member_id=member.id)
    assert (await Leave.get(member_id=member.id)).reason == LeaveReason.OTHER
    assert not await Consent.exists(member_id=member.id, withdrawn_at=None)
    # Yesterday stays as it was; from today on there is one person less.
    after = await figures_of(cast)
    assert after[0] == before[0] and [day["assigned"] for day in before] == [2, 2, 2]
    assert [day["assigned"] for day in after] == [2, 1, 1]
    [entry] = await fetch("SELECT actor_id, branch_id FROM audit_entry WHERE action = 'member:withdraw' AND subject_id = $1", member.id)
    assert (entry["actor_id"], entry["branch_id"]) == (member.id, cast.branch.id)


async def test_who_has_left_is_signed_out_and_must_be_invited_anew(door: Door, cast: Cast, sandbox: Any):
    member, _ = await lived(door, cast, sandbox)
    assert (await door.post("/me/withdraw-consent", member)).status == 204
    for path in ("/me", "/me/export", "/me/sessions", "/tasks/today"):
        assert (await door.get(path, member)).status == 401
    assert (await door.post("/me/withdraw-consent", member)).status == 401
    user = wechat_user(sandbox[0])
    user.openid = member.openid
    assert (await user.sign_in(door)).json["member"] is None
    assert (await door.post(f"/members/{member.id}/invite", cast.secretary)).code == "member_left"
    again = await add_member(cast.branch, member.name)
    async with from_elsewhere(door) as elsewhere:
        assert (await user.bind(elsewhere, member.name, code=await invite(again))).json["member"]["id"] == again.id


async def test_a_day_done_before_leaving_stays_done(door: Door, cast: Cast):
    tasks = await add_plan(cast, days=[TODAY, TODAY + timedelta(days=1)], members=[cast.alice, cast.bob])
    task = (await door.get(f"/tasks/{tasks[0].id}", cast.alice)).json
    assert (await door.post(f"/tasks/{tasks[0].id}/check-in", cast.alice, whole_day(task))).status == 201
    before = await figures_of(cast)
    assert (await door.post("/me/withdraw-consent", cast.alice)).status == 204
    assert (await Member.get(id=cast.alice.id)).left_on == TODAY + timedelta(days=1)
    after = await figures_of(cast)
    assert after[0] == before[0] and (after[0]["assigned"], after[0]["on_time"], after[1]["assigned"]) == (2, 1, 1)
    assert (await door.get("/me", cast.alice)).status == 401


async def test_a_check_in_that_meets_the_leaving_is_kept_whole_or_refused(door: Door, cast: Cast):
    people = [await add_person(cast.branch, f"林{n}") for n in range(6)]
    [task] = await add_plan(cast, days=[TODAY], members=people)
    body = whole_day((await door.get(f"/tasks/{task.id}", people[0])).json)
    steps = [door.post(f"/tasks/{task.id}/check-in", person, body) for person in people]
    steps += [door.post("/me/withdraw-consent", person) for person in people]
    replies = await asyncio.gather(*steps)
    assert {reply.status for reply in replies[6:]} == {204} and {reply.status for reply in replies[:6]} <= {201, 401, 404}
    done = sum(reply.status == 201 for reply in replies[:6])
    figure = (await figures_of(cast) or [{"assigned": 0, "on_time": 0}])[0]
    assert (figure["assigned"] or 0, figure["on_time"] or 0) == (done, done)
    assert await CheckIn.filter(task_id=task.id).count() == done


async def test_the_last_secretary_stays_and_of_two_at_once_one_leaves(door: Door, cast: Cast):
    reply = await door.post("/me/withdraw-consent", cast.secretary)
    assert (reply.status, reply.code) == (409, "last_secretary")
    assert (await door.get("/me", cast.secretary)).json["name"] == "陈书记"
    second = await add_person(cast.branch, "副书记", roles=(Role.SECRETARY, Role.EDITOR))
    replies = await asyncio.gather(*(door.post("/me/withdraw-consent", person) for person in (cast.secretary, second)))
    assert sorted(reply.status for reply in replies) == [204, 409]
    assert await RoleGrant.filter(member__branch_id=cast.branch.id, role=Role.SECRETARY).count() == 1


@pytest.mark.parametrize("days", [-3, 3])
async def test_a_leaving_day_set_before_and_a_joining_day_to_come_are_respected(door: Door, cast: Cast, days: int):
    column = {"left_on": TODAY + timedelta(days=1)} if days < 0 else {"joined_on": TODAY + timedelta(days=days)}
    await Member.filter(id=cast.alice.id).update(**column)
    assert (await door.post("/me/withdraw-consent", cast.alice)).status == 204
    left_on = (await Member.get(id=cast.alice.id)).left_on
    assert left_on == (TODAY if days < 0 else TODAY + timedelta(days=days))


async def test_the_office_withdraws_for_a_member_who_asks_and_for_nobody_else(door: Door, cast: Cast, capsys: pytest.CaptureFixture[str]):
    """By the command: the number alone is not enough, and the last secretary stays."""
    for who, name, code in ((cast.alice.id, "别人", "other_name"), (999_999, cast.alice.name, "not_found"),
                            (cast.secretary.id, cast.secretary.name, "last_secretary")):  # fmt: skip
        with pytest.raises(DakaError) as refused:
            await run(member_command, "withdraw", str(who), "--name", name)
        assert refused.value.code == code
    assert (await door.get("/me", cast.alice)).status == 200
    await run(member_command, "withdraw", str(cast.alice.id), "--name", f" {cast.alice.name}")
    assert f"已退出成员{cast.alice.id}" in capsys.readouterr().out
    sessions.forget(member_id=cast.alice.id)  # as the serving process does by itself within five seconds
    assert (await door.get("/me", cast.alice)).status == 401
    blank = await Member.get(id=cast.alice.id)
    assert (blank.name, blank.phone_sealed) == (f"已退出成员{cast.alice.id}", None) and blank.blanked_at is not None
    [entry] = await fetch("SELECT actor_id, branch_id FROM audit_entry WHERE action = 'member:withdraw' AND subject_id = $1", cast.alice.id)
    assert dict(entry) == {"actor_id": None, "branch_id": cast.branch.id}
    with pytest.raises(DakaError) as again:
        await run(member_command, "withdraw", str(cast.alice.id), "--name", blank.name)
    assert again.value.code == "member_left"
