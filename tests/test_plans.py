"""Making a study plan: what is refused, what is laid out, which days."""

from __future__ import annotations

import argparse
from datetime import date, timedelta
from typing import Any

import pytest
from door import Door
from people import Cast, add_branch, add_content
from queries import counting

from backend import plans
from backend.cli import plan as plan_command
from backend.kernel import clock
from backend.kernel.errors import Invalid
from models.audit import AuditEntry
from models.branches import Unit
from models.plans import StudyPlan
from models.tasks import DailyTask
from models.texts import Aspect

DAY = timedelta(days=1)


def wish(**changes: Any) -> dict[str, Any]:
    """A plan of ten days from today on about aspect 1, on every weekday."""
    today = clock.today()
    return {
        "title": "二十大报告学习", "starts_on": str(today), "ends_on": str(today + 9 * DAY), "weekdays": [1, 2, 3, 4, 5, 6, 7],
        "aspects": [1], "skip_holidays": False, **changes,
    }  # fmt: skip


async def test_a_stranger_neither_sees_nor_makes_a_plan(door: Door, cast: Cast) -> None:
    await add_content(cast.branch)
    for person in (cast.alice, cast.unit_head, cast.observer):
        assert (await door.post("/plans", person, wish())).status == 403
        assert (await door.get("/plans", person)).status == 403
    made = await door.post("/plans", cast.editor, wish())
    foreign, missing = [await door.get(f"/plans/{n}", cast.other_secretary) for n in (made.json["id"], 2**62)]
    assert foreign.status == missing.status == 404
    assert (await door.get("/plans", cast.other_secretary)).json["items"] == []


async def test_a_plan_lays_out_its_days_for_everybody(door: Door, cast: Cast) -> None:
    await add_content(cast.branch, passages=4, questions=6)
    reply = await door.post("/plans", cast.editor, wish(makeup_days=3))
    assert reply.status == 201
    assert (reply.json["tasks"], reply.json["members"], reply.json["warning"]) == (10, 5, "")
    assert (await door.get("/plans", cast.secretary)).json == {"items": [reply.json], "next": None}
    shown = (await door.get(f"/plans/{reply.json['id']}", cast.secretary)).json
    today = clock.today()
    assert [day["date"] for day in shown["days"]] == [str(today + n * DAY) for n in range(10)]
    assert all((day["aspects"], day["passages"], day["questions"]) == ([1], 1, 3) for day in shown["days"])
    assert [day["title"] for day in shown["days"]][:2] == [f"第{n}天 · {(await Aspect.get(id=1)).short}" for n in (1, 2)]
    task = (await door.get("/tasks/today", cast.alice)).json["task"]
    assert task["id"] == shown["days"][0]["id"] and task["makeup_until"] == str(today + 3 * DAY)


async def test_a_new_plan_is_in_the_figures_and_in_the_audit_log(door: Door, cast: Cast) -> None:
    await add_content(cast.branch)
    made = (await door.post("/plans", cast.editor, wish())).json
    total = (await door.get("/stats/coverage", cast.secretary, params={"by": "day"})).json["total"]
    assert (total["assigned"], total["open"]) == (5, 5), "today's task, for five members"
    entry = await AuditEntry.get(branch_id=cast.branch.id, action="plan:create")
    assert (entry.actor_id, entry.subject_id) == (cast.editor.id, made["id"]) and "title" in entry.fields_changed


async def test_a_plan_is_for_the_units_tiers_and_statuses_it_names(door: Door, cast: Cast) -> None:
    await add_content(cast.branch)
    today = clock.today()
    wishes = [{"units": [cast.units[0].id]}, {"tiers": ["leader"]}, {"statuses": ["associate"]}]
    made = [
        (await door.post("/plans", cast.editor, wish(starts_on=str(d := today + n * DAY), ends_on=str(d), **chosen))).json
        for n, chosen in enumerate(wishes)
    ]
    assert [plan["members"] for plan in made] == [2, 1, 1], "郝主任 and 安敏, 陈书记, 白杰"
    assert (made[0]["units"], made[1]["tiers"], made[2]["statuses"]) == ([cast.units[0].id], ["leader"], ["associate"])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"starts_on": "2020-01-06", "ends_on": "2020-01-10"}, "starts_on"),
        ({"ends_on": "2020-01-10"}, "ends_on"),
        ({"ends_on": str(clock.today() + 366 * DAY)}, "ends_on"),
        ({"starts_on": "9999-12-30", "ends_on": "9999-12-31"}, "ends_on"),
        ({"title": " 　"}, "title"),
        ({"weekdays": [1, 1]}, "weekdays"),
        ({"aspects": [3, 3]}, "aspects"),
        ({"units": [2**62]}, "units"),
        ({"tiers": ["peer", "peer"]}, "tiers"),
        ({"statuses": ["full", "full"]}, "statuses"),
    ],
)
async def test_a_senseless_plan_is_refused_by_field(door: Door, cast: Cast, changes: dict[str, Any], field: str) -> None:
    await add_content(cast.branch)
    reply = await door.post("/plans", cast.editor, wish(**changes))
    assert reply.status == 422 and field in [error["field"] for error in reply.json["errors"]]
    assert not await StudyPlan.exists(branch=cast.branch)


@pytest.mark.parametrize(
    "changes",
    [{"weekdays": []}, {"weekdays": [8]}, {"aspects": [10]}, {"tiers": ["boss"]}, {"questions_per_day": 2}, {"questions_per_day": 6},
     {"makeup_days": 61}, {"makeup_days": -1}, {"surprise": 1}],
)  # fmt: skip
async def test_a_malformed_plan_is_refused(door: Door, cast: Cast, changes: dict[str, Any]) -> None:
    assert (await door.post("/plans", cast.editor, wish(**changes))).status == 422


async def test_a_unit_of_another_branch_is_refused(door: Door, cast: Cast) -> None:
    unit = await Unit.create(branch=await add_branch("邻支部"), name="丙专委会")
    assert (await door.post("/plans", cast.editor, wish(units=[unit.id]))).status == 422


async def test_a_plan_without_a_single_day_is_refused(door: Door, cast: Cast) -> None:
    await add_content(cast.branch)
    day = clock.today() + DAY
    reply = await door.post("/plans", cast.editor, wish(starts_on=str(day), ends_on=str(day), weekdays=[day.isoweekday() % 7 + 1]))
    assert (reply.status, reply.code) == (422, "no_days")


async def test_holidays_are_skipped_and_make_up_working_days_counted_as_the_plan_says(door: Door, cast: Cast) -> None:
    await add_content(cast.branch)
    year = clock.today().year + 1
    days = [{"date": f"{year}-03-03", "kind": "holiday"}, {"date": f"{year}-03-06", "kind": "workday"}]
    await door.ask("PUT", f"/calendar/{year}", cast.editor, json={"days": days})
    third, sixth = date(year, 3, 3), date(year, 3, 6)
    weekdays = sorted({1, 2, 3, 4, 5, 6, 7} - {sixth.isoweekday()})
    for skip, count in ((True, True), (True, False), (False, True), (False, False)):
        body = wish(starts_on=f"{year}-03-02", ends_on=f"{year}-03-07", weekdays=weekdays, skip_holidays=skip, count_workdays=count)
        made = (await door.post("/plans", cast.editor, {**body, "statuses": [], "units": []})).json
        laid = await DailyTask.filter(plan_id=made["id"]).values_list("date", flat=True)
        assert (third in laid, sixth in laid) == (not skip, count)
        await drop(made["id"])


async def drop(plan_id: int) -> None:
    """Takes a plan out of the way of the next one: nobody is in it any more."""
    await StudyPlan.filter(id=plan_id).update(ends_on=date(2020, 1, 1))
    await (await StudyPlan.get(id=plan_id)).audience.all().delete()


async def test_an_unknown_year_stops_a_plan_unless_plain_weekdays_are_chosen(door: Door, cast: Cast) -> None:
    await add_content(cast.branch)
    body = wish(starts_on="2050-03-01", ends_on="2050-03-07", skip_holidays=True)
    reply = await door.post("/plans", cast.editor, body)
    assert (reply.status, reply.code, reply.json["years"]) == (409, "calendar_unknown", [2050])
    made = await door.post("/plans", cast.editor, {**body, "plain_calendar": True})
    assert made.status == 201 and made.json["tasks"] == 7 and "2050" in made.json["warning"]


async def test_lists_take_a_fixed_number_of_queries(door: Door, cast: Cast) -> None:
    await add_content(cast.branch)
    today = clock.today()
    for n in range(3):
        made = await door.post("/plans", cast.editor, wish(starts_on=str(d := today + n * DAY), ends_on=str(d)))
    with counting() as queries:
        first = (await door.get("/plans", cast.editor, params={"limit": 2})).json
    assert len(queries) == 2 and len(first["items"]) == 2
    second = (await door.get("/plans", cast.editor, params={"limit": 2, "cursor": first["next"]})).json
    assert [plan["id"] for plan in second["items"]] == [made.json["id"]] and second["next"] is None
    with counting() as queries:
        await door.get(f"/plans/{made.json['id']}", cast.editor)
    assert len(queries) == 4, "the plan, its aspects, its days, its counts"


async def test_the_command_makes_a_plan(cast: Cast, settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    await add_content(cast.branch)
    today = clock.today()
    commands = argparse.ArgumentParser()
    plan_command.add(commands.add_subparsers())
    parsed = commands.parse_args(
        ["plan", "create", "--branch", str(cast.branch.id), "--title", "命令行计划", "--from", str(today), "--to", str(today + 13 * DAY),
         "--weekdays", "1-5", "--aspects", "1", "--units", f"甲专委会,{cast.units[1].id}", "--ignore-holidays", "--makeup-days", "5"]
    )  # fmt: skip
    await parsed.run(parsed, settings)
    plan = await StudyPlan.get(id=int(capsys.readouterr().out))
    assert (plan.weekdays, plan.units, plan.makeup_days) == ([1, 2, 3, 4, 5], sorted(unit.id for unit in cast.units), 5)
    assert await DailyTask.filter(plan=plan).count() == 10
    assert await AuditEntry.exists(branch_id=cast.branch.id, action="plan:create", actor_id=None)
    with pytest.raises(Invalid):
        await plans.unit_ids(cast.branch.id, words=["没有这个专委会"])
