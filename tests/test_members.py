"""The roster: who reads it, who writes it, and what a change does to tasks and figures."""

from __future__ import annotations

from datetime import timedelta

from door import Door
from people import Cast, Person, add_person, add_plan
from queries import counting

from backend.kernel import clock
from backend.kernel.database import fetch
from models.members import Member, Standing

TODAY = clock.today()
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)


async def _patch(door: Door, who: Person, member_id: int, **changes):
    return await door.ask("PATCH", f"/members/{member_id}", who, json=changes)


async def _assigned(task_id: int, unit_id: int | None = None) -> int:
    also = "" if unit_id is None else f" AND unit_id = {int(unit_id)}"
    rows = await fetch(f"SELECT COALESCE(SUM(assigned), 0) AS n FROM task_figure WHERE task_id = $1{also}", task_id)  # noqa: S608
    return rows[0]["n"]


async def test_a_stranger_and_a_plain_member_see_no_roster(door: Door, cast: Cast):
    assert (await door.get("/members")).status == 401
    for person in (cast.alice, cast.unit_head, cast.observer):
        assert (await door.get("/members", person)).status == 403
        assert (await door.get(f"/members/{cast.bob.id}", person)).status == 403
        assert (await door.post("/members", person, {"name": "新人"})).status == 403
        assert (await _patch(door, person, cast.bob.id, name="改名")).status == 403


async def test_a_member_of_another_branch_is_as_good_as_missing(door: Door, cast: Cast):
    stranger, paths = cast.other_secretary, ("invite", "unbind")
    for member_id in (cast.alice.id, 2**62):
        replies = [
            await door.get(f"/members/{member_id}", stranger),
            await _patch(door, stranger, member_id, name="改名"),
            await door.ask("PUT", f"/members/{member_id}/roles", stranger, json={"roles": ["editor"]}),
            *[await door.post(f"/members/{member_id}/{path}", stranger) for path in paths],
        ]
        assert [(reply.status, reply.json["detail"]) for reply in replies] == [(404, "没有找到所请求的内容。")] * 5
    assert (await Member.get(id=cast.alice.id)).name == "安敏"
    names = {item["name"] for item in (await door.get("/members", stranger)).json["items"]}
    assert names == {"外书记", "外人"}


async def test_a_new_member_is_on_the_roster_and_has_the_tasks_from_the_day_of_joining(door: Door, cast: Cast):
    tasks = await add_plan(cast, days=[YESTERDAY, TODAY, TOMORROW])
    body = {"name": " 新 党员 ", "phone": "+86 138-0013 8000", "unit": cast.units[0].id, "tier": "expert", "status": "full", "post": "委员"}
    reply = await door.post("/members", cast.editor, body)
    assert reply.status == 201
    expected = {
        "name": "新 党员", "phone": "13800138000", "unit": {"id": cast.units[0].id, "name": "甲专委会"}, "tier": "expert", "status": "full",
        "roles": [], "post": "委员", "party_joined_on": None, "note": "", "joined_on": TODAY.isoformat(), "left_on": None, "bound": False,
        "blank": False,
    }  # fmt: skip
    assert reply.json == {"id": reply.json["id"], **expected}
    assert [await _assigned(task.id) for task in tasks] == [5, 6, 6]
    stored = await Member.get(id=reply.json["id"])
    assert "13800138000" not in f"{stored.phone_sealed}{stored.phone_hash}"
    earlier = await door.post("/members", cast.editor, {"name": "早来人", "joined_on": YESTERDAY.isoformat()})
    assert earlier.status == 201
    assert [await _assigned(task.id) for task in tasks] == [6, 7, 7]


async def test_what_makes_no_sense_is_refused_by_field(door: Door, cast: Cast):
    for body, field in (
        ({"name": "\u200b "}, "name"),
        ({"name": "张三", "phone": "12345"}, "phone"),
        ({"name": "张三", "unit": 2**62}, "unit"),
        ({"name": "张三", "tier": "boss"}, "tier"),
        ({"name": "张三", "roles": ["secretary"]}, "roles"),
        ({"name": "张三", "branch_id": cast.other.id}, "branch_id"),
    ):
        reply = await door.post("/members", cast.secretary, body)
        assert (reply.status, reply.json["errors"][0]["field"]) == (422, field)
    reply = await _patch(door, cast.secretary, cast.alice.id, left_on="2019-12-31")
    assert (reply.status, reply.json["errors"][0]["field"]) == (422, "left_on")


async def test_one_phone_number_stands_for_one_member_of_a_branch(door: Door, cast: Cast):
    phone = "13900139000"
    assert (await door.post("/members", cast.secretary, {"name": "甲", "phone": phone})).status == 201
    assert (await door.post("/members", cast.secretary, {"name": "乙", "phone": phone})).code == "phone_taken"
    assert (await _patch(door, cast.secretary, cast.alice.id, phone=phone)).code == "phone_taken"
    assert (await door.post("/members", cast.other_secretary, {"name": "甲", "phone": phone})).status == 201
    assert (await _patch(door, cast.secretary, cast.alice.id, phone="13900139001")).json["phone"] == "13900139001"
    assert (await _patch(door, cast.secretary, cast.alice.id, phone=None)).json["phone"] is None


async def test_the_list_is_filtered_paged_and_costs_two_queries(door: Door, cast: Cast):
    async def names(**params: str) -> list[str]:
        return [item["name"] for item in (await door.get("/members", cast.secretary, params=params)).json["items"]]

    assert await names() == ["陈书记", "文编辑", "郝主任", "安敏", "白杰"]
    assert await names(q="杰") == ["白杰"]
    assert await names(q="%") == await names(q="_") == []
    assert await names(unit=str(cast.units[0].id)) == ["郝主任", "安敏"]
    assert await names(unit="0") == ["陈书记", "文编辑"]
    assert await names(tier="leader") == ["陈书记"]
    assert await names(status="associate") == ["白杰"]
    assert await names(role="unit_head") == ["郝主任"]
    assert await names(state="left") == []
    await _patch(door, cast.secretary, cast.bob.id, left_on=TODAY.isoformat())
    assert (await names(state="left"), len(await names()), len(await names(state="all"))) == (["白杰"], 4, 5)
    page = await door.get("/members", cast.secretary, params={"limit": "3"})
    rest = await door.get("/members", cast.secretary, params={"limit": "3", "cursor": page.json["next"]})
    assert [len(page.json["items"]), len(rest.json["items"]), rest.json["next"]] == [3, 1, None]
    with counting() as queries:
        await door.get("/members", cast.secretary, params={"state": "all"})
    assert len(queries) == 2


async def test_a_transfer_counts_from_its_own_day(door: Door, cast: Cast):
    tasks = await add_plan(cast, days=[YESTERDAY, TODAY, TOMORROW])
    here, there = (unit.id for unit in cast.units)
    reply = await _patch(door, cast.secretary, cast.alice.id, unit=there, effective_on=TOMORROW.isoformat())
    assert reply.json["unit"]["id"] == here
    assert [await _assigned(task.id, here) for task in tasks] == [2, 2, 1]
    assert (await _patch(door, cast.secretary, cast.alice.id, unit=there)).json["unit"]["id"] == there
    assert [await _assigned(task.id, there) for task in tasks] == [1, 2, 2]
    log = (await door.get("/audit", cast.secretary, params={"subject": "member"})).json["items"]
    assert [(entry["action"], entry["fields"]) for entry in log] == [("member:change", ["unit"])] * 2


async def test_a_correction_of_the_past_is_possible_and_called_one(door: Door, cast: Cast):
    tasks = await add_plan(cast, days=[YESTERDAY, TODAY])
    await _patch(door, cast.secretary, cast.alice.id, unit=None, effective_on=YESTERDAY.isoformat())
    assert [await _assigned(task.id, 0) for task in tasks] == [3, 3]
    log = (await door.get("/audit", cast.secretary, params={"subject": "member"})).json["items"]
    assert [(entry["action"], entry["fields"]) for entry in log] == [("member:correct", ["unit"])]


async def test_a_field_that_is_not_named_keeps_its_dated_history(door: Door, cast: Cast):
    last_week = TODAY - timedelta(days=7)
    await _patch(door, cast.secretary, cast.alice.id, status="activist")
    await _patch(door, cast.secretary, cast.alice.id, tier="exemplar", effective_on=last_week.isoformat())
    rows = await Standing.filter(member_id=cast.alice.id).order_by("starts_on")
    assert [(row.starts_on, row.until, row.tier.value, row.status.value) for row in rows] == [
        (rows[0].starts_on, last_week, "peer", "full"),
        (last_week, TODAY, "exemplar", "full"),
        (TODAY, None, "exemplar", "activist"),
    ]


async def test_standings_follow_each_other_without_gap_or_overlap(door: Door, cast: Cast):
    there = cast.units[1].id
    for days, changes in ((0, {"unit": there}), (5, {"unit": None}), (5, {"tier": "expert"}), (9, {"unit": there}), (9, {"unit": there})):
        reply = await _patch(door, cast.secretary, cast.alice.id, **changes, effective_on=(TODAY + timedelta(days=days)).isoformat())
        assert reply.status == 200
    rows = await Standing.filter(member_id=cast.alice.id).order_by("starts_on")
    assert [row.until for row in rows] == [*(row.starts_on for row in rows[1:]), None]
    assert [(row.unit_id, row.tier.value) for row in rows] == [
        (cast.units[0].id, "peer"), (there, "peer"), (None, "expert"), (there, "expert"),
    ]  # fmt: skip


async def test_leaving_ends_tasks_sessions_and_invitation_and_can_be_taken_back(door: Door, cast: Cast):
    tasks = await add_plan(cast, days=[YESTERDAY, TODAY])
    assert (await door.post(f"/members/{cast.alice.id}/invite", cast.secretary)).status == 200
    reply = await _patch(door, cast.secretary, cast.alice.id, left_on=TODAY.isoformat())
    assert reply.json["left_on"] == TODAY.isoformat()
    assert [await _assigned(task.id) for task in tasks] == [5, 4]
    assert (await door.get("/units", cast.alice)).status == 401
    assert await fetch("SELECT id FROM invite WHERE member_id = $1", cast.alice.id) == []
    assert (await door.post(f"/members/{cast.alice.id}/invite", cast.secretary)).code == "member_left"
    assert (await _patch(door, cast.secretary, cast.alice.id, left_on=None)).json["left_on"] is None
    assert [await _assigned(task.id) for task in tasks] == [5, 5]


async def test_a_change_that_would_give_two_tasks_a_day_is_refused_whole(door: Door, cast: Cast):
    await add_plan(cast, days=[TODAY], members=[])
    await fetch("UPDATE study_plan SET tiers = $1 WHERE id = $2", '["exemplar"]', cast.plan.id)
    await add_plan(cast, days=[TODAY])
    reply = await _patch(door, cast.secretary, cast.alice.id, tier="exemplar", name="改名")
    assert (reply.status, reply.code) == (409, "plan_overlap")
    assert (await door.get(f"/members/{cast.alice.id}", cast.secretary)).json["name"] == "安敏"


async def test_a_blanked_member_can_not_be_changed(door: Door, cast: Cast):
    await Member.filter(id=cast.bob.id).update(blanked_at=clock.now(), left_on=TODAY)
    assert (await _patch(door, cast.secretary, cast.bob.id, name="复名")).code == "member_left"
    assert (await door.post(f"/members/{cast.bob.id}/unbind", cast.secretary)).code == "member_left"


async def test_the_log_of_a_change_holds_field_names_and_no_values(door: Door, cast: Cast):
    await _patch(door, cast.editor, cast.alice.id, name="安敏敏", phone="13700137000", note="住在城南")
    await _patch(door, cast.editor, cast.alice.id, name="安敏敏", phone="137 0013 7000")
    log = (await door.get("/audit", cast.secretary, params={"subject_id": str(cast.alice.id)})).json["items"]
    assert [(entry["action"], entry["fields"]) for entry in log] == [("member:change", ["name", "note", "phone"])]
    assert not any(value in str(log) for value in ("安敏敏", "13700137000", "城南"))


async def test_an_editor_can_not_take_over_who_holds_a_role(door: Door, cast: Cast):
    head = cast.unit_head.id
    for reply in (
        await _patch(door, cast.editor, head, name="改名"),
        await _patch(door, cast.editor, head, phone="13600136000"),
        await _patch(door, cast.editor, head, left_on=TODAY.isoformat()),
        await door.post(f"/members/{head}/invite", cast.editor),
        await door.post(f"/members/{head}/unbind", cast.editor),
    ):
        assert (reply.status, reply.code) == (403, "secretary_only")
    assert (await _patch(door, cast.editor, head, post="主任")).status == 200
    assert (await _patch(door, cast.secretary, head, phone="13600136000")).status == 200


async def test_a_member_without_consent_on_the_roster_is_listed_as_well(door: Door, cast: Cast):
    quiet = await add_person(cast.branch, "未同意", consented=False, bound=False)
    shown = (await door.get(f"/members/{quiet.id}", cast.secretary)).json
    assert (shown["name"], shown["bound"]) == ("未同意", False)
