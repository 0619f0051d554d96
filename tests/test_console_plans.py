"""Plans and their tasks at the desk: previewed before anything is written, changed only for days to come."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from desk import Desk, csrf_in
from door import Door, Reply
from people import Cast, add_branch, add_content, add_person, add_plan

from backend.kernel import clock
from models.audit import AuditEntry
from models.branches import Unit
from models.members import Role
from models.plans import PlanMember, StudyPlan
from models.tasks import DailyTask, TaskQuestion

DAY = timedelta(days=1)


def wish(**changes: Any) -> dict[str, Any]:
    """The form filled in: ten days from tomorrow on about aspect 1."""
    first = clock.today() + DAY
    fields = {"title": "每日学习", "starts_on": str(first), "ends_on": str(first + 9 * DAY), "weekdays": list("1234567"), "aspects": ["1"]}
    return {**fields, "questions_per_day": "3", "makeup_days": "7", **changes}


async def send(desk: Desk, path: str, fields: dict[str, Any], *, via: str = "/plans/new") -> Reply:
    """Posts a form of which a field may be given more than once, with the token of the page `via`."""
    pairs = [(name, str(one)) for name, value in fields.items() for one in (value if isinstance(value, list) else [value])]
    return await desk._ask("POST", path, data=[("csrf", csrf_in(await desk.see(via))), *pairs])


async def confirm(desk: Desk, shown: Reply) -> Reply:
    """Presses the button below a preview: the form with its hidden fields, as the page holds it."""
    form = re.search(r'<form method="post" action="/console/plans">(.*?)</form>', shown.body.decode(), re.DOTALL)[1]
    return await desk._ask("POST", "/plans", data=re.findall(r'name="([^"]+)" value="([^"]*)"', form))


def text_of(reply: Reply) -> str:
    return reply.body.decode()


@pytest.fixture
async def office(desk: Desk, cast: Cast) -> Desk:
    return await desk.enter(cast.editor)


async def test_an_empty_branch_is_told_what_to_do_next(door: Door, cast: Cast) -> None:
    empty = await add_branch("空支部")
    secretary = await add_person(empty, "新书记", roles=(Role.SECRETARY,))
    desk = await Desk(door).enter(secretary)
    page = text_of(await desk.see("/plans"))
    assert "还没有学习计划" in page and 'href="/console/plans/new"' in page and "<table" not in page
    reply = await send(desk, "/plans/preview", wish(aspects=list("123456789")))
    assert reply.status == 422 and "没有" in text_of(reply)


async def test_a_preview_shows_the_days_and_writes_nothing(office: Desk, cast: Cast) -> None:
    await add_content(cast.branch, passages=4, questions=6)
    before = (await StudyPlan.all().count(), await DailyTask.all().count(), await AuditEntry.all().count(), await PlanMember.all().count())
    shown = await send(office, "/plans/preview", wish())
    assert shown.status == 200 and "共 10 天" in text_of(shown) and "全体，现有 5 人" in text_of(shown)
    after = (await StudyPlan.all().count(), await DailyTask.all().count(), await AuditEntry.all().count(), await PlanMember.all().count())
    assert before == after
    made = await confirm(office, shown)
    assert made.status == 303
    plan = await StudyPlan.get(branch=cast.branch)
    assert await DailyTask.filter(plan=plan).count() == 10
    assert await AuditEntry.filter(action="plan:create", subject_id=plan.id, actor_id=cast.editor.id).exists()
    page = text_of(await office.see(made.headers["Location"].removeprefix("/console")))
    assert "已制定计划，共排定 10 天任务。" in page and "第10天" in page


async def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(office: Desk, cast: Cast) -> None:
    sly = "<script>alert(1)</script>" + "长" * 15
    reply = await send(office, "/plans/preview", wish(title=sly, starts_on="2020-01-01", ends_on="someday", makeup_days="99"))
    assert reply.status == 422 and 'id="e-ends_on">请填写日期' in text_of(reply)
    reply = await send(office, "/plans/preview", wish(title=sly, starts_on="2020-01-01", makeup_days="99", weekdays=["9"]))
    page = text_of(reply)
    assert 'id="e-starts_on">开始日期不能早于今天' in page and 'id="e-makeup_days"' in page and "星期应为" in page
    assert "<script>alert" not in page and "&lt;script&gt;" in page
    reply = await send(office, "/plans", wish(units=["999999"], tiers=["king"]))
    assert reply.status == 422 and "有不属于本支部的专委会" in text_of(reply)


async def test_a_plan_for_a_committee_says_so_and_its_people_change_from_tomorrow(office: Desk, cast: Cast) -> None:
    await add_content(cast.branch, passages=4, questions=6)
    await office._ask("GET", "/plans")
    shown = await send(office, "/plans/preview", wish(units=[cast.units[0].id], statuses=["full"]))
    assert "甲专委会 · 正式党员，现有 2 人" in text_of(shown)
    plan_id = int((await confirm(office, shown)).headers["Location"].rpartition("/")[2])
    wider = {"title": "更名", "units": [unit.id for unit in cast.units]}
    assert (await send(office, f"/plans/{plan_id}", wider)).status == 303
    page = text_of(await office.see(f"/plans/{plan_id}"))
    assert "甲专委会、乙专委会，3 人" in page and "更名" in page
    assert (await AuditEntry.get(action="plan:change", subject_id=plan_id)).fields_changed == ["statuses", "title", "units"]
    assert (await send(office, f"/plans/{plan_id}", {"title": ""})).status == 422


async def test_a_plan_is_extended_behind_its_last_day(office: Desk, cast: Cast) -> None:
    await add_content(cast.branch, passages=4, questions=6)
    plan_id = int((await send(office, "/plans", wish())).headers["Location"].rpartition("/")[2])
    last = (await StudyPlan.get(id=plan_id)).ends_on
    for wrong in ("", str(last), str(last + 400 * DAY)):
        assert (await send(office, f"/plans/{plan_id}/extend", {"ends_on": wrong})).status == 422
    assert (await send(office, f"/plans/{plan_id}/extend", {"ends_on": str(last + 3 * DAY)})).status == 303
    assert await DailyTask.filter(plan_id=plan_id).count() == 13
    assert (await AuditEntry.get(action="plan:extend", subject_id=plan_id)).actor_id == cast.editor.id


async def test_two_plans_for_the_same_people_are_refused_in_the_preview(office: Desk, cast: Cast) -> None:
    await add_content(cast.branch, passages=4, questions=6)
    assert (await send(office, "/plans", wish())).status == 303
    again = await send(office, "/plans/preview", wish(title="第二份"))
    assert again.status == 422 and "同一名党员在同一天会有两个任务" in text_of(again)


async def test_a_day_to_come_is_edited_and_a_day_begun_is_only_shown(office: Desk, cast: Cast) -> None:
    today, tomorrow = await add_plan(cast, days=[clock.today(), clock.today() + DAY], questions=4)
    shown = text_of(await office.see(f"/plans/tasks/{today.id}"))
    assert "这一天已经开始" in shown and "<textarea" not in shown
    assert (await send(office, f"/plans/tasks/{today.id}", {"title": "改"})).status == 422
    page = await office.see(f"/plans/tasks/{tomorrow.id}")
    held = {name: re.findall(rf'name="{name}" value="(\d+)" checked', text_of(page)) for name in ("aspects", "passages", "questions")}
    assert len(held["questions"]) == 4 and len(held["passages"]) == 2
    fewer = {**held, "questions": held["questions"][1:], "title": "<b>新题</b>", "guidance": "导读", "prompt": ""}
    assert (await send(office, f"/plans/tasks/{tomorrow.id}", fewer)).status == 303
    assert await TaskQuestion.filter(task=tomorrow).count() == 3 and (await DailyTask.get(id=tomorrow.id)).title == "<b>新题</b>"
    month = text_of(await office.see(f"/plans?month={tomorrow.date:%Y-%m}"))
    assert "&lt;b&gt;新题" in month and "<b>新题" not in month
    none = await send(office, f"/plans/tasks/{tomorrow.id}", {**fewer, "questions": []})
    assert none.status == 422 and "每天应有 3 至 5 道题" in text_of(none)


async def test_another_branchs_plan_and_task_are_not_there(door: Door, office: Desk, cast: Cast) -> None:
    await Unit.create(branch=cast.other, name="外专委会", position=0)
    [task] = await add_plan(cast, days=[clock.today() + DAY])
    stranger = await Desk(door).enter(cast.other_secretary)
    for path in (f"/plans/{cast.plan.id}", f"/plans/tasks/{task.id}", "/plans/999999999", f"/plans/{2**70}"):
        assert (await stranger.see(path)).status == 404, path
    for path in (f"/plans/{cast.plan.id}", f"/plans/{cast.plan.id}/extend", f"/plans/tasks/{task.id}"):
        reply = await send(stranger, path, {"title": "外", "ends_on": str(clock.today() + 30 * DAY)})
        assert reply.status == 404, path
    assert (await StudyPlan.get(id=cast.plan.id)).title == "测试计划"
    assert (await office.see("/plans?month=1999-99")).status == 200
