"""The people behind a cell: an observer first, then that they add up to the cell, and who may know why somebody was excused."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from desk import Desk
from door import Door
from people import Cast, Person, add_person, add_plan
from slices import check_in, table

from backend import attention, coverage, coverage_people, figures
from backend.kernel import clock
from backend.kernel.access import Actor
from backend.kernel.database import transactional
from backend.kernel.errors import Forbidden, Invalid, NotFound
from backend.rules.cells import HIDDEN
from models.leaves import Leave, LeaveReason, LeaveState
from models.members import Standing

TODAY = clock.today()


def as_actor(cast: Cast, person: Person, *roles: str) -> Actor:
    branch = cast.above if "observer" in roles else cast.branch
    return Actor(
        session_id=1, member_id=person.id, branch_id=branch.id, branch_path=branch.path, unit_id=person.unit_id, roles=frozenset(roles)
    )


@transactional
async def excuse(person: Person, task_id: int, day: date) -> None:
    await Leave.create(
        member_id=person.id, starts_on=day, ends_on=day, reason=LeaveReason.ILLNESS, state=LeaveState.GRANTED, created_at=clock.now()
    )
    await figures.recount([task_id])


async def test_an_observer_is_told_of_nobody_not_even_in_the_pages_source(desk: Desk, cast: Cast) -> None:
    await add_plan(cast, days=[TODAY - timedelta(days=1), TODAY])
    for ask in (coverage_people.people(as_actor(cast, cast.observer, "observer"), cut={}, today=TODAY),):
        with pytest.raises(Forbidden):
            await ask
    await desk.enter(cast.observer)
    for path in ("/coverage/people", "/coverage/people.xlsx", "/coverage/texts", "/silent"):
        assert (await desk.see(path)).status == 403, path
    for path in ("/", "/today/board", "/coverage", "/coverage?by=tier"):
        page = (await desk.see(path)).body.decode()
        assert not [one.name for one in cast.everyone if one.name in page] and "/coverage/people" not in page, path


async def test_the_people_add_up_to_the_cell(door: Door, cast: Cast) -> None:
    yesterday = TODAY - timedelta(days=1)
    tasks = await add_plan(cast, days=[yesterday, TODAY], aspects=(1, 5))
    await check_in(door, cast.alice, tasks[0].id)
    await excuse(cast.bob, tasks[0].id, yesterday)
    actor = as_actor(cast, cast.secretary, "secretary")
    for by, and_ in (("unit", "aspect"), ("tier", "aspect"), ("status", "day"), ("member", "aspect")):
        shown = await table(door, cast.secretary, by, **{"and": and_})
        for row in shown["rows"]:
            for key, cell in row["cells"].items():
                found = await coverage_people.people(actor, cut={by: row["key"], and_: key}, today=TODAY)
                assert found["total"] == cell, (by, row["key"], and_, key)
                assert sum(person["cell"]["assigned"] for person in found["people"]) == cell["assigned"]


async def test_a_part_of_the_members_has_the_rows_of_the_whole_table(door: Door, cast: Cast) -> None:
    tasks = await add_plan(cast, days=[TODAY - timedelta(days=1), TODAY], aspects=(1, 5))
    for person, task in ((cast.alice, tasks[0]), (cast.bob, tasks[1])):
        await check_in(door, person, task.id)
    asked = {"by": "member", "and_": "aspect", "today": TODAY}
    actor = as_actor(cast, cast.secretary, "secretary")
    whole = await coverage.coverage(actor, **asked)
    assert sum(row["cell"]["done"] for row in whole["rows"]) == 2
    for part in (slice(0, 2), slice(1, 3), slice(2, 99), slice(99, 199)):
        shown = await coverage.coverage(actor, part=part, **asked)
        assert (shown["rows"], shown["count"]) == (whole["rows"][part], len(whole["rows"]))
        assert shown["total"]["assigned"] == sum(row["cell"]["assigned"] for row in shown["rows"])


async def test_a_check_in_of_the_day_on_which_somebody_moves_counts_once_and_for_the_new_committee(door: Door, cast: Cast) -> None:
    tasks = await add_plan(cast, days=[TODAY - timedelta(days=1), TODAY], members=[cast.alice])
    await check_in(door, cast.alice, tasks[1].id)
    await _move(cast.alice, cast.units[1].id, TODAY)
    shown = await table(door, cast.secretary, "member", **{"and": "unit"})
    [row] = [row for row in shown["rows"] if row["key"] == str(cast.alice.id)]
    told = {key: (cell["assigned"], cell["done"]) for key, cell in row["cells"].items() if cell["assigned"]}
    assert told == {str(cast.alice.unit_id): (1, 0), str(cast.units[1].id): (1, 1)}


@transactional
async def _move(person: Person, unit_id: int, day: date) -> None:
    """To another committee from this day on."""
    before = await Standing.get(member_id=person.id)
    await Standing.create(member_id=person.id, unit_id=unit_id, tier=before.tier, status=before.status, starts_on=day)
    before.until = day
    await before.save()
    await figures.recount_days((await before.member).branch_id, day)


async def test_reasons_of_leave_are_for_the_secretary_alone(desk: Desk, door: Door, cast: Cast) -> None:
    [task] = await add_plan(cast, days=[TODAY])
    await excuse(cast.alice, task.id, TODAY)
    await desk.enter(cast.secretary)
    assert "病假" in (await desk.see("/coverage/people")).body.decode()
    for other in (cast.editor, cast.unit_head):
        page = (await (await Desk(door).enter(other)).see("/coverage/people")).body.decode()
        assert cast.alice.name in page and "病假" not in page


async def test_a_unit_head_sees_the_own_committee_and_senseless_cuts_are_refused(cast: Cast) -> None:
    await add_plan(cast, days=[TODAY])
    head = as_actor(cast, cast.unit_head, "unit_head")
    found = await coverage_people.people(head, cut={}, today=TODAY)
    assert {person["name"] for person in found["people"]} == {cast.unit_head.name, cast.alice.name}
    for cut, error in (({"unit": str(cast.units[1].id)}, NotFound), ({"aspect": "10"}, NotFound), ({"tier": "x' OR '1'='1"}, NotFound)):
        with pytest.raises(error):
            await coverage_people.people(head, cut=cut, today=TODAY)
    for cut in ({"day": "20230223"}, {"day": "2023-02-30"}, {"member": "1 OR 1=1"}, {"member": "٣"}):
        with pytest.raises(Invalid):
            await coverage_people.people(head, cut=cut, today=TODAY)


async def test_silent_is_who_did_none_of_three_task_days_and_was_not_on_leave(door: Door, cast: Cast) -> None:
    days = [TODAY - timedelta(days=n) for n in (4, 3, 2, 1, 0)]
    new = await add_person(cast.branch, "新来的", unit=cast.units[0], joined_on=days[2])
    tasks = await add_plan(cast, days=days, members=[cast.alice, cast.bob, cast.editor, new])
    await check_in(door, cast.alice, tasks[1].id)
    await excuse(cast.bob, tasks[3].id, days[3])
    actor = as_actor(cast, cast.secretary, "secretary")
    assert [row["name"] for row in await attention.silent(actor, today=TODAY)] == [cast.bob.name, cast.editor.name]


async def test_an_aspect_is_not_behind_because_today_is_still_open(door: Door, cast: Cast) -> None:
    tasks = [await add_plan(cast, days=[TODAY - timedelta(days=2 - n)], aspects=(aspect,)) for n, aspect in enumerate((1, 2, 5))]
    await check_in(door, cast.alice, tasks[0][0].id)
    asked = {"by": "aspect", "today": TODAY}
    mean, below = attention.below_the_mean(await coverage.coverage(as_actor(cast, cast.secretary, "secretary"), **asked))
    assert mean == round(1 / (2 * len(cast.everyone)), 4) and [(row["key"], row["share"]) for row in below] == [("2", 0.0)]
    assert attention.below_the_mean({"total": HIDDEN, "rows": [{"cell": HIDDEN}]}) == (None, [])
