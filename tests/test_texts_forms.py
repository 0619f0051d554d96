"""Importing the Constitution and the speech through the door: chapters, articles, one unit. The texts are invented, the titles official."""

from __future__ import annotations

import io
from collections.abc import Callable

import aiohttp
import docx
import pytest
from door import Door, Reply
from pack_tools import TEXTS
from people import Cast, Person

from backend.kernel.database import fetch
from backend.rules.textsplit_forms import chapter_headings, numeral
from models.questions import Question

CHAPTERS = [unit["title"] for unit in TEXTS["constitution"]["units"]]
SPEECH = TEXTS["speech"]
SAID = ["讲话第一段，为测试而写。", "第一，讲话第二段，为测试而写。"]
GENERAL = [f"总则第{n}段，为测试而写，长短不一。{'再写一句。' * n}" for n in range(1, 5)]

pytestmark = pytest.mark.usefixtures("pack")


def articles(chapter: int) -> list[str]:
    """Two articles a chapter; the second has two more paragraphs, and names the first article of its chapter."""
    first, second = numeral(2 * chapter - 1), numeral(2 * chapter)
    return [
        f"第{first}条 第{chapter}章的前一条，为测试而写。{'再写一句。' * (chapter % 4)}",
        f"第{second}条 第{chapter}章的后一条，见第{first}条：\n（一）第一目，为测试而写；\n（二）第二目，为测试而写。",
    ]


def constitution() -> list[str]:
    found = ["中国共产党章程", "（为测试而编）", "目录", *chapter_headings(CHAPTERS), "总　纲", *GENERAL]
    for number, heading in enumerate(chapter_headings(CHAPTERS)[1:], start=1):
        found += [heading.replace(" ", "　"), *(line for article in articles(number) for line in article.split("\n"))]
    return [*found, "责任编辑：某某"]


def speech() -> list[str]:
    return [SPEECH["title"], f"——{SPEECH['subtitle']}", "（某年某月某日）", *SAID, "（来源：测试）"]


def as_txt(text: list[str]) -> bytes:
    return "\n".join(text).encode()


def as_docx(text: list[str]) -> bytes:
    document, out = docx.Document(), io.BytesIO()
    for line in text:
        document.add_paragraph(line)
    document.save(out)
    return out.getvalue()


def as_page(text: list[str]) -> bytes:
    body = "".join(f"<p>{line}</p>" for line in text[1:])
    menu = "<ul><li>首页</li><li>党员</li><li>党组</li></ul>"
    page = f"<html><head><title>{text[0]}</title></head><body>{menu}<div><h1>{text[0]}</h1><div>{body}</div></div>"
    return f"{page}<div><h3>相关阅读</h3><p>某地召开学习会议，代表们发了言。</p></div><footer>版权所有</footer></body></html>".encode()


async def bring(door: Door, who: Person | None, content: bytes, name: str, **params: str) -> Reply:
    form = aiohttp.FormData()
    form.add_field("file", content, filename=name)
    return await door.ask("POST", "/texts/import", who, data=form, params=params)


async def bodies(branch_id: int, key: str) -> dict[str, list[str | None]]:
    rows = await fetch(
        "SELECT s.key, p.body FROM passage p JOIN section s ON s.id = p.section_id JOIN text x ON x.id = s.text_id "
        "WHERE x.branch_id = $1 AND x.key = $2 AND p.retired_at IS NULL ORDER BY s.number, p.number",
        branch_id,
        key,
    )
    found: dict[str, list[str | None]] = {}
    for row in rows:
        found.setdefault(row["key"], []).append(row["body"])
    return found


async def test_strangers_import_no_constitution(door: Door, cast: Cast):
    for who, status in ((None, 401), (cast.alice, 403), (cast.observer, 403)):
        assert (await bring(door, who, as_txt(constitution()), "党章.txt", text="constitution")).status == status
    assert await bodies(cast.branch.id, "constitution") == {}


@pytest.mark.parametrize(("name", "make"), [("党章.txt", as_txt), ("党章.docx", as_docx), ("党章.html", as_page)])
async def test_the_constitution_becomes_units_with_articles(door: Door, cast: Cast, name: str, make: Callable[[list[str]], bytes]):
    reply = await bring(door, cast.editor, make(constitution()), name, text="constitution")
    assert (reply.status, reply.json["title"], reply.json["warnings"]) == (200, "中国共产党章程", []), reply.body
    assert [section["key"] for section in reply.json["sections"]] == [f"c{number}" for number in range(12)]
    assert await bodies(cast.branch.id, "constitution") == {"c0": GENERAL, **{f"c{n}": articles(n) for n in range(1, 12)}}


async def test_a_constitution_with_a_chapter_missing_is_refused_by_name(door: Door, cast: Cast):
    text = [line for line in constitution() if not line.startswith("第五章")]
    reply = await bring(door, cast.editor, as_txt(text), "党章.txt", text="constitution")
    assert (reply.status, reply.code) == (422, "missing_sections") and "党的基层组织" in str(reply.json["errors"])


async def test_a_report_is_no_constitution(door: Door, cast: Cast):
    reply = await bring(door, cast.editor, as_txt(["某报告", "同志们：", "一、某部分", "某段。"]), "报告.txt", text="constitution")
    assert (reply.status, reply.code) == (422, "no_sections")


async def test_an_article_is_found_by_its_number_and_not_where_another_names_it(door: Door, cast: Cast):
    """The question cites the chapter's first article, which its second article names too, here before it."""
    swapped = constitution()
    first, second = (swapped.index(article.split("\n")[0]) for article in articles(5))
    swapped[first : second + 3] = [*swapped[second : second + 3], swapped[first]]
    question = await Question.create(
        branch=cast.branch, kind="true_false", stem="测试条文", answer=["true"], source_text="constitution", source_section="c5",
        locator="第九条", created_at="2026-01-01T00:00:00+00:00",
    )  # fmt: skip
    assert (await bring(door, cast.editor, as_txt(swapped), "党章.txt", text="constitution")).status == 200
    found = "SELECT p.body FROM question_place qp JOIN passage p ON p.id = qp.passage_id WHERE qp.question_id = $1"
    [place] = await fetch(found, question.id)
    assert place["body"].startswith("第九条")


@pytest.mark.parametrize(("name", "make"), [("讲话.txt", as_txt), ("讲话.docx", as_docx), ("讲话.html", as_page)])
async def test_the_speech_becomes_one_unit(door: Door, cast: Cast, name: str, make: Callable[[list[str]], bytes]):
    reply = await bring(door, cast.editor, make(speech()), name, text="speech")
    assert (reply.status, reply.json["warnings"]) == (200, []), reply.body
    assert await bodies(cast.branch.id, "speech") == {"p1": SAID}


async def test_the_texts_come_in_the_order_of_study_with_an_address_for_each_unit(door: Door, cast: Cast):
    await bring(door, cast.editor, as_txt(speech()), "讲话.txt", text="speech")
    items = (await door.get("/texts", cast.alice)).json["items"]
    assert [item["key"] for item in items] == ["report", "constitution", "speech"]
    assert {section["source_url"] for item in items for section in item["sections"]} == {text["source_url"] for text in TEXTS.values()}
