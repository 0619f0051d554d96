"""Splitting a text of chapters and articles, and one that is a single unit. The texts are invented; chapter titles are official ones."""

from __future__ import annotations

import pytest

from backend.rules.textsplit_forms import chapter_headings, numeral, split_chapters, split_whole

TITLES = ["总纲", "党员", "党的组织制度", "党的中央组织"]
GENERAL = ["总则的第一段，为测试而写，以句号结尾。", "总则的第二段，为测试而写，第一章、第二条这样的字样并不是标题。"]
CHAPTERS = {
    1: ["第一条　甲项规定，用于测试，以句号结尾。", "第二条　乙项规定，用于测试：\n（一）第一目；\n（二）第二目，见第一条。"],
    2: ["第三条　丙项规定，用于测试。\n另起一段，仍属第三条。"],
    3: ["第四条丁项规定，用于测试。\n第二条的规定也适用于第四条。", "第五条　戊项规定，也用于测试。"],
}
OPENING = ["中国共产党章程", "（为测试而编，某年某月某日）"]
HEADINGS = ["第一章　党　员", "第二章　党的组织制度", "第三章　党的中央组织"]
PAGE_END = ["责任编辑：某某", "相关阅读"]
SPEECH, SPEECH_UNIT = "为测试而作的讲话标题", "在某次会议上的讲话"
SAID = ["这是讲话的第一段，为测试而写。", "第一，这是第二段，为测试而写。", "同志们！这是最后一段。"]


def lines(*, headings: list[str] = HEADINGS) -> list[str]:
    body = [line for n, heading in enumerate(headings, start=1) for article in [heading, *CHAPTERS[n]] for line in article.split("\n")]
    return [*OPENING, "总　纲", *GENERAL, *body, *PAGE_END]


def found_in(text: list[str]) -> dict[int, list[str]]:
    return {section.number: section.passages for section in split_chapters(text, titles=TITLES).sections}


def test_general_programme_and_chapters_are_found_and_an_article_is_one_passage():
    found = split_chapters(lines(), titles=TITLES)
    assert {section.number: section.passages for section in found.sections} == {0: GENERAL, **CHAPTERS}
    assert [section.title for section in found.sections] == TITLES
    assert (found.title, found.warnings) == ("中国共产党章程", [])
    assert set(OPENING) | set(PAGE_END) <= set(found.ignored)


def test_a_chapter_whose_title_stands_on_the_next_line_is_found():
    text = [part for line in lines() for part in (line.split("　", 1) if line in HEADINGS else [line])]
    assert "第一章" in text and found_in(text) == {0: GENERAL, **CHAPTERS}


def test_a_table_of_contents_and_a_menu_with_a_chapters_bare_title_do_not_confuse():
    contents = ["目录", "总纲", *HEADINGS]
    assert found_in([*contents, *lines()]) == {0: GENERAL, **CHAPTERS}
    assert found_in(["首页", "党员", "党的组织制度", *lines()]) == {0: GENERAL, **CHAPTERS}
    place = lines().index("第二条　乙项规定，用于测试：")
    inside = [*lines()[:place], "党员", *lines()[place:]]
    assert set(found_in(inside)) == {0, 1, 2, 3}, "a title without its numeral is no heading"


def test_a_missing_chapter_is_named():
    found = split_chapters([line for line in lines() if line != HEADINGS[1]], titles=TITLES)
    assert found.warnings == ["没有找到标题：第二章 党的组织制度"]
    assert [section.number for section in found.sections] == [0, 1, 3]


@pytest.mark.parametrize("text", [[], ["某篇文章", "第一段。"]])
def test_another_text_has_no_chapters(text: list[str]):
    assert split_chapters(text, titles=TITLES).sections == []


def test_numerals_are_written_as_in_a_text():
    assert [numeral(n) for n in (1, 9, 10, 11, 20, 21, 55)] == ["一", "九", "十", "十一", "二十", "二十一", "五十五"]
    assert chapter_headings(TITLES) == ["总纲", "第一章 党员", "第二章 党的组织制度", "第三章 党的中央组织"]


@pytest.mark.parametrize(
    "above",
    [
        [SPEECH, f"——{SPEECH_UNIT}", "（某年某月某日）", "某某"],
        [SPEECH_UNIT, "（某年某月某日）"],
        [f"{SPEECH} {SPEECH_UNIT}"],
        ["首页", "栏目", SPEECH, "来源：某刊", SPEECH, f"——{SPEECH_UNIT}", "某某"],
    ],
)
def test_a_speech_is_one_section_from_its_first_sentence_on(above: list[str]):
    found = split_whole([*above, *SAID, "（来源：测试）", *PAGE_END], title=SPEECH, unit=SPEECH_UNIT)
    assert [(section.number, section.title, section.passages) for section in found.sections] == [(1, SPEECH_UNIT, SAID)]
    assert found.warnings == []
    assert "（来源：测试）" in found.ignored


def test_a_speech_without_its_title_or_without_a_sentence_is_told():
    assert split_whole(SAID, title=SPEECH, unit=SPEECH_UNIT).sections == []
    found = split_whole([SPEECH, "某某"], title=SPEECH, unit=SPEECH_UNIT)
    assert found.sections[0].passages == [] and found.warnings == [f"标题下没有段落：{SPEECH_UNIT}"]
