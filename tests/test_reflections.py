"""心得体会: the member reads the own words and how far their check has come; nobody else does."""

from __future__ import annotations

from door import Door
from people import Cast, add_plan, whole_day

from backend.kernel import clock
from models.reflections import Reflection, ReflectionState


async def test_a_member_sees_the_state_of_the_own_reflections_alone(door: Door, cast: Cast):
    assert (await door.get("/me/reflections")).status == 401
    [task] = await add_plan(cast, days=[clock.today()])
    body = {**whole_day((await door.get(f"/tasks/{task.id}", cast.alice)).json), "reflection": "很受教育。"}
    assert (await door.post(f"/tasks/{task.id}/check-in", cast.alice, body)).status == 201
    [mine] = (await door.get("/me/reflections", cast.alice)).json["items"]
    assert (mine["task"], mine["date"], mine["text"], mine["state"]) == (task.id, str(clock.today()), "很受教育。", "pending")
    await Reflection.filter(member_id=cast.alice.id).update(state=ReflectionState.APPROVED)
    assert (await door.get("/me/reflections", cast.alice)).json["items"][0]["state"] == "approved"
    assert (await door.get("/me/reflections", cast.secretary)).json == {"items": [], "next": None}
