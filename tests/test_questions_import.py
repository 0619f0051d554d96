"""The question bank from a workbook: by the command, by two people at once, and what its 出处 may say."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest
from commands import run
from door import Door, Reply
from official import HEADINGS
from people import Cast, Person, add_branch
from queries import counting

from backend import questions, questions_import
from backend.cli import questions as commands
from backend.kernel.documents import Column, Sheet, write_book
from backend.kernel.errors import Invalid, NotFound
from backend.rules.forms_questions import COLUMNS
from models.audit import AuditEntry
from models.questions import Question

pytestmark = pytest.mark.usefixtures("pack")


def form(*rows: tuple[str, ...]) -> bytes:
    return write_book([Sheet("题库", [Column(title) for title in COLUMNS], rows)])


def row(stem: str, *, answer: str = "B", source: str = "序言：用于测试") -> tuple[str, ...]:
    return ("单选题", stem, "甲", "乙", *[""] * 6, answer, "见序言。", source, "1、2")


async def bring(door: Door, who: Person, content: bytes, **params: str) -> Reply:
    sheet = aiohttp.FormData()
    sheet.add_field("file", content, filename="q.xlsx")
    return await door.ask("POST", "/questions/import", who, data=sheet, params=params)


NEW = {"kind": "blank", "stem": "填空____", "answer": ["甲"], "aspects": [4]}


async def test_strangers_and_members_import_nothing(door: Door, cast: Cast):
    assert (await bring(door, None, form(row("题")))).status == 401
    for person in (cast.alice, cast.unit_head, cast.observer):
        assert (await bring(door, person, form(row("题")))).status == 403
        assert (await door.get("/questions/template", person)).status == 403


async def test_two_people_who_load_the_same_sheet_at_once_load_it_once(door: Door, cast: Cast):
    content = form(*(row(f"题{n}") for n in range(20)))
    replies = await asyncio.gather(*(bring(door, who, content) for who in (cast.editor, cast.secretary, cast.editor)))
    assert sorted(reply.status for reply in replies) == [200, 422, 422]
    assert await Question.filter(branch=cast.branch).count() == 20
    assert await AuditEntry.filter(branch_id=cast.branch.id, action="question:import").count() == 1


async def test_a_stem_is_known_again_in_another_width_and_case(door: Door, cast: Cast):
    assert (await bring(door, cast.editor, form(row("ＡＰＰ 第１题")))).json["added"] == 1
    again = await bring(door, cast.editor, form(row("app第1题"), row("另一题")), partial="1")
    assert (again.json["added"], again.json["faults"]) == (1, [{"row": 2, "reason": "题库中已有相同的题干。"}])
    assert (await door.post("/questions", cast.editor, {**NEW, "stem": "App 第1题"})).code == "question_exists"
    # What a branch below has is no business of this one, and what this one has is known below.
    below = await add_branch("下级支部", cast.branch)
    assert (await questions_import.import_sheet(None, branch_id=below.id, content=form(row("另一题")), dry_run=True, partial=False))[
        "added"
    ] == 0


async def test_a_source_may_name_its_unit_by_title(door: Door, cast: Cast):
    assert (await bring(door, cast.editor, form(row("题", source=f"报告 {HEADINGS[3]}：用于测试")))).status == 200
    question = await Question.get(branch=cast.branch)
    assert (question.source_section, question.locator) == ("s4", "用于测试")


async def test_a_place_without_its_unit_or_in_an_unknown_one_is_refused(door: Door, cast: Cast):
    for change in (
        {"locator": "用于测试"},
        {"section": "s16", "locator": "测"},
        {"section": "九"},
        {"locator": "长" * 16, "section": "s1"},
    ):
        reply = await door.post("/questions", cast.editor, {**NEW, **change})
        assert reply.status == 422 and reply.json["errors"], change
    assert (await door.post("/questions", cast.editor, {**NEW, "section": "s15"})).status == 201


async def test_a_withdrawn_question_stays_withdrawn_when_it_is_changed(door: Door, cast: Cast):
    added = (await door.post("/questions", cast.editor, NEW)).json
    await door.post(f"/questions/{added['id']}/withdraw", cast.editor)
    changed = await door.ask("PATCH", f"/questions/{added['id']}", cast.editor, json={"answer": ["乙"]})
    assert (changed.json["withdrawn"], changed.json["answer"]) == (True, ["乙"])
    assert added["id"] not in [q.id for some in (await questions.open_questions(cast.branch.id)).values() for q in some]


async def test_the_list_takes_three_queries_however_long_it_is(door: Door, cast: Cast):
    for limit in ("1", "200"):
        with counting() as queries:
            await door.get("/questions", cast.editor, params={"limit": limit, "aspect": "1", "withdrawn": "0", "q": "的"})
        assert len(queries) == 3, queries


async def test_the_command_prints_each_faulty_row_and_loads_none(cast: Cast, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, branch = tmp_path / "题库.xlsx", str(cast.branch.id)
    file.write_bytes(form(row("一号题"), row("二号题", answer="Z")))
    assert await run(commands, "import", str(file), "--branch", branch) == 1
    assert capsys.readouterr().out.splitlines() == ["第 3 行：答案应为选项字母，如 B 或 ACD。", "未写入。无误的题目 1 道。"]
    assert await Question.filter(branch=cast.branch).count() == 0
    assert await run(commands, "import", str(file), "--branch", branch, "--partial") == 0
    assert [q.stem for q in await Question.filter(branch=cast.branch)] == ["一号题"]
    with pytest.raises(NotFound):
        await run(commands, "import", str(file), "--branch", str(2**62))
    with pytest.raises(Invalid):
        await run(commands, "import", str(tmp_path / "无.xlsx"), "--branch", branch)
    await run(commands, "template", str(tmp_path / "空表.xlsx"))
    assert (tmp_path / "空表.xlsx").read_bytes().startswith(b"PK")
