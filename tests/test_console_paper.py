"""Paper members at the desk: the sheet that is printed, and what came back on it looked at and written down as 代录."""

from __future__ import annotations

import re
from datetime import timedelta

from desk import Desk, csrf_in
from door import Door, Reply
from people import Cast, add_person, add_plan

from backend import checkins_paper
from backend.kernel import clock
from models.audit import AuditEntry
from models.checkins import CheckIn
from models.plans import PlanMember

TODAY = clock.today()
# The week before this one: every day of it is over, whatever day it is today.
MONDAY = TODAY - timedelta(days=TODAY.weekday() + 7)
WEEK = f"week={MONDAY}"


async def tasks_of_the_week(cast: Cast, *, makeup_days: int = 21) -> list[int]:
    tasks = await add_plan(cast, days=[MONDAY + timedelta(days=n) for n in range(3)], makeup_days=makeup_days)
    return [task.id for task in tasks]


async def post(desk: Desk, path: str, cells: list[tuple[int, int]], **fields: str) -> Reply:
    ticked = [("cells", f"{member}-{task}") for member, task in cells]
    csrf = csrf_in(await desk.see("/"))
    return await desk._ask("POST", path, data=[("csrf", csrf), ("week", str(MONDAY)), *fields.items(), *ticked])


def boxes(reply: Reply) -> list[tuple[int, int]]:
    return [
        (int(member), int(task)) for member, task in re.findall(r'type="checkbox" name="cells" value="(\d+)-(\d+)"', reply.body.decode())
    ]


def told(reply: Reply) -> list[tuple[str, str]]:
    return re.findall(r'<th scope="row">([^<]+)</th><td>[^<]*</td><td>([^<]+)</td>', reply.body.decode())


async def test_a_stranger_gets_no_sheet_and_another_branch_sees_and_writes_nothing(desk: Desk, door: Door, cast: Cast):
    first, *_ = await tasks_of_the_week(cast)
    assert (await desk.see("/paper")).status == 401
    assert (await (await Desk(door).enter(cast.observer)).see("/paper")).status == 403
    foreign = await Desk(door).enter(cast.other_secretary)
    page = (await foreign.see(f"/paper?{WEEK}")).body.decode()
    assert cast.alice.name not in page and "这一周没有学习任务" in page
    reply = await post(foreign, "/paper", [(cast.alice.id, first), (999_999_999, 999_999_999)])
    assert [said for _, said in told(reply)] == ["没有这一天的任务。"] * 2 and cast.alice.name not in reply.body.decode()
    assert not await CheckIn.exists(member_id=cast.alice.id)


async def test_nothing_is_written_without_the_pages_own_form(desk: Desk, cast: Cast):
    first, *_ = await tasks_of_the_week(cast)
    await desk.enter(cast.secretary)
    for path in ("/paper/preview", "/paper"):
        assert (await desk.send(path, cells=f"{cast.alice.id}-{first}")).status == 403
    assert not await CheckIn.exists(member_id=cast.alice.id)


async def test_a_unit_head_has_the_own_committee_and_not_the_own_row(desk: Desk, cast: Cast):
    first, *rest = await tasks_of_the_week(cast)
    await desk.enter(cast.unit_head)
    reply = await desk.see(f"/paper?{WEEK}&unit={cast.units[1].id}")
    assert boxes(reply) == [(cast.alice.id, task) for task in (first, *rest)] and cast.bob.name not in reply.body.decode()
    done = await post(desk, "/paper", [(cast.unit_head.id, first), (cast.alice.id, first), (cast.bob.id, first)])
    assert told(done) == [
        ("郝主任", "不能为自己代录，请在小程序中打卡。"), ("安敏", "已写入"),
        (f"成员 {cast.bob.id}", "没有这名成员，或这一天的任务不是布置给本人的。"),
    ]  # fmt: skip


async def test_what_was_ticked_is_looked_at_before_it_is_written_and_written_once(desk: Desk, cast: Cast):
    first, second, _ = await tasks_of_the_week(cast)
    await desk.enter(cast.secretary)
    ticked = [(cast.alice.id, first), (cast.alice.id, second), (cast.bob.id, first)]
    shown = (await post(desk, "/paper/preview", ticked)).body.decode()
    days = [f"{day.month}月{day.day}日" for day in (MONDAY, MONDAY + timedelta(days=1))]
    assert "还没有写入" in shown and all(day in shown for day in days) and not await CheckIn.exists(task_id=first)
    assert told(await post(desk, "/paper", ticked)) == [("安敏", "已写入"), ("安敏", "已写入"), ("白杰", "已写入")]
    found = await CheckIn.filter(task_id__in=[first, second]).order_by("member_id", "task_id")
    assert [(one.member_id, one.task_id, one.studied_on, one.recorded_by_id) for one in found] == [
        (member, task, MONDAY + timedelta(days=task == second), cast.secretary.id) for member, task in ticked
    ]
    assert await AuditEntry.filter(action="checkin:record", actor_id=cast.secretary.id).count() == 3
    again = await post(desk, "/paper", ticked)
    assert [said for _, said in told(again)] == ["原来已学，没有改动"] * 3 and await CheckIn.filter(task_id=first).count() == 2
    after = await desk.see(f"/paper?{WEEK}")
    assert not set(boxes(after)) & set(ticked) and "已学" in after.body.decode()


async def test_each_refused_cell_says_why_and_keeps_no_other_out(desk: Desk, cast: Cast):
    first, *_, last = await tasks_of_the_week(cast, makeup_days=TODAY.weekday() + 6)
    await PlanMember.filter(member_id=cast.bob.id).update(until=MONDAY)
    await desk.enter(cast.secretary)
    assert (cast.alice.id, first) not in boxes(await desk.see(f"/paper?{WEEK}"))
    ticked = [(cast.alice.id, first), (cast.alice.id, last), (cast.bob.id, last), (cast.other_member.id, last)]
    shown = (await post(desk, "/paper/preview", ticked)).body.decode()
    assert "已截止，不会写入" in shown
    nobodys = "没有这名成员，或这一天的任务不是布置给本人的。"
    assert [said for _, said in told(await post(desk, "/paper", ticked))] == ["这一天的补卡期限已过。", "已写入", nobodys, nobodys]


async def test_too_many_or_no_cells_are_refused_and_what_was_ticked_stays(desk: Desk, cast: Cast):
    first, *_ = await tasks_of_the_week(cast)
    await desk.enter(cast.secretary)
    most = checkins_paper.MOST_CELLS
    for path in ("/paper/preview", "/paper"):
        none = await post(desk, path, [])
        assert (none.status, f"请勾选 1 至 {most} 格" in none.body.decode()) == (422, True)
        many = await post(desk, path, [(cast.alice.id, first), *((n, first) for n in range(10**6, 10**6 + most))])
        assert many.status == 422 and f'value="{cast.alice.id}-{first}"' in many.body.decode() and " checked>" in many.body.decode()
    odd = await desk._ask("POST", "/paper", data=[("csrf", csrf_in(await desk.see("/"))), ("cells", "x"), ("cells", "1-"), ("week", "x")])
    assert odd.status == 422


async def test_the_sheet_has_a_page_for_each_committee_and_an_empty_box_for_each_day(desk: Desk, cast: Cast):
    first, *_ = await tasks_of_the_week(cast)
    sly = await add_person(cast.branch, "<script>alert(1)</script>", unit=cast.units[0])
    await PlanMember.create(plan=cast.plan, member_id=sly.id, starts_on=MONDAY)
    await desk.enter(cast.secretary)
    page = (await desk.see(f"/paper/sheet?{WEEK}")).body.decode()
    assert re.findall(r"<h2>([^<]+)</h2>", page) == ["甲专委会学习单", "乙专委会学习单", "未分组学习单"]
    assert page.count('<span class="visually-hidden">未填</span>') == 6 * 3 and "<script>alert" not in page and "checkbox" not in page
    one = (await desk.see(f"/paper/sheet?{WEEK}&unit={cast.units[1].id}")).body.decode()
    assert "白杰" in one and "安敏" not in one


async def test_weeks_that_are_none_show_this_one_and_an_empty_one_says_so(desk: Desk, cast: Cast):
    await desk.enter(cast.secretary)
    for asked in ("", "?week=x&unit=y", "?week=9999-12-31", "?week=0001-01-01", f"?week={MONDAY}&unit=999999"):
        for path in ("/paper", "/paper/sheet"):
            reply = await desk.see(path + asked)
            assert (reply.status, "这一周没有" in reply.body.decode()) == (200, True), asked
