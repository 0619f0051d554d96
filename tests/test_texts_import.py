"""What an import leaves behind: tasks to come, places of answers, other branches, a second editor at the same moment; and the command."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from commands import run
from door import Door, Reply
from official import HEADINGS, UNITS, as_page, as_txt, filler, lines
from people import Cast, Person, add_branch, add_person
from queries import counting

from backend import curriculum, plans
from backend.cli import curriculum as commands
from backend.curriculum_tasks import spread
from backend.kernel import clock
from backend.kernel.database import fetch
from backend.kernel.errors import Invalid, NotFound
from models.audit import AuditEntry
from models.branches import Branch
from models.members import Role
from models.tasks import TaskPassage
from models.texts import Passage, Section, Text

TODAY = clock.today()
DAY = timedelta(days=1)
REWRITTEN = "完全改写过的一段文字，它与原来那段没有几个字相同，所以是新的一段。"


pytestmark = pytest.mark.usefixtures("pack")


async def bring(door: Door, who: Person, text: Sequence[str], **params: str) -> Reply:
    form = aiohttp.FormData()
    form.add_field("file", as_txt(list(text)), filename="report.txt")
    return await door.ask("POST", "/texts/import", who, data=form, params=params)


def changed(old: str, *new: str) -> list[str]:
    return [line for one in lines() for line in (new if one == old else (one,))]


async def plan(branch: Branch, *, days: int, units: Sequence[int] = (), aspects: Sequence[int] = range(1, 10)) -> int:
    return await plans.create(
        None, branch_id=branch.id, title="测试计划", starts_on=TODAY, ends_on=TODAY + days * DAY, weekdays=[1, 2, 3, 4, 5, 6, 7],
        aspects=list(aspects), units=list(units), skip_holidays=False, today=TODAY,
    )  # fmt: skip


async def held(plan_id: int) -> list[list[str | None]]:
    """The bodies of each task's passages, by date."""
    rows = await fetch(
        "SELECT t.id, p.body FROM daily_task t JOIN task_passage tp ON tp.task_id = t.id JOIN passage p ON p.id = tp.passage_id "
        "WHERE t.plan_id = $1 ORDER BY t.date, tp.position, tp.id",
        plan_id,
    )
    tasks: dict[int, list[str | None]] = {}
    for row in rows:
        tasks.setdefault(row["id"], []).append(row["body"])
    return list(tasks.values())


async def add_question(door: Door, who: Person, locator: str, *, section: str = "s3") -> int:
    new = {"kind": "true_false", "stem": f"{locator}？{who.id}", "answer": ["true"], "aspects": [4], "section": section, "locator": locator}
    return (await door.post("/questions", who, new)).json["id"]


async def places(question_id: int, branch_id: int) -> list[str]:
    """Where the answer stands now in the branch's own text."""
    rows = await fetch(
        "SELECT p.body FROM question_place qp JOIN passage p ON p.id = qp.passage_id JOIN section s ON s.id = p.section_id "
        "JOIN text x ON x.id = s.text_id WHERE qp.question_id = $1 AND x.branch_id = $2 AND p.retired_at IS NULL",
        question_id,
        branch_id,
    )
    return [row["body"] for row in rows]


def test_passages_are_spread_in_order_and_gone_through_again_when_they_are_few():
    assert spread([1, 2, 3, 4, 5], 2) == [[1, 2], [3, 4, 5]]
    assert spread([1, 2], 5) == [[1], [2], [1], [2], [1]]
    assert spread([7], 1) == [[7]]


async def test_a_dry_run_announces_exactly_what_the_import_does(door: Door, cast: Cast):
    await add_question(door, cast.editor, "第3部分的第2段")
    await bring(door, cast.editor, lines())
    half = changed(filler(3, 2), REWRITTEN)
    half = half[: half.index(filler(8, 3)) + 1]
    tried = await bring(door, cast.editor, half, partial="1", dry_run="1")
    done = await bring(door, cast.editor, half, partial="1")
    assert tried.json == {**done.json, "dry_run": True}
    assert done.json["passages"] == {"kept": 26, "corrected": 0, "new": 1, "retired": 1}
    assert await AuditEntry.filter(branch_id=cast.branch.id, action="text:import").count() == 2


async def test_sections_that_a_partial_file_lacks_stay_readable(door: Door, cast: Cast):
    half = lines()[: lines().index(filler(8, 3)) + 1]
    assert (await bring(door, cast.editor, half, partial="1")).status == 200
    sections = (await door.get("/texts", cast.alice)).json["items"][0]["sections"]
    assert [s["passages"] for s in sections] == [3] * 9 + [1] * 7
    await bring(door, cast.editor, lines())
    await bring(door, cast.editor, half, partial="1")
    sections = (await door.get("/texts", cast.alice)).json["items"][0]["sections"]
    assert [s["passages"] for s in sections] == [3] * 16


async def test_a_rewritten_passage_takes_the_place_of_its_own_task_alone(door: Door, cast: Cast):
    await bring(door, cast.editor, lines())
    plan_id = await plan(cast.branch, days=30)
    before = await held(plan_id)
    await bring(door, cast.editor, changed(filler(9, 2), REWRITTEN))
    after = await held(plan_id)
    assert any(filler(9, 2) in task for task in before[1:])
    assert after == [before[0], *([REWRITTEN if body == filler(9, 2) else body for body in task] for task in before[1:])]


async def test_an_inserted_passage_joins_the_task_of_its_neighbour(door: Door, cast: Cast):
    await bring(door, cast.editor, lines())
    plan_id = await plan(cast.branch, days=30)
    before = await held(plan_id)
    await bring(door, cast.editor, changed(filler(9, 2), filler(9, 2), REWRITTEN))
    after = await held(plan_id)
    joined = next(task for task in after if REWRITTEN in task)
    assert joined[joined.index(REWRITTEN) - 1] == filler(9, 2)
    assert sum(map(len, after)) == sum(map(len, before)) + 1


async def test_a_removed_passage_leaves_no_task_without_reading(door: Door, cast: Cast):
    await bring(door, cast.editor, lines())
    plan_id = await plan(cast.branch, days=60)
    await bring(door, cast.editor, [line for line in lines() if line != filler(9, 2)])
    after = await held(plan_id)
    assert len(after) == 61 and all(after)
    assert all(filler(9, 2) not in task for task in after[1:])


async def test_each_plan_of_a_branch_gets_every_passage(door: Door, cast: Cast):
    ids = [await plan(cast.branch, days=20, units=[unit.id]) for unit in cast.units]
    await bring(door, cast.editor, lines())
    for plan_id in ids:
        read = {body for task in (await held(plan_id))[1:] for body in task}
        assert read >= {filler(n, k) for n in range(1, 16) for k in (1, 2, 3)} and None not in read


async def test_what_a_task_holds_beside_the_text_stays_in_its_place(door: Door, cast: Cast):
    other = await Text.create(branch=cast.branch, key="charter", title="另一文本")
    section = await Section.create(text=other, key="c1", number=1, title="总纲", aspects=[2])
    extra = await Passage.create(section=section, number=1, body="另一文本的一段。")
    plan_id = await plan(cast.branch, days=3, aspects=[2])
    tomorrow = (await fetch("SELECT id FROM daily_task WHERE plan_id = $1 AND date = $2", plan_id, TODAY + DAY))[0]["id"]
    await TaskPassage.create(task_id=tomorrow, passage=extra, position=99)
    await bring(door, cast.editor, lines())
    assert (await held(plan_id))[1:] == [[filler(1, 1), extra.body], [filler(1, 2)], [filler(1, 3)]]


async def test_the_branch_above_changes_no_tasks_of_a_branch_with_a_text_of_its_own(door: Door, cast: Cast):
    above = await add_person(cast.above, "上级编辑", roles=(Role.EDITOR,))
    below = await add_branch("下级支部", cast.branch)
    await bring(door, cast.editor, lines())
    own, inherited, foreign = await plan(cast.branch, days=9), await plan(below, days=9), await plan(cast.other, days=9)
    before = [await held(plan_id) for plan_id in (own, inherited, foreign)]
    await bring(door, above, changed(filler(9, 2), REWRITTEN))
    assert [await held(plan_id) for plan_id in (own, inherited, foreign)] == before


async def test_an_import_tells_nobody_what_other_branches_ask(door: Door, cast: Cast):
    above = await add_person(cast.above, "上级编辑", roles=(Role.EDITOR,))
    hers = await add_question(door, above, "上级的定位词")
    mine = await add_question(door, cast.editor, "本支部的定位词")
    theirs = await add_question(door, cast.other_secretary, "外支部的定位词")
    lost = {item["question"] for item in (await bring(door, above, lines())).json["unresolved"]}
    assert hers in lost and not lost & {mine, theirs}
    lost = {item["question"] for item in (await bring(door, cast.editor, lines())).json["unresolved"]}
    assert {hers, mine} <= lost and theirs not in lost


async def test_a_question_finds_its_place_in_every_text_that_is_read_beside_it(door: Door, cast: Cast):
    above = await add_person(cast.above, "上级编辑", roles=(Role.EDITOR,))
    await bring(door, above, lines())
    await bring(door, cast.editor, lines())
    phrase = "第3部分 的第２段"
    question_id = await add_question(door, above, phrase)
    for branch in (cast.above, cast.branch):
        assert await places(question_id, branch.id) == [filler(3, 2)]
    await door.ask("PATCH", f"/questions/{question_id}", above, json={"locator": "第3部分的第1段"})
    assert await places(question_id, cast.branch.id) == [filler(3, 1)]
    await door.ask("PATCH", f"/questions/{question_id}", above, json={"locator": "无此字句"})
    assert await places(question_id, cast.branch.id) == []


async def test_a_locator_is_looked_for_in_its_own_section_alone(door: Door, cast: Cast):
    question_id = await add_question(door, cast.editor, "第3部分的第1段", section="s4")
    reply = await bring(door, cast.editor, lines())
    assert {"question": question_id, "unit": "s4", "locator": "第3部分的第1段"} in reply.json["unresolved"]
    assert await places(question_id, cast.branch.id) == []


async def test_two_editors_who_import_at_the_same_moment_make_one_text(door: Door, cast: Cast):
    replies = await asyncio.gather(*(bring(door, who, lines()) for who in (cast.editor, cast.secretary, cast.editor)))
    assert [reply.status for reply in replies] == [200, 200, 200]
    assert sorted(reply.json["passages"]["new"] for reply in replies) == [0, 0, 48]
    rows = await fetch(
        "SELECT COUNT(DISTINCT x.id) AS texts, COUNT(*) AS n FROM text x JOIN section s ON s.text_id = x.id "
        "JOIN passage p ON p.section_id = s.id WHERE x.branch_id = $1 AND p.retired_at IS NULL",
        cast.branch.id,
    )
    assert (rows[0]["texts"], rows[0]["n"]) == (1, 48)


async def test_a_pasted_page_is_read_as_a_page(door: Door, cast: Cast):
    page = as_page(lines()).decode("gb18030")
    reply = await door.post("/texts/import", cast.editor, {"text": "report", "content": page, "filename": "页面.html"})
    assert [s["passages"] for s in reply.json["sections"]] == [3] * 16
    assert (await door.post("/texts/import", cast.editor, {"text": "nothing", "content": page})).status == 404
    assert (await door.post("/texts/import", cast.editor, {"content": page, "branch": 1})).status == 422


async def test_lists_and_maps_take_a_fixed_number_of_queries(door: Door, cast: Cast):
    for text in (lines(per_section=1), lines(per_section=9)):
        await bring(door, cast.editor, text)
        with counting() as queries:
            await door.get("/texts", cast.alice)
        assert len(queries) == 2, queries
        with counting() as queries:
            await door.get("/me/texts/report", cast.alice)
        assert len(queries) == 2, queries


@pytest.fixture
async def shipped(door: Door) -> AsyncIterator[Text]:
    """A shipped text of its own; afterwards nobody reads it any more, for all plans of all tests would."""
    text = await Text.create(branch_id=None, key=f"text{secrets.token_hex(5)}", title="随附文本", source_url="https://example.org/text")
    for unit in UNITS:
        section = await Section.create(text=text, **{name: unit[name] for name in ("key", "number", "title", "guidance", "aspects")})
        await curriculum.keep_readable(section)
    yield text
    await Passage.filter(section__text__key=text.key).update(retired_at=clock.now())


async def test_the_command_shows_a_table_and_imports_for_all_branches(
    door: Door, cast: Cast, shipped: Text, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    key, file = shipped.key, tmp_path / "report.txt"
    file.write_bytes(as_txt(lines()))
    await run(commands, "import-text", str(file), "--text", key, "--dry-run")
    assert "试导入，未写入。" in capsys.readouterr().out
    assert (await Text.get(id=shipped.id)).imported_at is None
    await run(commands, "import-text", str(file), "--text", key)
    out = capsys.readouterr().out
    assert "s0\t3\t" in out and all(heading in out for heading in HEADINGS)
    assert "段落：不变 0，更正 0，新增 48，停用 16。" in out
    assert (await door.get(f"/me/texts/{key}", cast.other_member)).json["passages_total"] == 48
    await run(commands, "import-text", str(file), "--text", key, "--branch", str(cast.branch.id))
    mine, theirs = [(await door.get(f"/me/texts/{key}", person)).json["id"] for person in (cast.alice, cast.other_member)]
    assert mine != theirs == shipped.id
    with pytest.raises(NotFound, match="支部"):
        await run(commands, "import-text", str(file), "--branch", str(2**62))
    with pytest.raises(Invalid, match="无法读取"):
        await run(commands, "import-text", str(tmp_path / "无.txt"))
