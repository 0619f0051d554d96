"""Coverage through the door: who may ask, what a check-in moves, every slice, and what each costs."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from door import Door
from people import Cast, add_person, add_plan, whole_day
from queries import counting
from slices import AXES, check_in, row, table

from backend.kernel import clock
from models.branches import Unit
from models.leaves import Leave, LeaveState
from models.members import Role

TODAY = clock.today()
NO_MORE_QUERIES_THAN = 4


async def test_strangers_members_and_other_branches_see_no_figures(door: Door, cast: Cast):
    await add_plan(cast, days=[TODAY])
    for path in ("/stats/coverage", "/stats/today", "/stats/coverage.xlsx", "/stats/questions"):
        assert (await door.get(path)).status == 401
        assert (await door.get(path, cast.passer_by)).code == "not_bound"
        assert (await door.get(path, cast.alice)).code == "forbidden"
    own = await table(door, cast.other_secretary, "member")
    assert own["total"]["assigned"] == 0
    for person in (cast.other_secretary, cast.unit_head):
        reply = await door.get("/stats/coverage", person, params={"branch": cast.other.id if person is cast.unit_head else cast.branch.id})
        assert (reply.status, reply.code) == (404, "not_found")


async def test_one_check_in_moves_the_figures_by_exactly_one(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY], aspects=(2,))
    before = await table(door, cast.secretary, "aspect")
    assert before["total"] == {
        "assigned": 5, "done": 0, "on_time": 0, "makeup": 0, "proxy": 0, "excused": 0, "missing": 0, "open": 5, "coverage": 0.0,
        "on_time_rate": 0.0, "accuracy": None,
    }  # fmt: skip
    await check_in(door, cast.alice, task.id)
    after = await table(door, cast.secretary, "aspect")
    moved = {"done": 1, "on_time": 1, "open": 4, "coverage": 0.2, "on_time_rate": 0.2, "accuracy": 1.0}
    assert after["total"] == {**before["total"], **moved}
    assert after["rows"][1]["cell"] == after["total"]
    task_again = (await door.get(f"/tasks/{task.id}", cast.alice)).json
    assert (await door.post(f"/tasks/{task.id}/check-in", cast.alice, whole_day(task_again))).status == 200
    assert await table(door, cast.secretary, "aspect") == after


async def test_the_reply_says_what_was_asked_for(door: Door, cast: Cast):
    days = [TODAY - timedelta(days=2), TODAY - timedelta(days=1), TODAY]
    await add_plan(cast, days=days, aspects=(1, 3))
    found = await table(door, cast.secretary, "aspect")
    assert (found["by"], found["and"], found["from"], found["to"]) == ("aspect", None, days[0].isoformat(), TODAY.isoformat())
    assert [row["key"] for row in found["rows"]] == [str(n) for n in range(1, 10)]
    # Once under each of its aspects, once in the total.
    assert [row["cell"]["assigned"] for row in found["rows"]] == [15, 0, 15, 0, 0, 0, 0, 0, 0]
    assert found["total"]["assigned"] == 15
    assert found["rows"][1]["cell"]["coverage"] is None
    assert (found["total"]["missing"], found["total"]["open"]) == (10, 5)
    by_day = await table(door, cast.secretary, "day", **{"from": days[1].isoformat(), "to": "2999-01-01"})
    assert [row["key"] for row in by_day["rows"]] == [day.isoformat() for day in days[1:]]
    assert by_day["to"] == TODAY.isoformat()
    assert "cells" not in by_day["rows"][0]


async def test_two_axes_carry_a_cell_for_each_pair_and_the_columns(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY], aspects=(1, 3))
    await check_in(door, cast.alice, task.id, right=False)
    found = await table(door, cast.secretary, "unit", **{"and": "aspect"})
    assert [column["key"] for column in found["columns"]] == [str(n) for n in range(1, 10)]
    assert [row["label"] for row in found["rows"]] == ["甲专委会", "乙专委会", "未分组"]
    first = row(found, "甲专委会")
    assert (first["cell"]["assigned"], first["cell"]["done"]) == (2, 1)
    assert [first["cells"][key]["done"] for key in ("1", "2", "3")] == [1, 0, 1]
    assert found["total"]["assigned"] == 5
    assert first["cells"]["1"]["accuracy"] == 0.0
    turned = await table(door, cast.secretary, "aspect", **{"and": "unit"})
    assert turned["rows"][0]["cells"][first["key"]] == first["cells"]["1"]


async def test_tiers_and_statuses_bear_their_official_names(door: Door, cast: Cast):
    await add_plan(cast, days=[TODAY])
    tiers = await table(door, cast.secretary, "tier")
    assert [(r["key"], r["label"], r["cell"]["assigned"]) for r in tiers["rows"]] == [
        ("leader", "领导干部", 1), ("expert", "专家学者", 1), ("exemplar", "先进人物", 0), ("peer", "会员", 3),
    ]  # fmt: skip
    statuses = await table(door, cast.secretary, "status")
    assert [r["label"] for r in statuses["rows"]] == ["正式党员", "预备党员", "入党积极分子", "会员"]
    assert [r["cell"]["assigned"] for r in statuses["rows"]] == [4, 0, 0, 1]


async def test_members_stand_in_roster_order_never_by_rate(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY], members=cast.everyone[:4])
    await check_in(door, cast.alice, task.id)
    found = await table(door, cast.secretary, "member")
    assert [r["label"] for r in found["rows"]] == ["陈书记", "文编辑", "郝主任", "安敏", "白杰"]
    assert [r["cell"]["coverage"] for r in found["rows"]] == [0.0, 0.0, 0.0, 1.0, None]


async def test_a_member_on_leave_is_excused_and_not_missing(door: Door, cast: Cast):
    yesterday = TODAY - timedelta(days=1)
    await Leave.create(
        member_id=cast.bob.id, starts_on=yesterday, ends_on=yesterday, reason="illness", state=LeaveState.GRANTED, created_at=clock.now()
    )
    await add_plan(cast, days=[yesterday])
    found = (await table(door, cast.secretary, "day"))["total"]
    assert (found["assigned"], found["excused"], found["missing"]) == (4, 1, 4)


async def test_a_unit_head_sees_the_own_unit_alone(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY])
    await check_in(door, cast.alice, task.id)
    await check_in(door, cast.bob, task.id)
    for by in AXES:
        found = await table(door, cast.unit_head, by)
        assert (found["total"]["assigned"], found["total"]["done"]) == (2, 1)
    assert [r["label"] for r in (await table(door, cast.unit_head, "unit"))["rows"]] == ["甲专委会"]
    assert [r["label"] for r in (await table(door, cast.unit_head, "member"))["rows"]] == ["郝主任", "安敏"]
    today = (await door.get("/stats/today", cast.unit_head)).json
    assert [person["name"] for person in today["open"]] == ["郝主任"]


async def test_a_unit_head_without_a_unit_is_told_so(door: Door, cast: Cast):
    head = await add_person(cast.branch, "无单位", roles=(Role.UNIT_HEAD,))
    reply = await door.get("/stats/coverage", head, params={"by": "unit"})
    assert (reply.status, reply.json["detail"]) == (403, "您还没有编入专业委员会，请联系书记。")


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"by": "rank"}, "by"),
        ({"by": ""}, "by"),
        ({"by": "unit", "and": ""}, "and"),
        ({"by": "unit", "and": "score"}, "and"),
        ({"by": "unit", "and": "unit"}, "and"),
        ({"from": "2023-03-02", "to": "2023-03-01"}, "from"),
        ({"from": "2999-01-01"}, "from"),
        ({"from": "yesterday"}, "from"),
        ({"branch": "0"}, "branch"),
        ({"sort": "rate"}, "sort"),
    ],
)
async def test_senseless_questions_are_refused_by_name(door: Door, cast: Cast, params: dict, field: str):
    for path in ("/stats/coverage", "/stats/coverage.xlsx"):
        reply = await door.get(path, cast.secretary, params=params)
        assert (reply.status, reply.json["errors"][0]["field"]) == (422, field)


async def test_figures_of_a_branch_without_a_plan_are_empty_not_an_error(door: Door, cast: Cast):
    for by in AXES:
        found = await table(door, cast.secretary, by)
        assert (found["from"], found["to"], found["total"]["coverage"]) == (TODAY.isoformat(), TODAY.isoformat(), None)


async def test_every_slice_costs_the_same_few_queries(door: Door, cast: Cast):
    async def costs() -> dict:
        found = {}
        for axes in [(axis,) for axis in AXES] + list(permutations(AXES, 2)):
            params = dict(zip(("by", "and"), axes, strict=False))
            for person in (cast.secretary, cast.observer):
                if person is cast.secretary or "member" not in axes:
                    with counting() as queries:
                        await table(door, person, **params)
                    found[person.name, axes] = len(queries)
        return found

    await add_plan(cast, days=[TODAY])
    before = await costs()
    assert max(before.values()) <= NO_MORE_QUERIES_THAN
    for n in range(12):
        unit = await Unit.create(branch=cast.branch, name=f"第{n}专委会")
        await add_person(cast.branch, f"新人{n}", unit=unit)
    await add_plan(cast, days=[TODAY - timedelta(days=n) for n in range(1, 9)], aspects=(1, 2, 3))
    assert await costs() == before


async def test_today_names_who_has_not_done_it_and_who_is_on_leave(door: Door, cast: Cast):
    leave = {"starts_on": TODAY, "ends_on": TODAY, "reason": "illness", "note": "住院", "state": LeaveState.GRANTED}
    await Leave.create(member_id=cast.bob.id, created_at=clock.now(), **leave)
    [task] = await add_plan(cast, days=[TODAY], aspects=(4,))
    await check_in(door, cast.alice, task.id)
    with counting() as queries:
        reply = await door.get("/stats/today", cast.secretary)
    assert (reply.status, len(queries)) == (200, 2)
    assert reply.json["tasks"] == [{"id": task.id, "title": task.title, "aspects": [4]}]
    assert reply.json["cell"] == (await table(door, cast.secretary, "day"))["total"]
    assert [person["name"] for person in reply.json["open"]] == ["陈书记", "文编辑", "郝主任"]
    assert reply.json["open"][2] == {"id": cast.unit_head.id, "name": "郝主任", "unit": "甲专委会"}
    assert [person["name"] for person in reply.json["excused"]] == ["白杰"]
    assert "住院" not in reply.body.decode()
    assert "illness" not in reply.body.decode()
    assert (await door.get("/stats/today", cast.secretary, params={"by": "member"})).json == reply.json
    assert (await door.get("/stats/today", cast.secretary, params={"by": "unit"})).status == 422


async def test_a_day_without_a_task_is_empty(door: Door, cast: Cast):
    reply = await door.get("/stats/today", cast.secretary)
    assert (reply.json["tasks"], reply.json["open"], reply.json["cell"]["assigned"]) == ([], [], 0)
