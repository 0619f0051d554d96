"""The question bank through the door: the office alone, one's own branch alone, and withdrawn questions that no longer count."""

from __future__ import annotations

import aiohttp
import pytest
from door import Door, Reply
from people import WRONG, Cast, Person, add_plan, whole_day

from backend.kernel import clock
from backend.kernel.database import fetch
from backend.kernel.documents import Column, Sheet, read_sheet, write_book
from backend.rules.forms_questions import COLUMNS

NEW = {
    "kind": "single", "stem": "测试题干？", "aspects": [1, 2], "answer": ["B"], "section": "s0", "locator": "用于测试",
    "options": [{"key": "A", "text": "甲"}, {"key": "B", "text": "乙"}],
}  # fmt: skip


def form(*rows: tuple[str, ...]) -> bytes:
    return write_book([Sheet("题库", [Column(title) for title in COLUMNS], rows)])


def row(
    stem: str, *, kind: str = "单选题", answer: str = "B", options: tuple[str, ...] = ("甲", "乙"), aspects: str = "1"
) -> tuple[str, ...]:
    return (kind, stem, *options, *[""] * (8 - len(options)), answer, "见序言。", "序言：用于测试", aspects)


async def bring(door: Door, who: Person, content: bytes, **params: str) -> Reply:
    data = aiohttp.FormData()
    data.add_field("file", content, filename="q.xlsx")
    return await door.ask("POST", "/questions/import", who, data=data, params=params)


async def own(door: Door, cast: Cast, **params: str) -> list[dict]:
    """The branch's own questions, through all pages: the shipped ones come before them."""
    found, cursor = [], {}
    while cursor is not None:
        page = (await door.get("/questions", cast.editor, params={"limit": "200", **params, **cursor})).json
        found += [item for item in page["items"] if not item["shipped"]]
        cursor = {"cursor": page["next"]} if page["next"] else None
    return found


async def test_members_see_no_bank_and_another_branch_finds_no_question(door: Door, cast: Cast):
    added = (await door.post("/questions", cast.editor, NEW)).json
    assert (await door.get("/questions", cast.alice)).status == 403
    assert (await door.ask("PATCH", f"/questions/{added['id']}", cast.other_secretary, json={"stem": "x"})).status == 404
    assert (await door.post(f"/questions/{added['id']}/withdraw", cast.other_secretary)).status == 404
    theirs = (await door.get("/questions", cast.other_secretary, params={"limit": "200", "q": "测试题干"})).json["items"]
    assert added["id"] not in [item["id"] for item in theirs]


async def test_a_question_is_added_changed_and_audited(door: Door, cast: Cast):
    added = await door.post("/questions", cast.editor, NEW)
    assert (added.status, added.json["aspects"], added.json["shipped"]) == (201, [1, 2], False)
    assert (await door.post("/questions", cast.editor, {**NEW, "stem": " 测试 题干？"})).code == "question_exists"
    changed = await door.ask("PATCH", f"/questions/{added.json['id']}", cast.editor, json={"answer": ["A"], "aspects": [3]})
    assert (changed.status, changed.json["answer"], changed.json["aspects"]) == (200, ["A"], [3])
    rows = await fetch("SELECT action FROM audit_entry WHERE subject = 'question' AND subject_id = $1 ORDER BY id", added.json["id"])
    assert [r["action"] for r in rows] == ["question:add", "question:change"]


async def test_an_unsound_question_is_refused_with_reasons(door: Door, cast: Cast):
    for change in ({"answer": ["C"]}, {"answer": ["A", "B"]}, {"options": []}, {"kind": "true_false"}, {"aspects": [10]}, {"stem": " "}):
        reply = await door.post("/questions", cast.editor, {**NEW, **change})
        assert reply.status == 422 and reply.json["errors"], change


async def test_a_sheet_is_loaded_whole_or_not_at_all(door: Door, cast: Cast):
    content = form(row("一号题"), row("二号题", answer="Z"), row("三号题", kind="判断题", answer="√", options=()))
    dry = await bring(door, cast.editor, content, dry_run="1")
    assert (dry.json["added"], [f["row"] for f in dry.json["faults"]]) == (2, [3])
    refused = await bring(door, cast.editor, content)
    assert (refused.status, refused.code) == (422, "faulty_rows")
    assert await own(door, cast) == []
    assert (await bring(door, cast.editor, content, partial="1")).json["added"] == 2
    assert {q["stem"] for q in await own(door, cast)} == {"一号题", "三号题"}
    again = await bring(door, cast.editor, content, dry_run="1")
    assert (again.json["added"], len(again.json["faults"])) == (0, 3)


async def test_the_template_has_the_columns_that_the_import_reads(door: Door, cast: Cast):
    reply = await door.get("/questions/template", cast.editor)
    assert reply.status == 200 and reply.headers["Content-Disposition"].endswith('"questions.xlsx"')
    assert read_sheet(reply.body) == []


async def test_a_withdrawn_question_no_longer_counts(door: Door, cast: Cast):
    one, _ = await add_plan(cast, days=[clock.today(), clock.today()][:1]), None
    task = (await door.get(f"/tasks/{one[0].id}", cast.alice)).json
    await door.post(f"/tasks/{task['id']}/check-in", cast.alice, whole_day(task))
    await door.post(
        f"/tasks/{task['id']}/answers",
        cast.bob,
        {"answers": [{"question": q["id"], **a} for q, a in zip(task["questions"], WRONG, strict=False)]},
    )

    async def counted() -> tuple[int, int]:
        rows = await fetch("SELECT SUM(firsts) AS firsts, SUM(rights) AS rights FROM task_figure WHERE task_id = $1", task["id"])
        return rows[0]["firsts"], rows[0]["rights"]

    assert await counted() == (6, 3)
    gone = task["questions"][0]["id"]
    assert (await door.post(f"/questions/{gone}/withdraw", cast.editor)).status == 204
    assert (await door.post(f"/questions/{gone}/withdraw", cast.editor)).status == 204
    assert await counted() == (4, 2)
    assert [q["id"] for q in await own(door, cast, withdrawn="1")] == [gone]
    entries = await fetch("SELECT COUNT(*) AS n FROM audit_entry WHERE action = 'question:withdraw' AND subject_id = $1", gone)
    assert entries[0]["n"] == 1


@pytest.mark.usefixtures("pack")
async def test_a_shipped_question_cannot_be_changed_but_withdrawn_for_oneself(door: Door, cast: Cast):
    shipped = (await door.get("/questions", cast.editor, params={"aspect": "9"})).json["items"][0]
    assert (await door.ask("PATCH", f"/questions/{shipped['id']}", cast.editor, json={"stem": "改"})).code == "shipped_question"
    assert (await door.post(f"/questions/{shipped['id']}/withdraw", cast.editor)).status == 204
    theirs = (await door.get("/questions", cast.other_secretary, params={"aspect": "9", "withdrawn": "0"})).json["items"]
    assert shipped["id"] in [item["id"] for item in theirs]


async def test_the_list_is_paged_by_a_cursor(door: Door, cast: Cast):
    for n in range(3):
        await door.post("/questions", cast.editor, {**NEW, "stem": f"翻页{n}_%"})
    first = (await door.get("/questions", cast.editor, params={"limit": "2", "q": "翻页"})).json
    rest = (await door.get("/questions", cast.editor, params={"limit": "2", "q": "翻页", "cursor": first["next"]})).json
    assert [q["stem"] for q in first["items"] + rest["items"]] == ["翻页0_%", "翻页1_%", "翻页2_%"]
    assert rest["next"] is None
    assert (await door.get("/questions", cast.editor, params={"q": "翻页1_%"})).json["items"][0]["stem"] == "翻页1_%"
    assert (await door.get("/questions", cast.editor, params={"cursor": "!!"})).status == 422
