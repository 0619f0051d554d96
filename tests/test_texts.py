"""Texts through the door: what is visible, the reading map, and the import of an official text."""

from __future__ import annotations

from datetime import timedelta

import aiohttp
import pytest
from door import Door, Reply
from official import HEADINGS, as_docx, as_page, as_txt, filler, lines
from people import Cast, Person, add_branch, add_person

from backend import plans
from backend.kernel import clock
from backend.kernel.database import fetch
from models.members import Role

TODAY = clock.today()


pytestmark = pytest.mark.usefixtures("pack")


async def bring(door: Door, who: Person, content: bytes, *, name: str = "report.txt", **params: str) -> Reply:
    form = aiohttp.FormData()
    form.add_field("file", content, filename=name)
    return await door.ask("POST", "/texts/import", who, data=form, params={"text": "report", **params})


async def passages(branch_id: int) -> list[tuple[int, int, str]]:
    rows = await fetch(
        "SELECT p.id, s.number, p.body FROM passage p JOIN section s ON s.id = p.section_id JOIN text x ON x.id = s.text_id "
        "WHERE x.branch_id = $1 AND p.retired_at IS NULL ORDER BY s.number, p.number",
        branch_id,
    )
    return [(row["id"], row["number"], row["body"]) for row in rows]


async def test_strangers_and_members_cannot_import(door: Door, cast: Cast):
    content = as_txt(lines())
    assert (await bring(door, None, content)).status == 401
    assert (await bring(door, cast.alice, content)).status == 403
    assert (await bring(door, cast.observer, content)).status == 403


async def test_another_branch_keeps_what_it_had(door: Door, cast: Cast):
    assert (await bring(door, cast.editor, as_txt(lines()))).status == 200
    mine = (await door.get("/texts", cast.alice)).json["items"]
    theirs = (await door.get("/texts", cast.other_member)).json["items"]
    assert [t["key"] for t in mine] == [t["key"] for t in theirs]
    assert sum(s["passages"] for s in mine[0]["sections"]) == 48
    assert mine[0]["id"] != theirs[0]["id"] and mine[0]["imported_at"]


async def test_what_the_committee_imports_serves_the_branches_below_it(door: Door, cast: Cast):
    above = await add_person(cast.above, "上级编辑", roles=(Role.EDITOR,))
    assert (await bring(door, above, as_txt(lines()))).status == 200
    assert sum(s["passages"] for s in (await door.get("/texts", cast.alice)).json["items"][0]["sections"]) == 48


@pytest.mark.parametrize("name, make", [("r.txt", as_txt), ("r.docx", as_docx), ("r.html", as_page)])
async def test_each_form_of_file_gives_the_same_passages(door: Door, cast: Cast, name: str, make):
    reply = await bring(door, cast.editor, make(lines()), name=name)
    assert reply.status == 200, reply.body
    assert [s["title"] for s in reply.json["sections"]] == ["序言", *HEADINGS]
    assert [s["passages"] for s in reply.json["sections"]] == [3] * 16
    assert [(n, body) for _, n, body in await passages(cast.branch.id)] == [(n, filler(n, k)) for n in range(16) for k in (1, 2, 3)]


async def test_a_dry_run_shows_everything_and_writes_nothing(door: Door, cast: Cast):
    reply = await bring(door, cast.editor, as_txt(lines()), dry_run="1")
    assert (reply.status, reply.json["dry_run"], reply.json["passages"]["new"]) == (200, True, 48)
    assert len(reply.json["unresolved"]) > 80  # the filler holds none of the phrases that the shipped questions cite
    assert await passages(cast.branch.id) == []


async def test_a_corrected_text_keeps_ids_and_reading_marks(door: Door, cast: Cast):
    await bring(door, cast.editor, as_txt(lines()))
    before = await passages(cast.branch.id)
    corrected = [line.replace("这是第4部分的第2段", "这是第四部分的第2段") for line in lines()]
    corrected.insert(corrected.index(filler(7, 1)), "新增加的一段，与别的段落都不相像，用来看看编号怎样变化，原有段落不受影响。")
    reply = await bring(door, cast.editor, as_txt(corrected))
    assert reply.json["passages"] == {"kept": 47, "corrected": 1, "new": 1, "retired": 0}
    after = {passage_id: body for passage_id, _, body in await passages(cast.branch.id)}
    changed = [passage_id for passage_id, _, body in before if after[passage_id] != body]
    assert len(changed) == 1 and set(after) >= {passage_id for passage_id, _, _ in before}


async def test_a_text_without_known_headings_or_with_missing_ones_is_refused(door: Door, cast: Cast):
    garbage = await bring(door, cast.editor, "完全无关的一篇文章。\n没有任何标题。".encode())
    assert (garbage.status, garbage.code) == (422, "no_sections")
    half = lines()[: lines().index(filler(8, 3)) + 1]
    missing = await bring(door, cast.editor, as_txt(half))
    assert (missing.status, missing.code, len(missing.json["errors"])) == (422, "missing_sections", 7)
    assert (await bring(door, cast.editor, as_txt(half), partial="1")).status == 200


@pytest.mark.parametrize("content, name", [(b"PK\x03\x04broken", "r.docx"), (b"%PDF-1.7", "r.pdf"), (b"\xff\xfe\x00", "r.txt")])
async def test_a_broken_file_is_a_clear_error(door: Door, cast: Cast, content: bytes, name: str):
    reply = await bring(door, cast.editor, content, name=name)
    assert reply.status == 422 and reply.code in ("unreadable_file", "no_sections"), reply.body


async def test_pasted_text_is_imported_too(door: Door, cast: Cast):
    reply = await door.ask("POST", "/texts/import", cast.editor, json={"content": "\n".join(lines())}, params={"text": "report"})
    assert reply.status == 200, reply.body
    assert (await door.post("/texts/import", cast.editor, {"content": "x"}, params={"text": "nothing"})).status == 404


async def test_future_tasks_get_the_real_passages_and_todays_keeps_its_own(door: Door, cast: Cast):
    plan_id = await plans.create(
        None, branch_id=cast.branch.id, title="测试", starts_on=TODAY, ends_on=TODAY + timedelta(days=35), weekdays=[1, 2, 3, 4, 5, 6, 7],
        skip_holidays=False, today=TODAY,
    )  # fmt: skip
    await bring(door, cast.editor, as_txt(lines()))
    rows = await fetch(
        "SELECT t.date, p.body, p.id FROM daily_task t JOIN task_passage tp ON tp.task_id = t.id JOIN passage p ON p.id = tp.passage_id "
        "WHERE t.plan_id = $1 ORDER BY t.date",
        plan_id,
    )
    bodies: dict[str, list] = {}
    for row in rows:
        bodies.setdefault(str(row["date"]), []).append(row["body"])
    assert len(bodies) == 36 and bodies.pop(str(TODAY)) == [None]
    assert all(None not in some for some in bodies.values())
    # 48 passages in 35 days: each of them at least once but for those of the first aspect's single lost day.
    assert len({row["id"] for row in rows if row["body"]}) == 48


async def test_the_reading_map_shows_what_is_read(door: Door, cast: Cast):
    await bring(door, cast.editor, as_txt(lines()))
    shown = await door.get("/me/texts/report", cast.alice)
    assert (shown.status, shown.json["passages_read"], shown.json["passages_total"]) == (200, 0, 48)
    assert (await door.get(f"/me/texts/{shown.json['id']}", cast.alice)).json == shown.json
    assert (await door.get(f"/me/texts/{shown.json['id']}", cast.other_member)).status == 404
    assert (await door.get("/me/texts/nothing", cast.alice)).status == 404


async def test_a_locator_is_found_again_in_a_text_split_otherwise(door: Door, cast: Cast):
    phrase = "第3部分的第2段"
    new = await door.post(
        "/questions",
        cast.editor,
        {"kind": "blank", "stem": "填空____", "answer": ["x"], "aspects": [4], "section": "s3", "locator": phrase},
    )
    assert new.status == 201, new.body

    async def place() -> list[str]:
        rows = await fetch(
            "SELECT p.body FROM question_place qp JOIN passage p ON p.id = qp.passage_id WHERE qp.question_id = $1", new.json["id"]
        )
        return [row["body"] for row in rows]

    first = await bring(door, cast.editor, as_txt(lines()))
    assert new.json["id"] not in [lost["question"] for lost in first.json["unresolved"]]
    assert await place() == [filler(3, 2)]
    joined = lines()
    at = joined.index(filler(3, 1))
    joined[at : at + 3] = [filler(3, 1) + filler(3, 2) + filler(3, 3)]
    await bring(door, cast.editor, as_txt(joined))
    assert await place() == [filler(3, 1) + filler(3, 2) + filler(3, 3)]
    without = [line for line in lines() if line != filler(3, 2)]
    lost = await bring(door, cast.editor, as_txt(without))
    assert new.json["id"] in [item["question"] for item in lost.json["unresolved"]]


async def test_the_committee_of_a_new_branch_is_asked_in_order_of_nearness(door: Door, cast: Cast):
    below = await add_branch("下级支部", cast.branch)
    reader = await add_person(below, "下级党员")
    await bring(door, cast.editor, as_txt(lines(per_section=2)))
    assert (await door.get("/me/texts/report", reader)).json["passages_total"] == 32
