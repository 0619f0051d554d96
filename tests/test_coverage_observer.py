"""The view from above: figures of the branches below, never a person, never a figure for fewer than five, nor what gives one away."""

from __future__ import annotations

from dataclasses import replace

from door import Door
from people import Cast, add_branch, add_person, add_plan
from slices import AXES, check_in, row, table

from backend.kernel import clock
from models.branches import Unit
from models.members import Role, Tier

TODAY = clock.today()


async def branch_of(cast: Cast, name: str, *, units: tuple[int, ...]) -> Cast:
    """A branch below the observer's with one unit for each number of members, and today's task."""
    branch = await add_branch(name, cast.above)
    people = []
    for number, size in enumerate(units):
        unit = await Unit.create(branch=branch, name=f"{name}{number}", position=number)
        people += [await add_person(branch, f"{name}的人", unit=unit) for _ in range(size)]
    found = replace(cast, branch=branch, alice=people[0])
    await add_plan(found, days=[TODAY], members=people)
    return found


def labels(found: dict) -> dict[str, int | None]:
    return {row["label"].rstrip("0123456789"): row["cell"]["assigned"] for row in found["rows"]}


async def test_an_observer_reads_figures_of_all_branches_below_and_no_others(door: Door, cast: Cast):
    task = (await add_plan(cast, days=[TODAY]))[0]
    await branch_of(cast, "丙支部", units=(6,))
    await check_in(door, cast.alice, task.id)
    found = await table(door, cast.observer, "branch")
    assert labels(found) == {"机械学会支部": 5, "丙支部": 6}
    assert (found["total"]["assigned"], found["total"]["done"]) == (11, 1)
    only = await table(door, cast.observer, "day", branch=cast.branch.id)
    assert only["total"]["assigned"] == 5
    for foreign in (cast.other.id, 999_999_999):
        reply = await door.get("/stats/coverage", cast.observer, params={"branch": foreign})
        assert (reply.status, reply.code) == (404, "not_found")


async def test_an_observer_never_sees_a_person(door: Door, cast: Cast):
    await add_plan(cast, days=[TODAY])
    for params in ({"by": "member"}, {"by": "day", "and": "member"}, {"by": "member", "branch": str(cast.branch.id)}):
        for path in ("/stats/coverage", "/stats/coverage.xlsx"):
            assert (await door.get(path, cast.observer, params=params)).code == "forbidden"
    assert (await door.get("/stats/today", cast.observer, params={"by": "member"})).code == "forbidden"
    today = (await door.get("/stats/today", cast.observer)).json
    assert (today["open"], today["excused"], today["cell"]["assigned"]) == (None, None, 5)
    assert (await door.get("/stats/questions", cast.observer)).code == "forbidden"
    assert "安敏" not in (await door.get("/stats/coverage", cast.observer, params={"by": "unit", "and": "day"})).body.decode()


async def test_a_secretary_who_also_observes_has_the_own_branch_in_full_and_figures_of_the_rest(door: Door, cast: Cast):
    both = await add_person(cast.above, "两职书记", roles=(Role.SECRETARY, Role.OBSERVER))
    await add_plan(cast, days=[TODAY])
    above = replace(cast, branch=cast.above)
    await add_plan(above, days=[TODAY], members=[both])
    assert labels(await table(door, both, "member"))["两职书记"] == 1
    assert (await table(door, both, "day"))["total"]["assigned"] == 1
    reply = await door.get("/stats/coverage", both, params={"by": "member", "branch": cast.branch.id})
    assert reply.code == "forbidden"
    assert len((await table(door, both, "branch"))["rows"]) == 2


async def test_a_small_branch_is_hidden_with_the_one_that_would_give_it_away(door: Door, cast: Cast):
    small, middle, large = [await branch_of(cast, name, units=units) for name, units in (("小", (3,)), ("中", (6,)), ("大", (4, 5)))]
    found = await table(door, cast.observer, "branch")
    assert labels(found) == {"小": None, "中": None, "大": 9}
    assert row(found, found["rows"][0]["label"])["cell"] == dict.fromkeys(found["total"])
    assert found["total"]["assigned"] == 18
    for by in AXES:
        if by == "member":
            continue
        for hidden in (small, middle):
            asked = await table(door, cast.observer, by, branch=hidden.branch.id)
            assert all(r["cell"]["assigned"] in (None, 0) for r in asked["rows"])
            assert asked["total"]["assigned"] is None
            today = (await door.get("/stats/today", cast.observer, params={"branch": hidden.branch.id})).json
            assert today["cell"]["assigned"] is None
        assert (await table(door, cast.observer, by, branch=large.branch.id))["total"]["assigned"] == 9


async def test_a_small_unit_is_hidden_with_the_smallest_of_its_branch(door: Door, cast: Cast):
    await branch_of(cast, "丙支部", units=(3, 6, 7))
    await branch_of(cast, "丁支部", units=(5, 8))
    found = await table(door, cast.observer, "unit")
    assert [r["cell"]["assigned"] for r in found["rows"] if "支部" in r["label"] and "机械" not in r["label"]] == [None, None, 7, 5, 8]
    assert found["total"]["assigned"] == 29
    crossed = await table(door, cast.observer, "unit", **{"and": "day"})
    for r in crossed["rows"]:
        if r["cell"]["assigned"] is None:
            assert {cell["assigned"] for cell in r["cells"].values()} <= {None, 0}


async def test_a_small_tier_is_hidden_in_one_axis_and_in_two(door: Door, cast: Cast):
    unit = await Unit.create(branch=cast.branch, name="丙专委会")
    peers = [await add_person(cast.branch, "新人", unit=unit) for _ in range(6)]
    leaders = [await add_person(cast.branch, "领导", unit=unit, tier=Tier.LEADER) for _ in range(3)]
    experts = [await add_person(cast.branch, "专家", unit=unit, tier=Tier.EXPERT) for _ in range(7)]
    await add_plan(cast, days=[TODAY], members=[*peers, *leaders, *experts], aspects=(1, 2))
    found = await table(door, cast.observer, "tier")
    assert [r["cell"]["assigned"] for r in found["rows"]] == [None, 7, 0, None]
    assert found["total"]["assigned"] == 16
    crossed = await table(door, cast.observer, "tier", **{"and": "aspect"})
    assert [r["cell"]["assigned"] for r in crossed["rows"]] == [None, 7, 0, None]
    assert [r["cells"]["1"]["assigned"] for r in crossed["rows"]] == [None, 7, 0, None]
    # The secretary of the branch itself sees them all.
    assert [r["cell"]["assigned"] for r in (await table(door, cast.secretary, "tier"))["rows"]] == [3, 7, 0, 6]
