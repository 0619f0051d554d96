"""Splitting an official text by its headings: `backend/rules/textsplit.py`. The text is invented, its headings are official titles."""

from __future__ import annotations

import textwrap

import pytest
from congress_text import HEADINGS, NUMBERED, NUMERALS, PASSAGES, SALUTATION, SOURCE, TITLE, filler, lines

from backend.rules.textsplit import Split, split


def passages_of(found: Split) -> dict[int, list[str]]:
    return {section.number: section.passages for section in found.sections}


def without(text: list[str], *gone: str) -> list[str]:
    return [line for line in text if line not in gone]


def test_preface_and_fifteen_sections_are_found_with_all_their_passages():
    found = split(lines(), headings=HEADINGS)
    assert passages_of(found) == PASSAGES
    assert [section.title for section in found.sections] == ["序言", *HEADINGS]
    assert found.title == TITLE
    assert found.ignored == [TITLE, SALUTATION, SOURCE]
    assert found.warnings == []


@pytest.mark.parametrize(
    "spelling",
    [
        lambda numeral, heading: heading,
        lambda numeral, heading: f"{numeral} 、 {heading}",
        lambda numeral, heading: f"{numeral}．{heading}",
        lambda numeral, heading: f"第{numeral}部分　{heading}",
        lambda numeral, heading: f"{numeral}、{heading}".replace("，", " ").replace("“", '"').replace("”", '"'),
        lambda numeral, heading: f"{numeral}、{heading}".replace("，", ","),
    ],
)
def test_a_heading_is_known_by_its_title_however_numeral_and_punctuation_are_written(spelling):
    spelled = {line: spelling(numeral, heading) for line, numeral, heading in zip(NUMBERED, NUMERALS, HEADINGS, strict=True)}
    assert passages_of(split([spelled.get(line, line) for line in lines()], headings=HEADINGS)) == PASSAGES


def test_a_sentence_that_quotes_a_heading_is_no_heading():
    quoting = f"我们要{HEADINGS[1]}，这是本段的第一句话，后面还有一些用于测试的填充文字。"
    found = split([*lines()[:4], quoting, *lines()[4:]], headings=HEADINGS)
    assert quoting in passages_of(found)[0]
    assert len(found.sections) == 16


def test_a_table_of_contents_before_or_after_the_text_does_not_confuse():
    before = ["首页", "目录", *NUMBERED, *lines()]
    assert passages_of(split(before, headings=HEADINGS)) == PASSAGES
    after = passages_of(split([*lines()[:-1], "相关阅读", *NUMBERED], headings=HEADINGS))
    assert after == PASSAGES


def test_a_missing_heading_is_named_and_its_paragraphs_stay_with_the_section_before():
    found = split(without(lines(), NUMBERED[6]), headings=HEADINGS)
    assert found.warnings == [f"没有找到标题：{HEADINGS[6]}"]
    assert passages_of(found)[6] == PASSAGES[6] + PASSAGES[7]
    assert 7 not in passages_of(found)


def test_a_text_without_any_heading_has_no_sections():
    found = split(["某篇文章", "第一段。", "第二段。"], headings=HEADINGS)
    assert found.sections == []
    assert found.warnings
    assert split([], headings=HEADINGS).sections == []


def test_a_heading_without_paragraphs_and_a_missing_preface_are_warned_of():
    found = split([NUMBERED[0], NUMBERED[1], *PASSAGES[2]], headings=HEADINGS[:2])
    assert found.warnings == ["没有找到序言。", f"标题下没有段落：{HEADINGS[0]}"]


def test_the_closing_stays_with_the_last_section_and_what_follows_is_ignored():
    footer = ["【纠错】", "【责任编辑：某某】", "分享到", "微信", "上一篇：某篇"]
    footer += ["相关阅读", filler(99, 1), "网友评论", "写得真好。", "版权所有"]
    found = split([*lines(), *footer], headings=HEADINGS)
    assert passages_of(found)[15] == PASSAGES[15]
    assert found.ignored[-len(footer) :] == footer


ABOUT_THE_PAGE = [
    SOURCE, "新华社北京10月25日电", "责任编辑：某某", "打印", "【打印】", "分享到：", "- 12 -", "第 3 页", "——", "上一篇：某篇",
]  # fmt: skip


@pytest.mark.parametrize("line", ABOUT_THE_PAGE)
def test_lines_about_the_page_are_no_passages_wherever_they_stand(line: str):
    text = lines()
    place = text.index(PASSAGES[4][1])
    found = split([*text[:place], line, *text[place:]], headings=HEADINGS)
    assert passages_of(found) == PASSAGES
    assert line in found.ignored


def test_a_salutation_on_the_line_of_the_first_paragraph_is_cut_off():
    joined = [line for line in lines() if line != SALUTATION]
    joined[1] = f"各位代表，同志们：{joined[1]}"
    assert passages_of(split(joined, headings=HEADINGS)) == PASSAGES


def test_without_a_salutation_the_preface_begins_below_the_title():
    found = split(["首页", "要闻", *without(lines(), SALUTATION)], headings=HEADINGS)
    assert passages_of(found) == PASSAGES
    assert found.title == TITLE


def test_the_last_line_that_names_the_text_is_its_title():
    found = split(["某网报告专栏", "高举旗帜，团结奋斗", "——在某次会议上的报告", "（2022年10月16日）", *lines()[1:]], headings=HEADINGS)
    assert found.title == "高举旗帜，团结奋斗 ——在某次会议上的报告"


def test_lines_broken_at_a_fixed_width_are_joined_and_the_guess_is_told():
    broken = [part for line in lines() for part in textwrap.wrap(line, 37)]
    found = split(broken, headings=HEADINGS)
    assert passages_of(found) == PASSAGES
    assert any("请核对" in warning for warning in found.warnings)


def test_a_heading_that_is_itself_broken_is_found():
    broken = [part for line in lines() for part in textwrap.wrap(line, 24)]
    assert [section.number for section in split(broken, headings=HEADINGS).sections] == list(range(16))


def test_a_page_that_repeats_its_headings_thousands_of_times_is_split_quickly():
    found = split([*NUMBERED * 1_000, *lines()], headings=HEADINGS)
    assert passages_of(found) == PASSAGES
