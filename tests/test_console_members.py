"""The roster on the secretary's desk: who finds whom and sees what, what is changed, invited and taken out."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from desk import Desk, csrf_in, grow, text
from door import Door, Reply
from people import WRONG, Cast, add_person, add_plan, whole_day

from backend import leaves, members_pinyin
from backend.kernel import clock, documents
from backend.kernel.access import Actor
from models.audit import AuditEntry
from models.members import Invite, Member, RoleGrant, Standing

TODAY = clock.today()


async def post(desk: Desk, path: str, fields: list[tuple[str, str]] | dict[str, str]) -> Reply:
    given = list(fields.items()) if isinstance(fields, dict) else fields
    return await desk._ask("POST", path, data=[("csrf", csrf_in(await desk.see("/"))), *given])


def particulars(**changed: str) -> dict[str, str]:
    return {"name": "新同志", "phone": "", "unit": "", "tier": "peer", "status": "full", "post": "", "note": "", **changed}


def shown(reply: Reply) -> list[str]:
    return re.findall(r'class="name" href="/console/members/\d+">([^<]+)</a>', text(reply))


async def test_a_unit_head_finds_the_own_committee_and_nothing_that_only_the_office_needs(desk: Desk, cast: Cast):
    await add_plan(cast, days=[TODAY])
    await Member.filter(id=cast.alice.id).update(note="不宜示人的备注", post="高工")
    office = Actor(session_id=0, member_id=cast.secretary.id, branch_id=cast.branch.id, roles=frozenset({"secretary"}))
    await leaves.give(office, member_id=cast.alice.id, starts_on=TODAY, ends_on=TODAY, reason="illness", note="住院")
    await desk.enter(cast.unit_head)
    everybody = await desk.see("/members?unit=0&state=all")
    assert shown(everybody) == ["郝主任", "安敏"]
    page = text(await desk.see(f"/members/{cast.alice.id}"))
    assert "安敏" in page and "学习日历" in page
    for hidden in ("不宜示人的备注", "住院", "病假", "错题", "手机号", "修改", "生成邀请", "导出"):
        assert hidden not in page + text(everybody), hidden
    for foreign in (cast.bob.id, cast.other_member.id, 999_999_999):
        assert (await desk.see(f"/members/{foreign}")).status == 404


async def test_an_editor_sees_no_reason_of_leave_and_no_mistake_and_may_not_change_roles(desk: Desk, cast: Cast):
    await add_plan(cast, days=[TODAY])
    await desk.enter(cast.editor)
    page = text(await desk.see(f"/members/{cast.alice.id}"))
    assert "错题" not in page and "请假</h2>" not in page and f"/members/{cast.alice.id}/leave" not in page
    assert "职责" not in text(await desk.see(f"/members/{cast.alice.id}/edit"))
    assert (await post(desk, f"/members/{cast.alice.id}/roles", {"roles": "secretary"})).status == 403
    refused = await post(desk, f"/members/{cast.secretary.id}/unbind", {})
    assert (refused.status, "只有书记" in text(refused)) == (403, True)


async def test_nobody_of_another_branch_is_shown_or_changed(desk: Desk, cast: Cast):
    await desk.enter(cast.other_secretary)
    for path in ("", "/edit", "/leave"):
        assert (await desk.see(f"/members/{cast.alice.id}{path}")).status == 404
    for action in ("edit", "roles", "unbind", "departure", "withdraw", "leave"):
        fields = {**particulars(), "starts_on": "2026-01-01", "ends_on": "2026-01-01", "reason": "other", "confirm_name": "安敏"}
        assert (await post(desk, f"/members/{cast.alice.id}/{action}", fields)).status == 404, action
    assert (await post(desk, "/members/invites", {"members": str(cast.alice.id)})).status == 404
    assert "安敏" not in text(await desk.see("/members"))


@pytest.mark.parametrize(
    ("q", "name"),
    [
        ("zjg", "张建国"), ("ZJG", "张建国"), ("zhangjg", "张建国"), ("jian guo", "张建国"), ("zh", "张建国"),
        ("zx", "曾晓"), ("cengx", "曾晓"), ("lvx", "吕翔"), ("lux", "吕翔"), ("oyx", "欧阳雪"), ("max", "Max 李"), ("maxl", "Max 李"),
    ],
)  # fmt: skip
def test_a_name_is_found_by_its_pinyin(q: str, name: str):
    assert members_pinyin.is_pinyin(q) and members_pinyin.fits(q, name)


@pytest.mark.parametrize(("q", "name"), [("zg", "张建国"), ("gj", "张建国"), ("zjgx", "张建国"), ("a", "张建国"), ("ang", "张建国")])
def test_a_name_is_not_found_by_what_it_does_not_sound_like(q: str, name: str):
    assert not members_pinyin.fits(q, name)


async def test_the_search_takes_names_pinyin_and_every_filter(desk: Desk, cast: Cast):
    await add_person(cast.branch, "百分%号", unit=cast.units[1], bound=False)
    await desk.enter(cast.secretary)
    for asked, expected in {
        "q=am": ["安敏"], "q=敏": ["安敏"], "q=%25": ["百分%号"], "q=_": [], "q=bj&bound=yes": ["文编辑", "白杰"], "q=baij": ["白杰"],
        "q=b&bound=no": ["百分%号"],
        f"unit={cast.units[1].id}": ["白杰", "百分%号"], "unit=0": ["陈书记", "文编辑"], "role=editor": ["文编辑"],
        "tier=expert": ["郝主任"], "status=associate": ["白杰"], "state=left": [], "tier=nonsense&page=x&unit=y&q=hzr": ["郝主任"],
        "page=999": [], "q=am&page=99999999999": ["安敏"],
    }.items():  # fmt: skip
        assert shown(await desk.see(f"/members?{asked}")) == expected, asked
    part = await desk._ask("GET", "/members?q=am", headers={"HX-Request": "true"})
    assert shown(part) == ["安敏"] and "<html" not in text(part)


async def test_the_roster_is_paged_and_the_search_costs_the_same_for_six_hundred(desk: Desk, cast: Cast):
    await add_plan(cast, days=[TODAY])
    await desk.enter(cast.secretary)
    costs = []
    for size in (60, 600):
        await grow(cast, to=size)
        costs.append((await desk.cost("/members?q=dy&bound=no"))[1])
        costs.append((await desk.cost(f"/members/{cast.alice.id}"))[1])
    assert costs == [4, 11, 4, 11]
    first, last = await desk.see("/members?bound=no"), await desk.see("/members?bound=no&page=12")
    assert (len(shown(first)), len(shown(last))) == (50, 45) and "共 595 人" in text(first)
    assert 'href="/console/members?bound=no&amp;page=2" rel="next"' in text(first) and 'rel="next"' not in text(last)


async def test_an_empty_roster_and_an_empty_search_say_what_to_do(desk: Desk, door: Door, cast: Cast):
    await desk.enter(cast.secretary)
    assert "没有符合条件的成员" in text(await desk.see("/members?q=无此人"))
    page = text(await desk.see(f"/members/{cast.bob.id}"))
    assert "还没有学习任务" in page
    above = await Desk(door).enter(cast.observer)
    assert (await above.see("/members")).status == 403


async def test_names_that_are_scripts_or_very_long_are_shown_as_they_are(desk: Desk, cast: Cast):
    sly = await add_person(cast.branch, "<script>alert(1)</script>", bound=False)
    long = await add_person(cast.branch, "阿" * 40, bound=False)
    await desk.enter(cast.secretary)
    for path in ("/members", f"/members/{sly.id}", f"/members/{sly.id}/edit", f"/members/{sly.id}/leave"):
        page = text(await desk.see(path))
        assert "<script>" not in page and "&lt;script&gt;" in page, path
    assert "阿" * 40 in text(await desk.see("/members"))
    page = text(await post(desk, "/members/invites", [("members", str(sly.id)), ("members", str(long.id))]))
    assert "<script>alert" not in page and "阿" * 40 in page


async def test_a_member_is_added_and_what_was_wrong_stands_at_its_field(desk: Desk, cast: Cast):
    await desk.enter(cast.secretary)
    for wrong, said in (
        ({"name": ""}, "姓名应为"), ({"phone": "123"}, "应为 11 位手机号"), ({"tier": "x"}, "请选择"),
        ({"unit": "999999"}, "没有这个专委会"),
        ({"party_joined_on": "昨天"}, "请填写日期"), ({"note": "长" * 501}, "不能超过 500 个字"),
        ({"post": "长" * 101}, "不能超过 100 个字"),
    ):  # fmt: skip
        reply = await post(desk, "/members/new", particulars(**wrong))
        assert (reply.status, said in text(reply)) == (422, True), wrong
    made = await post(desk, "/members/new", particulars(unit=str(cast.units[1].id), phone="13800138000", note="备注"))
    assert made.status == 303
    member = await Member.get(branch=cast.branch, name="新同志")
    assert (member.note, member.joined_on, (await Standing.get(member=member)).unit_id) == ("备注", TODAY, cast.units[1].id)
    again = await post(desk, "/members/new", particulars(name="另一人", phone="13800138000"))
    assert (again.status, "已有此手机号" in text(again)) == (409, True)


async def test_a_correction_of_the_past_a_departure_and_a_return_are_written_and_audited(desk: Desk, cast: Cast):
    await add_plan(cast, days=[TODAY - timedelta(days=2), TODAY])
    await desk.enter(cast.secretary)
    fields = particulars(name="安敏", unit=str(cast.units[1].id), tier="expert", effective_on=str(TODAY - timedelta(days=1)))
    assert (await post(desk, f"/members/{cast.alice.id}/edit", fields)).status == 303
    left = await post(desk, f"/members/{cast.bob.id}/departure", {"left_on": "2001-01-01"})
    assert (left.status, "不能早于加入日期" in text(left)) == (422, True)
    assert (await post(desk, f"/members/{cast.bob.id}/departure", {"left_on": str(TODAY)})).status == 303
    assert "白杰" in shown(await desk.see("/members?state=left")) and "白杰" not in shown(await desk.see("/members"))
    assert (await post(desk, f"/members/{cast.bob.id}/departure", {"left_on": ""})).status == 303
    last = await post(desk, f"/members/{cast.secretary.id}/departure", {"left_on": str(TODAY)})
    assert (last.status, "至少要有一名书记" in text(last)) == (409, True)
    actions = await AuditEntry.filter(branch_id=cast.branch.id).order_by("id").values_list("action", "subject_id")
    assert [found for found in actions if found[1] in (cast.alice.id, cast.bob.id)] == [
        ("member:correct", cast.alice.id), ("member:change", cast.bob.id), ("member:change", cast.bob.id),
    ]  # fmt: skip


async def test_roles_are_the_secretarys_to_give_and_never_the_own(desk: Desk, cast: Cast):
    await desk.enter(cast.secretary)
    assert (
        await post(desk, f"/members/{cast.alice.id}/roles", [("roles", "editor"), ("roles", "unit_head"), ("roles", "x")])
    ).status == 303
    assert sorted(await RoleGrant.filter(member_id=cast.alice.id).values_list("role", flat=True)) == ["editor", "unit_head"]
    assert (await post(desk, f"/members/{cast.secretary.id}/roles", {"roles": "editor"})).status == 409


async def test_several_are_invited_at_once_and_each_code_is_shown_once(desk: Desk, door: Door, cast: Cast):
    fresh = [await add_person(cast.branch, f"未绑{n}", bound=False) for n in (1, 2)]
    await desk.enter(cast.secretary)
    page = text(await post(desk, "/members/invites", [("members", str(who.id)) for who in (*fresh, cast.alice)]))
    codes = re.findall(r'class="code">([^<]+)<', page)
    assert len(codes) == 2 == page.count("data:image/png;base64,") and "安敏：已绑定微信" in page
    assert await Invite.filter(member_id__in=[who.id for who in fresh]).count() == 2
    bound = await door.post("/auth/bind", cast.passer_by, {"name": "未绑1", "invite_code": codes[0]})
    assert bound.json["member"]["id"] == fresh[0].id
    assert not [code for code in codes if code in text(await desk.see("/members"))]
    assert (await post(desk, "/members/invites", [])).status == 422
    assert (await post(desk, "/members/invites", [("members", str(n)) for n in range(1, 102)])).status == 422


async def test_who_asks_to_leave_is_blanked_only_under_the_right_name(desk: Desk, cast: Cast):
    await desk.enter(cast.secretary)
    wrong = await post(desk, f"/members/{cast.bob.id}/withdraw", {"confirm_name": "安敏"})
    assert (wrong.status, "不叫这个名字" in text(wrong)) == (422, True)
    assert (await post(desk, f"/members/{cast.bob.id}/withdraw", {"confirm_name": "白 杰"})).status == 303
    assert (await Member.get(id=cast.bob.id)).blanked_at and "白杰" not in text(await desk.see("/members?state=all"))
    entry = await AuditEntry.get(action="member:withdraw", subject_id=cast.bob.id)
    assert entry.actor_id == cast.secretary.id
    assert "个人信息已清除" in text(await desk.see(f"/members/{cast.bob.id}/edit"))


async def test_the_roster_that_is_taken_out_can_be_put_back_and_is_audited(desk: Desk, cast: Cast):
    await add_person(cast.branch, "=1+1", bound=False)
    await desk.enter(cast.editor)
    reply = await post(desk, "/members/export", {})
    rows = documents.read_sheet(reply.body)
    assert [cells["姓名"] for _, cells in rows][:2] == ["陈书记", "文编辑"] and rows[2][1]["专委会"] == cast.units[0].name
    assert rows[-1][1]["姓名"] == "'=1+1"
    assert (await AuditEntry.get(action="roster:export", branch_id=cast.branch.id)).fields_changed == ["members=6"]


async def test_the_secretary_sees_each_day_and_what_was_answered_wrong(desk: Desk, door: Door, cast: Cast):
    tasks = await add_plan(cast, days=[TODAY - timedelta(days=10), TODAY - timedelta(days=1), TODAY])
    task = (await door.get(f"/tasks/{tasks[2].id}", cast.alice)).json
    body = whole_day(task)
    body["answers"][0] = {"question": task["questions"][0]["id"], **WRONG[0]}
    assert (await door.post(f"/tasks/{tasks[2].id}/check-in", cast.alice, json=body)).status == 201
    await desk.enter(cast.secretary)
    page = text(await desk.see(f"/members/{cast.alice.id}"))
    assert page.count('<td class="missed"') == 2 and page.count('<td class="done"') == 1
    assert task["questions"][0]["stem"] in page and task["questions"][1]["stem"] not in page
    assert "坚持度" not in page and "连续" not in page
