"""Settings at the desk: the branch's name and committees, what is off for good and what is on, the versions of the privacy notice."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from desk import Desk, csrf_in, text
from door import Door, Reply
from people import Cast, add_branch, add_person, add_plan

from backend import consents
from backend.kernel import clock
from backend.kernel import settings as kernel_settings
from backend.kernel.settings import Settings
from models.audit import AuditEntry
from models.branches import Branch, Unit
from models.consents import Consent

TODAY = clock.today()
PAGES = ("", "/switches", "/privacy")


def committees(reply: Reply) -> list[str]:
    return re.findall(r'<input id="n-\d+" name="name" value="([^"]*)"', text(reply))


async def post(desk: Desk, path: str, **fields: str) -> Reply:
    return await desk.send(path, csrf=csrf_in(await desk.see("/")), **fields)


async def actions(cast: Cast) -> list[str]:
    return await AuditEntry.filter(branch_id=cast.branch.id, subject__in=["branch", "unit"]).order_by("id").values_list("action", flat=True)


async def test_a_stranger_a_head_and_an_observer_set_nothing(desk: Desk, door: Door, cast: Cast):
    first = cast.units[0].id
    writes = {"/settings/name": {"name": "别名"}, "/settings/units": {"name": "新委"}, f"/settings/units/{first}/name": {"name": "别名"},
              f"/settings/units/{first}/move": {"to": "down"}}  # fmt: skip
    assert [(await desk.see(f"/settings{page}")).status for page in PAGES] == [401] * 3
    for person in (cast.unit_head, cast.observer):
        other = await Desk(door).enter(person)
        assert [(await other.see(f"/settings{page}")).status for page in PAGES] == [403] * 3
        assert [(await post(other, path, **fields)).status for path, fields in writes.items()] == [403] * 4
    editor = await Desk(door).enter(cast.editor)
    assert (await post(editor, "/settings/name", name="别名")).status == 403 and "保存名称" not in text(await editor.see("/settings"))
    await desk.enter(cast.secretary)
    assert [(await desk.send(path, **fields)).status for path, fields in writes.items()] == [403] * 4  # no CSRF token
    assert (await Branch.get(id=cast.branch.id)).name == cast.branch.name and await actions(cast) == []


async def test_the_committees_of_another_branch_are_not_there(desk: Desk, door: Door, cast: Cast):
    foreign = await Desk(door).enter(cast.other_secretary)
    assert "甲专委会" not in text(await foreign.see("/settings"))
    for act, fields in (("name", {"name": "别名"}), ("move", {"to": "down"})):
        assert (await post(foreign, f"/settings/units/{cast.units[0].id}/{act}", **fields)).status == 404
    there = await Unit.filter(branch_id=cast.branch.id).order_by("position").values_list("name", flat=True)
    assert there == [unit.name for unit in cast.units]


async def test_the_branch_is_renamed_and_a_sisters_name_refused(desk: Desk, cast: Cast):
    sister = await add_branch("姊妹支部", cast.above)
    await desk.enter(cast.secretary)
    page = text(await desk.see("/settings"))
    assert cast.above.name in page and "5 人" in page
    for wrong, said, status in ((" \u200b", "名称应为 1 至 100 个字", 422), ("长" * 101, "名称应为", 422), (sister.name, "已有名为", 409)):
        reply = await post(desk, "/settings/name", name=wrong)
        assert (reply.status, said in text(reply)) == (status, True), wrong
    assert (await post(desk, "/settings/name", name=" <b>第一</b>支部 ")).status == 303
    assert (await Branch.get(id=cast.branch.id)).name == "<b>第一</b>支部" and "&lt;b&gt;第一" in text(await desk.see("/settings"))
    await post(desk, "/settings/name", name="<b>第一</b>支部")
    assert await actions(cast) == ["branch:rename"]


async def test_committees_are_added_renamed_and_put_in_order(desk: Desk, cast: Cast):
    await desk.enter(cast.editor)
    assert (await post(desk, "/settings/units", name="丙专委会")).status == 303
    third = (await Unit.get(branch=cast.branch, name="丙专委会")).id
    for path in ("/settings/units", f"/settings/units/{third}/name"):
        reply = await post(desk, path, name=" 甲 专委会")
        assert (reply.status, "已有名为" in text(reply), 'value="甲 专委会"' in text(reply)) == (409, True, True)
    assert (await post(desk, f"/settings/units/{third}/name", name="丁专委会")).status == 303
    for to in ("up", "up", "up"):
        assert (await post(desk, f"/settings/units/{third}/move", to=to)).status == 303
    assert committees(await desk.see("/settings")) == ["丁专委会", "甲专委会", "乙专委会"]
    await post(desk, f"/settings/units/{third}/move", to="down")
    assert committees(await desk.see("/settings")) == ["甲专委会", "丁专委会", "乙专委会"]
    assert await actions(cast) == ["unit:create", "unit:rename", "unit:move", "unit:move", "unit:move"]
    await add_plan(cast, days=[TODAY])
    assert text(await desk.see("/coverage?by=unit")).index("甲专委会") < text(await desk.see("/coverage?by=unit")).index("乙专委会")


async def test_what_is_off_is_named_and_what_is_on_says_what_is_so(desk: Desk, cast: Cast, settings: Settings):
    await desk.enter(cast.secretary)
    page = text(await desk.see("/settings/switches"))
    assert "没有进行中的学习计划" in page and "自愿使用" in page
    assert [word for word in ("强制打卡", "排名", "积分", "在线时长") if word not in page] == []
    await add_plan(cast, days=[TODAY], makeup_days=9)
    kernel_settings.use(replace(settings, second_factor_required=True))
    try:
        page = text(await desk.see("/settings/switches"))
    finally:
        kernel_settings.use(settings)
    assert "9 天内" in page and "必须使用" in page


async def test_the_versions_of_the_notice_stand_with_numbers_and_nobodys_name(desk: Desk, cast: Cast):
    newcomer = await add_person(cast.branch, "未同意", consented=False)
    long_ago = clock.now() - timedelta(days=400)
    await Consent.create(member_id=newcomer.id, version="2025-01", given_at=long_ago)
    await Consent.filter(member_id=cast.bob.id).update(withdrawn_at=clock.now())
    await desk.enter(cast.secretary)
    page = text(await desk.see("/settings/privacy"))
    rows = re.findall(r'<th scope="row">(\S+) .*?<td class="n">(\d+) / (\d+) 人', page, re.S)
    assert rows == [(consents.CURRENT, "4", "6"), ("2025-01", "1", "6")]
    assert "未同意" not in page and "白杰" not in page
    await Consent.filter(member__branch_id=cast.branch.id).delete()
    assert re.findall(r"<td>还没有</td><td class=\"n\">0 / 6 人", text(await desk.see("/settings/privacy")))
