"""Texts and holidays at the desk: a text is shown as it would be split before it is written; a year is entered day by day."""

from __future__ import annotations

import re

import aiohttp
import pytest
from desk import Desk, csrf_in
from door import Door, Reply
from official import HEADINGS, as_docx, as_page, as_txt, lines
from people import Cast, add_branch, add_person
from test_console_plans import send

from backend.kernel import clock
from models.audit import AuditEntry
from models.calendar import CalendarDay
from models.members import Role
from models.texts import Passage, Text


@pytest.fixture
async def office(desk: Desk, cast: Cast) -> Desk:
    return await desk.enter(cast.editor)


async def choose(desk: Desk, content: bytes = b"", *, name: str = "报告.txt", pasted: str = "", text: str = "report") -> Reply:
    sent = aiohttp.FormData({"csrf": csrf_in(await desk.see("/texts/import")), "text": text, "pasted": pasted}, quote_fields=False)
    sent.add_field("file", content, filename=name)
    return await desk._ask("POST", "/texts/import/preview", data=sent)


async def confirm(desk: Desk, shown: Reply, **instead: str) -> Reply:
    held = dict(re.findall(r'name="(csrf|text|carried|carried_name|partial)" value="([^"]*)"', shown.body.decode()))
    return await desk.send("/texts/import", **{**held, **instead})


async def seen(desk: Desk, path: str) -> str:
    return (await desk.see(path)).body.decode()


@pytest.mark.usefixtures("pack")
@pytest.mark.parametrize("form, name", [(as_txt, "报告.txt"), (as_docx, "报告.docx"), (as_page, "报告<b>.html")])
async def test_a_text_is_previewed_and_written_only_when_confirmed(office: Desk, cast: Cast, form, name: str) -> None:
    shown = await choose(office, form(lines()), name=name)
    page = shown.body.decode()
    assert shown.status == 200 and "找到" in page and "16 个部分、48 段" in page and HEADINGS[3] in page and "报告<b>" not in page
    assert not await Text.exists(branch=cast.branch)
    taken = await confirm(office, shown)
    assert (taken.status, taken.headers["Location"]) == (303, "/console/texts/read/report")
    page = await seen(office, "/texts/read/report")
    assert "已导入 16 个部分、48 段" in page and "本支部导入的" in page and "这是第3部分的第2段" in page and "文编辑" in page
    assert await AuditEntry.filter(action="text:import", actor_id=cast.editor.id).count() == 1


@pytest.mark.usefixtures("pack")
async def test_a_second_version_keeps_what_is_the_same_and_says_what_changes(office: Desk, cast: Cast) -> None:
    await confirm(office, await choose(office, pasted="\n".join(lines())))
    before = {passage.id for passage in await Passage.filter(section__text__branch=cast.branch, retired_at=None)}
    other = "完全不同的一句<i>话</i>，与原来毫无相似之处。"
    changed = [other if line.startswith("这是第2部分的第1段") else line for line in lines()]
    shown = await choose(office, pasted="\n".join([*changed[:-1], "又多了一段，用来看新增的数目对不对。"]))
    page = shown.body.decode()
    assert "不变 47 段" in page and "新增 2 段" in page and "停用 1 段" in page
    assert {passage.id for passage in await Passage.filter(section__text__branch=cast.branch, retired_at=None)} == before
    assert (await confirm(office, shown)).status == 303
    page = await seen(office, "/texts/read/report")
    assert "以前的版本留有 1 段" in page and page.count("文编辑</li>") == 2 and "&lt;i&gt;话" in page


@pytest.mark.usefixtures("pack")
async def test_a_text_with_parts_missing_names_them_and_takes_only_what_is_there_when_asked(office: Desk, cast: Cast) -> None:
    shown = await choose(office, pasted="\n".join(lines()[: lines().index(next(line for line in lines() if HEADINGS[9] in line))]))
    page = shown.body.decode()
    assert "没有找到 6 个部分" in page and HEADINGS[14] in page and "只导入找到的部分" in page
    assert (await confirm(office, shown, partial="")).status == 422
    assert not await Text.exists(branch=cast.branch)
    assert (await confirm(office, shown)).status == 303


@pytest.mark.usefixtures("pack")
async def test_what_is_no_text_is_refused_with_its_reason_and_what_was_pasted_stays(office: Desk, cast: Cast) -> None:
    reply = await choose(office, pasted="随便写的<b>几句话</b>。")
    assert reply.status == 422 and "没有找到任何已知的标题" in reply.body.decode() and "随便写的&lt;b&gt;" in reply.body.decode()
    for content, said in ((b"%PDF-1.7", "不支持 PDF"), (b"", "请选择文件"), (b"PK\x03\x04broken", "docx")):
        reply = await choose(office, content)
        assert reply.status == 422 and said in reply.body.decode(), content
    assert (await choose(office, b"x", text="nonsense")).status == 404
    assert (await confirm(office, reply, text="report", carried="@")).status == 422


async def test_texts_and_aspects_of_a_branch_without_content_say_what_to_do(door: Door, office: Desk, cast: Cast) -> None:
    assert (await office.see("/texts/read/nonsense")).status == 404
    for path in ("/texts", "/texts/aspects", "/texts/import"):
        assert (await office.see(path)).status == 200


# --- holidays ----------------------------------------------------------------------------------------------------------


async def enter(desk: Desk, **fields: str) -> Reply:
    return await send(desk, "/plans/holidays", {"kind": "holiday", "name": "", "last": "", **fields}, via="/plans/holidays")


async def test_the_official_year_is_shown_and_a_year_to_come_says_what_to_do(office: Desk) -> None:
    page = await seen(office, "/plans/holidays?year=2024")
    assert "官方安排" in page and "10月1日 周二" in page and "国庆" in page and "上班" in page
    unknown = await seen(office, "/plans/holidays?year=2030")
    assert "还没有2030年的节假日安排" in unknown and "请一次录全" in unknown
    assert (await office.see("/plans/holidays?year=1999")).status == 404
    assert (await office.see("/plans/holidays?year=x")).status == 200


async def test_days_are_entered_in_runs_and_taken_out_and_the_official_year_comes_back(office: Desk, cast: Cast) -> None:
    assert (await enter(office, first="2030-10-01", last="2030-10-07", name="国庆<i>节</i>")).status == 303
    assert (await enter(office, first="2030-10-12", kind="workday")).status == 303
    page = await seen(office, "/plans/holidays?year=2030")
    assert (
        "10月1日 周二" in page
        and page.count('class="chip good">放假') == 7
        and page.count('class="chip warn">上班') == 1
        and "国庆&lt;i&gt;" in page
    )
    gone = await send(office, "/plans/holidays/2030-10-07/remove", {}, via="/plans/holidays?year=2030")
    assert gone.status == 303 and await CalendarDay.filter(branch_id=cast.branch.id, year=2030).count() == 7
    assert (await send(office, "/plans/holidays/2030-10-07/remove", {}, via="/plans/holidays")).status == 404
    assert (await send(office, "/plans/holidays/someday/remove", {}, via="/plans/holidays")).status == 404
    # A correction of an official year starts from the official days, and goes away again.
    assert (await enter(office, first="2024-11-11")).status == 303
    page = await seen(office, "/plans/holidays?year=2024")
    assert "本支部录入" in page and "10月1日 周二" in page and "11月11日 周一" in page
    assert (await send(office, "/plans/holidays/2024/restore", {}, via="/plans/holidays")).status == 303
    assert "11月11日 周一" not in await seen(office, "/plans/holidays?year=2024")
    assert (await send(office, "/plans/holidays/2030/restore", {}, via="/plans/holidays")).status == 404
    actions = await AuditEntry.filter(branch_id=cast.branch.id, subject="calendar").order_by("id").values_list("action", flat=True)
    assert actions == ["calendar:replace"] * 4 + ["calendar:restore"]


async def test_a_run_that_makes_no_sense_is_refused_at_its_field(office: Desk, cast: Cast) -> None:
    for fields, said in (
        ({"first": ""}, "请填写日期"), ({"first": "2030-10-07", "last": "2030-10-01"}, "不能早于第一天"),
        ({"first": "2030-12-31", "last": "2031-01-01"}, "应在同一年内"), ({"first": "2030-01-01", "last": "2030-12-31"}, "一次最多 31 天"),
        ({"first": "2030-01-01", "kind": "x"}, "请选择放假或上班"), ({"first": "2030-01-01", "name": "长" * 31}, "名称最多 30 个字"),
    ):  # fmt: skip
        reply = await enter(office, **fields)
        assert reply.status == 422 and said in reply.body.decode(), fields
    assert (await enter(office, first="1990-01-01")).status == 404
    assert not await CalendarDay.exists(branch_id=cast.branch.id)


async def test_each_branch_has_its_own_table(door: Door, office: Desk, cast: Cast) -> None:
    await enter(office, first="2030-10-01", name="本支部的假")
    beside = await add_person(await add_branch("旁边"), "旁书记", roles=(Role.SECRETARY,))
    assert "还没有2030年" in await seen(await Desk(door).enter(beside), "/plans/holidays?year=2030")
    assert clock.today().year < 2030
