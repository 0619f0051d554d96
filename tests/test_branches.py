"""Branches as a tree, and the units of one."""

from __future__ import annotations

import asyncio

import pytest
from door import Door
from people import Cast, add_branch
from queries import counting

from backend import branches
from backend.kernel import database
from backend.kernel.errors import Conflict, NotFound
from models.branches import Branch, Unit


async def test_a_passer_by_and_a_plain_member_see_no_branches(door: Door, cast: Cast):
    assert (await door.get("/branches")).status == 401
    assert (await door.get("/branches", cast.passer_by)).code == "not_bound"
    assert (await door.get("/branches", cast.alice)).status == 403


async def test_the_secretary_sees_the_own_branch_alone(door: Door, cast: Cast):
    reply = await door.get("/branches", cast.secretary)
    assert reply.json == {"items": [{"id": cast.branch.id, "name": cast.branch.name, "parent": None}], "next": None}


async def test_an_observer_sees_the_subtree_and_nothing_beside_it(door: Door, cast: Cast):
    below = await add_branch("下级支部", cast.branch)
    await add_branch("旁支", None)
    with counting() as queries:
        reply = await door.get("/branches", cast.observer)
    parents = {item["id"]: item["parent"] for item in reply.json["items"]}
    assert parents == {cast.above.id: None, cast.branch.id: cast.above.id, below.id: cast.branch.id}
    assert len(queries) == 1


async def test_a_branch_made_by_the_command_knows_its_ancestors(cast: Cast):
    branch_id = await branches.create(None, name=f"新支部{cast.branch.id}", parent_id=cast.branch.id)
    branch = await Branch.get(id=branch_id)
    assert branch.path == f"{cast.branch.path}{branch_id}/"
    assert branch.lineage == [branch_id, cast.branch.id, cast.above.id]
    rows = await database.fetch("SELECT action FROM audit_entry WHERE branch_id = $1", branch_id)
    assert [row["action"] for row in rows] == ["branch:create"]


async def test_a_branch_below_a_missing_one_or_twice_is_refused(cast: Cast):
    with pytest.raises(NotFound):
        await branches.create(None, name="孤儿支部", parent_id=2**62)
    with pytest.raises(Conflict) as refused:
        await branches.create(None, name=f" {cast.branch.name} ", parent_id=cast.above.id)
    assert refused.value.code == "branch_exists"


async def test_every_member_reads_the_units_and_editors_alone_write_them(door: Door, cast: Cast):
    expected = [{"id": unit.id, "name": unit.name} for unit in cast.units]
    assert (await door.get("/units", cast.alice)).json == {"items": expected, "next": None}
    assert (await door.post("/units", cast.alice, {"name": "丙专委会"})).status == 403
    made = await door.post("/units", cast.editor, {"name": "  丙　专委会 "})
    assert (made.status, made.json["name"]) == (201, "丙 专委会")
    assert (await door.get("/units", cast.alice)).json["items"] == [*expected, made.json]


async def test_a_unit_of_another_branch_is_as_good_as_missing(door: Door, cast: Cast):
    mine = cast.units[0].id
    foreign = await door.ask("PATCH", f"/units/{mine}", cast.other_secretary, json={"name": "夺名"})
    missing = await door.ask("PATCH", f"/units/{2**62}", cast.other_secretary, json={"name": "夺名"})
    assert foreign.status == missing.status == 404
    assert {**foreign.json, "request_id": ""} == {**missing.json, "request_id": ""}
    assert (await Unit.get(id=mine)).name == "甲专委会"


async def test_two_units_of_one_name_are_refused_however_it_is_written(door: Door, cast: Cast):
    assert (await door.post("/units", cast.secretary, {"name": "甲 专委会"})).code == "unit_exists"
    second = f"/units/{cast.units[1].id}"
    assert (await door.ask("PATCH", second, cast.secretary, json={"name": "甲专委会"})).code == "unit_exists"
    renamed = await door.ask("PATCH", second, cast.secretary, json={"name": "智能制造专委会"})
    assert renamed.json == {"id": cast.units[1].id, "name": "智能制造专委会"}
    assert (await door.post("/units", cast.secretary, {"name": " \u200b "})).status == 422


async def test_ten_simultaneous_requests_make_one_unit(door: Door, cast: Cast):
    replies = await asyncio.gather(*(door.post("/units", cast.secretary, {"name": "抢建专委会"}) for _ in range(10)))
    assert sorted(reply.status for reply in replies) == [201] + [409] * 9
    assert await Unit.filter(branch=cast.branch, name="抢建专委会").count() == 1
