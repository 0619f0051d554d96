"""A roster from a workbook on the secretary's desk: looked at before anything is written, and written as it was looked at."""

from __future__ import annotations

import re

import aiohttp
import pytest
from desk import Desk, csrf_in
from door import Door, Reply
from people import Cast
from test_roster_import import book

from backend.kernel.database import fetch
from models.audit import AuditEntry
from models.branches import Unit
from models.members import Member, Standing

ROWS = (
    ("张新", 13800138000, "丙专委会"), ("白杰", 13900139000, "甲专委会", "预备党员"), ("坏手机", "12345"), ("文编辑",),
    ("坏身份", None, None, "党员"), ("<script>alert(1)</script>", None, None, "党员"),
)  # fmt: skip


async def look(desk: Desk, content: bytes, name: str = "名册.xlsx") -> Reply:
    form = aiohttp.FormData()
    form.add_field("csrf", csrf_in(await desk.see("/members/import")))
    form.add_field("file", content, filename=name)
    return await desk._ask("POST", "/members/import/preview", data=form)


def carried(reply: Reply) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', reply.body.decode().partition('aria-label="确认"')[2]))


async def test_a_preview_says_what_is_new_changed_and_faulty_and_writes_nothing(desk: Desk, cast: Cast):
    await desk.enter(cast.secretary)
    before = [await Member.all().count(), await Unit.all().count(), await Standing.all().count(), await AuditEntry.all().count()]
    page = (await look(desk, book(*ROWS), "<b>名册</b>.xlsx")).body.decode()
    assert re.findall(r"<dd>(\d+) [人处]</dd>", page) == ["1", "1", "1", "3"]
    assert re.findall(r'<th scope="row">(第 \d+ 行)</th><td>([^<]+)<', page) == [
        ("第 4 行", "手机号应为 11 位数字。"),
        ("第 6 行", "身份应为正式党员、预备党员、入党积极分子、会员之一。"),
        ("第 7 行", "身份应为正式党员、预备党员、入党积极分子、会员之一。"),
    ]
    assert f"专委会：<del>{cast.units[1].name}</del> → <ins>甲专委会</ins>" in page and "将新建专委会：丙专委会" in page
    assert "<del>会员</del> → <ins>预备党员</ins>" in page and "手机号：<ins>13900139000</ins>" in page
    assert "<b>名册" not in page and "还没有写入" in page
    assert before == [await Member.all().count(), await Unit.all().count(), await Standing.all().count(), await AuditEntry.all().count()]


async def test_a_preview_uses_up_no_number_of_a_member(desk: Desk, door: Door, cast: Cast):
    await desk.enter(cast.secretary)
    for _ in range(3):
        await look(desk, book(("张新", 13800138000)))
        form = aiohttp.FormData()
        form.add_field("file", book(("张新", 13800138000)), filename="名册.xlsx")
        assert (await door.ask("POST", "/members/import", cast.secretary, data=form, params={"dry_run": "1"})).status == 200
    last = (await fetch("SELECT MAX(id) AS id FROM member"))[0]["id"]
    seen = await look(desk, book(("张新", 13800138000)))
    assert (await desk.send("/members/import", **carried(seen))).status == 303
    assert (await Member.get(branch=cast.branch, name="张新")).id == last + 1


async def test_what_was_looked_at_is_what_is_written(desk: Desk, cast: Cast):
    await desk.enter(cast.secretary)
    seen = await look(desk, book(*ROWS))
    done = await desk.send("/members/import", **carried(seen))
    assert (done.status, done.headers["Location"]) == (303, "/console/members")
    page = (await desk.see("/members")).body.decode()
    assert "已导入：新增 1 人，更新 1 人，未变 1 人。" in page and "张新" in page and "坏手机" not in page
    entry = await AuditEntry.get(action="roster:import", branch_id=cast.branch.id)
    assert entry.fields_changed == ["added=1", "faults=3", "unchanged=1", "updated=1"]


async def test_a_roster_that_changed_since_the_preview_is_looked_at_again(desk: Desk, cast: Cast):
    await desk.enter(cast.secretary)
    seen = await look(desk, book(*ROWS))
    await Member.filter(id=cast.bob.id).update(name="白洁")
    refused = await desk.send("/members/import", **carried(seen))
    assert (refused.status, "预览之后名册有了变化" in refused.body.decode()) == (409, True)
    assert not await Member.exists(branch=cast.branch, name="张新")


async def test_a_file_that_is_wrong_as_a_whole_is_refused_with_its_reason(desk: Desk, cast: Cast):
    await desk.enter(cast.secretary)
    for content, status, said in (
        (b"no workbook", 422, "不是有效的 xlsx"), (book(), 200, "没有需要写入的内容"),
        (book(("张新", "110101199001011234"), columns=("姓名", "身份证号")), 200, "不得收集身份证号"),
    ):  # fmt: skip
        reply = await look(desk, content)
        assert (reply.status, said in reply.body.decode()) == (status, True)
    fields = {"csrf": csrf_in(await desk.see("/members/import"))}
    for packed in ("", "eJw", "!"):
        assert (await desk.send("/members/import", **fields, carried=packed, mark="")).status == 422


@pytest.mark.parametrize("role", ["unit_head", "observer"])
async def test_who_does_not_keep_the_roster_gets_neither_preview_nor_form(desk: Desk, cast: Cast, role: str):
    await desk.enter(getattr(cast, role))
    csrf = csrf_in(await desk.see("/"))
    assert (await desk.see("/members/import")).status == 403
    assert (await desk.send("/members/import", csrf=csrf, carried="", mark="")).status == 403
