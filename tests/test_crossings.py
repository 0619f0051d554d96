"""Study and office work at the same moment: whatever comes first, the summary equals the rows afterwards."""

from __future__ import annotations

import asyncio

from door import Door
from people import Cast, add_person, add_plan, whole_day

from backend import checks, figures
from backend.kernel import clock
from backend.kernel.database import transactional
from models.members import Standing

TODAY = clock.today()


async def test_check_ins_that_cross_leaves_transfers_and_withdrawals_leave_the_summary_true(door: Door, cast: Cast):
    people = [await add_person(cast.branch, f"党员{n}", unit=cast.units[n % 2]) for n in range(24)]
    [task] = await add_plan(cast, days=[TODAY], members=[*people, cast.alice])
    day = whole_day((await door.get(f"/tasks/{task.id}", cast.alice)).json)
    leave = {"starts_on": str(TODAY), "ends_on": str(TODAY), "reason": "travel"}

    async def office(n: int) -> int:
        person = people[n]
        if n % 3 == 0:
            return (await door.post(f"/members/{person.id}/leaves", cast.secretary, leave)).status
        if n % 3 == 1:
            moved = {"unit": cast.units[(n + 1) % 2].id, "tier": "expert"}
            return (await door.ask("PATCH", f"/members/{person.id}", cast.secretary, json=moved)).status
        return (await door.post(f"/questions/{day['answers'][n % 3]['question']}/withdraw", cast.editor)).status

    async def study(n: int) -> int:
        return (await door.post(f"/tasks/{task.id}/check-in", people[n], day)).status

    statuses = await asyncio.gather(*(step(n) for n in range(24) for step in (study, office)))
    assert set(statuses) <= {200, 201, 204}, statuses
    assert await checks.broken(branch_id=cast.branch.id) == []
    total = (await door.get("/stats/coverage", cast.secretary, params={"by": "unit"})).json["total"]
    assert (total["assigned"], total["done"]) == (25, 24)


async def test_a_check_in_that_waits_for_a_transfer_counts_in_the_new_unit(door: Door, cast: Cast):
    """The transfer has recounted but not committed when the check-in arrives: it must wait, and then read the facts anew."""
    [task] = await add_plan(cast, days=[TODAY])
    day = whole_day((await door.get(f"/tasks/{task.id}", cast.alice)).json)
    changed, may_commit = asyncio.Event(), asyncio.Event()

    @transactional
    async def transfer() -> None:
        await Standing.filter(member_id=cast.alice.id).update(unit_id=cast.units[1].id)
        await figures.recount([task.id])
        changed.set()
        await may_commit.wait()

    moving = asyncio.create_task(transfer())
    await changed.wait()
    studying = asyncio.create_task(door.post(f"/tasks/{task.id}/check-in", cast.alice, day))
    await asyncio.sleep(0.3)
    may_commit.set()
    await moving
    assert (await studying).status == 201
    assert await checks.broken(branch_id=cast.branch.id) == []
