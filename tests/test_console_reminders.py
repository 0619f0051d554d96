"""Reminders on the secretary's desk: whom, what exactly, once; what became of it; and who is told of those that no message reaches."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

from desk import Desk, csrf_in, text
from door import Door, Reply
from grants import grant, on_wechat
from people import Cast, Person, add_person, add_plan
from slices import check_in
from test_reminders_work import waiting
from waiting import until

from backend import reminders_choice
from backend.kernel import clock
from backend.kernel.access import Actor
from models.leaves import Leave, LeaveReason, LeaveState
from models.members import Member
from models.reminders import Reminder, ReminderBatch

TODAY = clock.today()
KEY = "k" * 43


def offered(reply: Reply) -> dict[int, bool]:
    """Whom the page offers to choose, and who is chosen already."""
    return {int(member): bool(on) for member, on in re.findall(r'name="members" value="(\d+)"( checked)?', text(reply))}


async def send(desk: Desk, path: str, *people: Person, **fields: str) -> Reply:
    given = [("csrf", csrf_in(await desk.see("/account"))), *(("members", str(person.id)) for person in people), *fields.items()]
    return await desk._ask("POST", path, data=given)


async def settled(desk: Desk, sent: Reply) -> str:
    """The batch's page once it does not ask for itself any more."""
    assert sent.status == 303, text(sent)
    path, shown = sent.headers["Location"].removeprefix("/console"), ""

    async def is_over() -> bool:
        nonlocal shown
        shown = text(await desk.see(path))
        return "hx-get" not in shown

    await until(is_over)
    return shown


async def test_a_foreign_secretary_sees_and_reminds_nobody_of_ours(desk: Desk, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY])
    row = await waiting(cast, cast.alice, task.id, state="refused", reason="no_grant", settled_at=clock.now())
    stranger = Actor(0, member_id=cast.other_secretary.id, branch_id=cast.other.id, roles=frozenset({"secretary"}))
    assert await reminders_choice.for_heads(stranger, batch_id=row.batch_id, today=TODAY) == []
    await desk.enter(cast.other_secretary)
    assert (await desk.see(f"/reminders/{row.batch_id}")).status == 404
    assert (await desk.see(f"/reminders/{row.batch_id}/progress")).status == 404
    assert (await send(desk, "/reminders/preview", cast.alice)).status == 404
    assert (await send(desk, "/reminders", cast.alice, key=KEY)).status == 404
    assert (await send(desk, f"/plans/{cast.plan.id}/reminder", at="19:30")).status == 404
    for path in ("/reminders", "/reminders/ledger", "/reminders/grants"):
        page = await desk.see(path)
        assert page.status == 200 and not any(person.name in text(page) for person in cast.everyone), path
    assert await ReminderBatch.filter(branch_id__in=[cast.branch.id, cast.other.id]).count() == 1


async def test_nothing_is_sent_without_the_pages_token_or_without_anybody(desk: Desk, cast: Cast):
    await add_plan(cast, days=[TODAY])
    await desk.enter(cast.secretary)
    for path in ("/reminders", "/reminders/preview"):
        assert (await desk.send(path, members=str(cast.alice.id), key=KEY)).status == 403
        empty = await send(desk, path, key=KEY)
        assert empty.status == 422 and "请至少选择一人" in text(empty)
    for key in ("", "short", "k" * 65, "k" * 20 + "。", "k" * 20 + "'"):
        assert (await send(desk, "/reminders", cast.alice, key=key)).status == 422
    assert not await ReminderBatch.exists(branch_id=cast.branch.id)


async def test_todays_missing_are_chosen_and_each_says_why_it_cannot_be_reached(desk: Desk, door: Door, cast: Cast, sandbox: Any):
    evil = "<script>alert(1)</script>"
    unbound, gone = await add_person(cast.branch, evil, bound=False), await add_person(cast.branch, "退出者")
    [task] = await add_plan(cast, days=[TODAY], members=[*cast.everyone, unbound, gone])
    await grant(door, sandbox[0], cast.alice, times=2)
    await grant(door, sandbox[0], cast.bob, gone)
    await door.ask("PUT", "/me/subscriptions", cast.bob, json={"on": False})
    assert (await door.post("/me/withdraw-consent", gone)).status == 204
    await check_in(door, cast.secretary, task.id)
    leave = {"starts_on": TODAY, "ends_on": TODAY, "reason": LeaveReason.WORK, "state": LeaveState.GRANTED, "created_at": clock.now()}
    await Leave.create(member_id=cast.editor.id, **leave)
    await desk.enter(cast.secretary)
    assert 'href="/console/reminders"' in text(await desk.see("/today/board"))
    page = await desk.see("/reminders")
    assert offered(page) == {person.id: True for person in (cast.alice, cast.bob, cast.unit_head, unbound)}
    assert "4 人，1 人能收到" in text(page) and evil not in text(page) and "退出" not in text(page).replace('"quiet">退出<', "")
    for said in ("还可提醒 2 次", "本人已关闭提醒", "没有可用的订阅许可", "还没有绑定微信"):
        assert text(page).count(said) == 1, said
    assert offered(await desk.see(f"/reminders?unit={cast.units[1].id}")) == {cast.bob.id: True}
    assert offered(await desk.see(f"/reminders?unit=0&plan={cast.plan.id}")) == {unbound.id: True}
    assert offered(await desk.see("/reminders?plan=999999")) == {}
    assert [one for one, on in offered(await desk.see(f"/reminders?members={cast.bob.id}")).items() if on] == [cast.bob.id]


async def test_the_preview_shows_what_each_task_sends_and_that_nothing_is_sent_yet(desk: Desk, door: Door, cast: Cast, sandbox: Any):
    await add_plan(cast, days=[TODAY], members=[cast.alice, cast.unit_head])
    [second] = await add_plan(cast, days=[TODAY], members=[cast.bob])
    await second.__class__.filter(id=second.id).update(title="另一项学习，标题特别特别长，长过二十个字的标题")
    await grant(door, sandbox[0], cast.alice, cast.bob)
    await desk.enter(cast.secretary)
    shown = text(await send(desk, "/reminders/preview", cast.alice, cast.bob, cast.unit_head))
    sent = re.findall(r"<dd>([^<]*)</dd>", shown)
    date = f"{TODAY.year}年{TODAY.month}月{TODAY.day}日"
    assert sent == [f"{TODAY} 学习", date, "今天的学习还未完成，请抽空打卡", "另一项学习，标题特别特别长，长过二十个…", date, sent[2]]
    assert "发给 2 人" in shown and "收不到的 1 人" in shown and "还没有发出" in shown
    assert not await ReminderBatch.exists(branch_id=cast.branch.id)
    nobody = text(await send(desk, "/reminders/preview", cast.unit_head))
    assert "所选的人都收不到消息" in nobody and 'name="key"' not in nobody


async def test_a_double_press_and_a_reload_make_one_batch_and_one_message(desk: Desk, door: Door, cast: Cast, sandbox: Any):
    await add_plan(cast, days=[TODAY], members=[cast.alice, cast.bob])
    await grant(door, sandbox[0], cast.alice, times=3)
    await desk.enter(cast.secretary)
    key = re.search(r'name="key" value="([^"]+)"', text(await send(desk, "/reminders/preview", cast.alice, cast.bob)))[1]
    replies = await asyncio.gather(*(send(desk, "/reminders", cast.alice, cast.bob, key=key) for _ in range(4)))
    replies.append(await send(desk, "/reminders", cast.bob, key=key))
    shown = await settled(desk, replies[0])
    assert len({reply.headers["Location"] for reply in replies}) == 1
    assert await ReminderBatch.filter(branch_id=cast.branch.id).count() == 1
    assert await Reminder.filter(member_id__in=[cast.alice.id, cast.bob.id]).count() == 2
    assert len(sandbox[0].users[cast.alice.openid].received) == 1
    assert "已处理 2 / 2 人" in shown and "没有可用的订阅许可" in shown and "已经处理完" in shown
    # The same name for somebody else's request is another request.
    other = Desk(door)
    await other.enter(cast.editor)
    elsewhere = await send(other, "/reminders", cast.alice, key=key)
    assert elsewhere.headers["Location"] != replies[0].headers["Location"]
    assert "今天已经提醒过" in await settled(other, elsewhere)
    assert offered(await other.see("/reminders")) == {cast.alice.id: False, cast.bob.id: True}


async def test_the_progress_asks_for_itself_until_all_is_settled(desk: Desk, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY])
    row = await waiting(cast, cast.alice, task.id, state="sending", claimed_at=clock.now())
    await desk.enter(cast.secretary)
    part = text(await desk.see(f"/reminders/{row.batch_id}/progress"))
    assert f'hx-get="/console/reminders/{row.batch_id}/progress"' in part and "已处理 0 / 1 人" in part and "<html" not in part
    assert "群里的文字" not in part
    await Reminder.filter(id=row.id).update(state="unknown", settled_at=clock.now())
    part = text(await desk.see(f"/reminders/{row.batch_id}/progress"))
    assert "hx-get" not in part and "已处理 1 / 1 人" in part and "不会重发" in part and "微信没有答复" in part


async def test_the_groups_text_names_nobody_and_each_head_learns_of_the_own_unit_alone(desk: Desk, door: Door, cast: Cast, sandbox: Any):
    await add_plan(cast, days=[TODAY])
    on_wechat(sandbox[0], *cast.everyone)
    await desk.enter(cast.secretary)
    sent = await send(desk, "/reminders", *cast.everyone, key=KEY)
    whole = await settled(desk, sent)
    [group] = re.findall(r'<textarea id="group-text"[^>]*>([^<]*)<', whole)
    assert not any(person.name in group for person in cast.everyone) and f"{TODAY} 学习" in group
    lists = re.findall(r'<textarea id="head-text-\d+"[^>]*>([^<]*)<', whole)
    named = [{person.name for person in cast.everyone if person.name in one} for one in lists]
    assert named == [{"陈书记", "文编辑"}, {"郝主任", "安敏"}, {"白杰"}]
    assert whole.count("告诉郝主任") == 1 and whole.count("还没有主任") == 2
    # Who studies after all is on no list any more.
    [task_id] = await Reminder.filter(member_id=cast.alice.id).values_list("task_id", flat=True)
    await check_in(door, cast.alice, task_id)
    head = Desk(door)
    await head.enter(cast.unit_head)
    path = sent.headers["Location"].removeprefix("/console")
    for address in (path, f"{path}/progress", "/reminders", "/reminders/ledger", "/reminders/grants"):
        page = text(await head.see(address))
        assert not any(name in page for name in ("白杰", "文编辑", "乙专委会")), address
    mine = text(await head.see(path))
    [own] = re.findall(r'<textarea id="head-text-\d+"[^>]*>([^<]*)<', mine)
    assert "郝主任" in own and "安敏" not in own and "已处理 2 / 2 人" in mine
    assert (await send(head, "/reminders/preview", cast.bob)).status == 404


async def test_what_is_over_offers_no_text_for_today(desk: Desk, cast: Cast):
    yesterday = TODAY - timedelta(days=1)
    [task] = await add_plan(cast, days=[yesterday])
    row = await waiting(cast, cast.alice, task.id, day=yesterday, state="refused", reason="no_grant", settled_at=clock.now())
    await desk.enter(cast.secretary)
    page = text(await desk.see(f"/reminders/{row.batch_id}"))
    assert "没有可用的订阅许可" in page and "textarea" not in page
    assert "今天没有学习任务" in text(await desk.see("/reminders"))


async def test_the_ledger_and_the_grants_count_truly_and_cost_the_same(desk: Desk, door: Door, cast: Cast, sandbox: Any):
    [task] = await add_plan(cast, days=[TODAY])
    await desk.enter(cast.secretary)
    assert "还没有提醒记录" in text(await desk.see("/reminders/ledger"))
    await grant(door, sandbox[0], cast.alice, times=2)
    row = await waiting(cast, cast.alice, task.id, state="sent", settled_at=clock.now())
    daily = await ReminderBatch.create(branch_id=cast.branch.id, day=TODAY, plan_id=cast.plan.id, created_at=clock.now())
    ledger = text(await desk.see("/reminders/ledger"))
    assert ledger.index(f"/reminders/{daily.id}") < ledger.index(f"/reminders/{row.batch_id}")
    assert "每天定时（测试计划）" in ledger and re.findall(r'<td class="n">(\d+)', ledger)[2:] == ["1", "0"]
    _, statements = await desk.cost(f"/reminders/{row.batch_id}")
    assert statements == 3
    for number in range(35):
        await ReminderBatch.create(branch_id=cast.branch.id, day=TODAY, asked_by_id=cast.editor.id, key=f"{number}", created_at=clock.now())
    _, statements = await desk.cost("/reminders/ledger")
    older = re.search(r'href="/console(/reminders/ledger\?before=\d+)"', text(await desk.see("/reminders/ledger")))[1]
    assert statements == 1 and f"/reminders/{row.batch_id}" in text(await desk.see(older))
    page = text(await desk.see("/reminders/grants"))
    assert "5 人中，1 人现在能收到" in page and page.count(" 次</td>") == 5 and page.count("2 次</td>") == 1
    assert "安敏" in text(await desk.see("/reminders/grants?reached=yes")) and "白杰" in text(
        await desk.see("/reminders/grants?reached=no")
    )
    assert "白杰" not in text(await desk.see("/reminders/grants?reached=yes"))
    assert "安敏" not in text(await desk.see(f"/reminders/grants?unit={cast.units[1].id}"))


async def test_the_daily_time_is_set_and_cleared_on_the_plans_page(desk: Desk, cast: Cast):
    await add_plan(cast, days=[TODAY, TODAY + timedelta(days=1)])
    path = f"/plans/{cast.plan.id}"
    await desk.enter(cast.editor)
    for at in ("06:59", "25:00", "x"):
        refused = await send(desk, f"{path}/reminder", at=at)
        assert refused.status == 422 and "07:00 到 21:30 之间的时刻" in text(refused)
    assert (await send(desk, f"{path}/reminder", at="19:30")).status == 303
    assert 'value="19:30"' in text(await desk.see(path)) and "每天 19:30" in text(await desk.see("/reminders"))
    assert (await send(desk, f"{path}/reminder", at="")).status == 303
    assert "现在没有设置" in text(await desk.see(path))


async def test_the_people_behind_a_figure_are_reminded_with_one_press(desk: Desk, cast: Cast):
    await add_plan(cast, days=[TODAY - timedelta(days=1), TODAY])
    await desk.enter(cast.secretary)
    page = text(await desk.see(f"/coverage/people?aspect=1&unit={cast.units[1].id}"))
    assert "提醒其中今日待学的 1 人" in page and re.findall(r'name="members" value="(\d+)"', page) == [str(cast.bob.id)]
    assert "提醒其中" not in text(await desk.see(f"/coverage/people?day={TODAY - timedelta(days=1)}"))


async def test_an_empty_branch_has_a_page_that_says_so(desk: Desk, cast: Cast):
    await desk.enter(cast.other_secretary)
    assert "今天没有学习任务" in text(await desk.see("/reminders"))
    assert await Member.filter(branch=cast.other).count() == 2 and "2 人中，0 人" in text(await desk.see("/reminders/grants"))
