"""Who is in a plan: late joiners, transfers, two plans for one member."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from door import Door
from people import Cast, add_content

from backend import audiences
from backend.kernel import clock
from backend.kernel.database import transactional
from models.plans import StudyPlan
from models.tasks import DailyTask

DAY = timedelta(days=1)


async def make(door: Door, cast: Cast, **changes: Any) -> Any:
    today = clock.today()
    body = {
        "title": "学习计划", "starts_on": str(today), "ends_on": str(today + 5 * DAY), "weekdays": [1, 2, 3, 4, 5, 6, 7], "aspects": [1],
        "skip_holidays": False, **changes,
    }  # fmt: skip
    return await door.post("/plans", cast.editor, body)


async def dates(door: Door, person: Any) -> list[str]:
    today = clock.today()
    query = {"from": str(today - 10 * DAY), "to": str(today + 20 * DAY)}
    return [item["date"] for item in (await door.get("/tasks", person, params=query)).json["items"]]


async def assigned(door: Door, cast: Cast, axis: str = "day") -> int:
    return (await door.get("/stats/coverage", cast.secretary, params={"by": axis})).json["total"]["assigned"]


async def test_a_late_joiner_is_assigned_from_the_day_of_joining(door: Door, cast: Cast) -> None:
    await add_content(cast.branch)
    plan = (await make(door, cast)).json
    joined_on = clock.today() + 3 * DAY
    member = await door.post("/members", cast.secretary, {"name": "新同志", "joined_on": str(joined_on)})
    assert member.status == 201
    with clock.shifted(clock.at(joined_on, 9)):
        assert await assigned(door, cast) == 5 * 4 + 1
        assert (await door.get(f"/plans/{plan['id']}", cast.secretary)).json["members"] == 6
    assert (await door.get(f"/plans/{plan['id']}", cast.secretary)).json["members"] == 5


async def test_a_transfer_changes_the_audience_from_its_own_day(door: Door, cast: Cast) -> None:
    await add_content(cast.branch)
    today = clock.today()
    await make(door, cast, units=[cast.units[0].id])
    assert len(await dates(door, cast.alice)) == 6 and await dates(door, cast.bob) == []
    day = today + 2 * DAY
    for person, unit in ((cast.alice, cast.units[1]), (cast.bob, cast.units[0])):
        reply = await door.ask("PATCH", f"/members/{person.id}", cast.secretary, json={"unit": unit.id, "effective_on": str(day)})
        assert reply.status == 200
    assert await dates(door, cast.alice) == [str(today), str(today + DAY)]
    assert await dates(door, cast.bob) == [str(day + n * DAY) for n in range(4)]


async def test_a_plan_that_gives_a_member_two_tasks_on_a_day_is_refused_whole(door: Door, cast: Cast) -> None:
    await add_content(cast.branch)
    first = await make(door, cast, title="第一份", units=[cast.units[0].id])
    assert first.status == 201
    reply = await make(door, cast, title="第二份")
    assert (reply.status, reply.code) == (409, "plan_overlap") and "第一份" in reply.json["detail"]
    assert await StudyPlan.filter(branch=cast.branch).count() == 1
    assert await DailyTask.filter(branch=cast.branch).count() == 6
    assert await assigned(door, cast) == 2, "today's task of the first plan, for two members"
    beside = await make(door, cast, title="第二份", units=[cast.units[1].id])
    assert (beside.status, beside.json["members"]) == (201, 1)


async def test_plans_may_share_a_period_when_they_share_no_day(door: Door, cast: Cast) -> None:
    await add_content(cast.branch)
    weekdays = {1, 2, 3, 4, 5, 6, 7}
    odd = {clock.today().isoweekday()}
    assert (await make(door, cast, weekdays=sorted(odd))).status == 201
    assert (await make(door, cast, weekdays=sorted(weekdays - odd))).status == 201
    assert len(await dates(door, cast.alice)) == 6


async def test_of_plans_made_at_the_same_moment_one_is_taken(door: Door, cast: Cast) -> None:
    await add_content(cast.branch)
    replies = await asyncio.gather(*(make(door, cast, title=f"计划{n}") for n in range(4)))
    assert sorted(reply.status for reply in replies) == [201, 409, 409, 409]
    assert await StudyPlan.filter(branch=cast.branch).count() == 1


async def test_a_new_plan_waits_for_whoever_is_changing_plans_or_roster(door: Door, cast: Cast) -> None:
    await add_content(cast.branch)
    await dates(door, cast.editor)

    @transactional
    async def change() -> asyncio.Task[Any]:
        await audiences.lock(cast.branch.id)
        making = asyncio.create_task(make(door, cast))
        await asyncio.sleep(0.5)
        assert not making.done()
        return making

    assert (await (await change())).status == 201
