"""Rows of the question-bank form: `backend/rules/forms_questions.py`."""

from __future__ import annotations

import pytest
from congress_text import HEADINGS

from backend.rules.forms_questions import COLUMNS, EXAMPLES, LETTERS, QuestionDraft, question_row, question_sheet

FOUR = {"选项A": "甲", "选项B": "乙", "选项C": "丙", "选项D": "丁"}
SINGLE = {"题型": "单选题", "题干": "题干", **FOUR, "答案": "B", "解析": "", "出处": "", "方面": "1"}
BLANK = {"题型": "填空题", "题干": "题____干", "答案": "甲", "方面": "1"}
TRUE_FALSE = {"题型": "判断题", "题干": "题干", "答案": "对", "方面": "1"}
TITLES = ("序言", *HEADINGS)


def draft(cells: dict[str, str], **changes: str) -> QuestionDraft:
    found, reasons = question_row({**cells, **changes}, titles=TITLES)
    assert reasons == [] and found is not None
    return found


def fault(cells: dict[str, str], **changes: str) -> str:
    found, reasons = question_row({**cells, **changes}, titles=TITLES)
    assert found is None and reasons
    return " ".join(reasons)


def test_a_full_row_becomes_a_draft():
    found = draft(SINGLE, 解析="见原文。", 出处="报告 三：中国式现代化", 方面="4、5")
    options = [("A", "甲"), ("B", "乙"), ("C", "丙"), ("D", "丁")]
    assert found == QuestionDraft("single", "题干", options, ["B"], "见原文。", "s3", "中国式现代化", (4, 5))


@pytest.mark.parametrize("text, kind", [("单选题", "single"), ("单选", "single"), ("多选题", "multiple"), (" 多选 ", "multiple")])
def test_kinds_with_options_go_by_long_and_short_names(text: str, kind: str):
    assert draft(SINGLE, 题型=text, 答案="AB" if kind == "multiple" else "A").kind == kind


@pytest.mark.parametrize("cells, texts", [(TRUE_FALSE, ("判断题", "判断")), (BLANK, ("填空题", "填空"))])
def test_kinds_without_options_go_by_long_and_short_names(cells: dict[str, str], texts: tuple[str, str]):
    assert len({draft(cells, 题型=text).kind for text in texts}) == 1


@pytest.mark.parametrize("text", ["B", "b", "Ｂ", "ｂ", " B "])
def test_a_letter_is_a_letter_in_any_width_and_case(text: str):
    assert draft(SINGLE, 答案=text).answer == ["B"]


@pytest.mark.parametrize("text", ["ACD", "A C D", "A、C、D", "A,C,D", "Ａ，Ｃ，Ｄ", "dca", "a c　d", "A;C;D"])
def test_several_letters_may_be_parted_in_any_way(text: str):
    assert draft(SINGLE, 题型="多选题", 答案=text).answer == ["A", "C", "D"]


@pytest.mark.parametrize("text", ["对", "正确", "√", "是", "✔", "true", True])
def test_yes_has_many_words(text: str):
    assert draft(TRUE_FALSE, 答案=str(text)).answer == ["true"]


@pytest.mark.parametrize("text", ["错", "错误", "×", "否", "✘", "x", "Ｘ", "FALSE"])
def test_no_has_many_words(text: str):
    assert draft(TRUE_FALSE, 答案=text).answer == ["false"]


@pytest.mark.parametrize("text, answer", [("甲", ["甲"]), ("甲|乙", ["甲", "乙"]), ("甲 ｜ 乙｜", ["甲", "乙"]), ("A|a", ["A", "a"])])
def test_a_blank_has_alternatives(text: str, answer: list[str]):
    assert draft(BLANK, 答案=text).answer == answer


@pytest.mark.parametrize("stem", ["题____干", "题（ ）干", "没有空格的题干"])
def test_a_blank_may_be_marked_in_any_way(stem: str):
    assert draft(BLANK, 题干=stem).stem == stem


@pytest.mark.parametrize(
    "text, unit, locator",
    [
        ("三：中国式现代化", "s3", "中国式现代化"), ("报告 三：中心任务", "s3", "中心任务"), ("报告第三部分:中心任务", "s3", "中心任务"),
        ("《报告》十五：必由之路", "s15", "必由之路"), ("序言：大会的主题", "s0", "大会的主题"), ("3：词", "s3", "词"),
        ("１０：词", "s10", "词"),
        (f"{HEADINGS[3]}：首要任务", "s4", "首要任务"), (f"四、{HEADINGS[3]}：首要任务", "s4", "首要任务"),
        (f"报告 {HEADINGS[12].replace('，', ' ')}：词", "s13", "词"), ("三", "s3", None), ("", None, None),
    ],
)  # fmt: skip
def test_a_source_is_a_unit_and_a_phrase(text: str, unit: str | None, locator: str | None):
    found = draft(SINGLE, 出处=text)
    assert (found.unit, found.locator) == (unit, locator)


@pytest.mark.parametrize("text", ["十六：词", "16：词", "某书：词", "：词", "三：" + "长" * 16])
def test_a_source_that_names_no_unit_or_too_long_a_phrase_is_a_fault(text: str):
    assert "出处" in fault(SINGLE, 出处=text)


@pytest.mark.parametrize("text, aspects", [("1", (1,)), ("4、5", (4, 5)), ("5,4，4", (4, 5)), ("一、九", (1, 9)), ("３ 七", (3, 7))])
def test_aspects_are_numbers_or_numerals(text: str, aspects: tuple[int, ...]):
    assert draft(SINGLE, 方面=text).aspects == aspects


@pytest.mark.parametrize("text", ["", "0", "10", "十", "甲", "1.2", "-1"])
def test_an_aspect_out_of_range_or_none_is_a_fault(text: str):
    assert "方面" in fault(SINGLE, 方面=text)


@pytest.mark.parametrize(
    "cells, changes, word",
    [
        (SINGLE, {"题型": "问答题"}, "题型"),
        (SINGLE, {"题型": ""}, "题型"),
        (SINGLE, {"题干": " "}, "题干不能为空"),
        (SINGLE, {"题干": "长" * 501}, "500"),
        (SINGLE, {"答案": "E"}, "没有对应的选项"),
        (SINGLE, {"答案": "AB"}, "只能有一个"),
        (SINGLE, {"答案": ""}, "答案"),
        (SINGLE, {"答案": "甲"}, "答案"),
        (SINGLE, {"题型": "多选题", "答案": "A"}, "至少有两个"),
        (SINGLE, {"题型": "多选题", "答案": "AA"}, "重复"),
        (SINGLE, {"选项B": "", "答案": "A"}, "连续"),
        (SINGLE, {"选项A": "", "选项B": "", "选项C": "", "选项D": ""}, "至少两个"),
        (SINGLE, {"选项C": " 甲 "}, "重复"),
        (SINGLE, {"选项C": "ＡＢ", "选项D": "ab"}, "重复"),
        (TRUE_FALSE, {"答案": "也许"}, "对或错"),
        (TRUE_FALSE, {"选项A": "对"}, "不填选项"),
        (BLANK, {"答案": "|"}, "答案"),
        (BLANK, {"答案": ""}, "答案"),
    ],
)
def test_each_fault_is_named_in_chinese(cells: dict[str, str], changes: dict[str, str], word: str):
    assert word in fault(cells, **changes)


def test_eight_options_are_enough_for_anyone():
    assert len(draft({**SINGLE, **{f"选项{letter}": f"第{letter}项" for letter in LETTERS}}, 答案="H").options) == 8


def test_a_stem_that_two_rows_share_is_a_fault_of_the_second():
    drafts, faults = question_sheet([(2, SINGLE), (4, {**SINGLE, "题干": " 题　干 "}), (5, {**SINGLE, "题干": "另一题"})])
    assert [number for number, _ in drafts] == [2, 5]
    assert faults == [(4, "题干与第 2 行相同。")]


def test_every_reason_of_a_faulty_row_bears_its_number():
    drafts, faults = question_sheet([(7, {**SINGLE, "答案": "?", "方面": "12x"})])
    assert drafts == [] and [number for number, _ in faults] == [7, 7]


def test_missing_and_unknown_columns_are_faults_of_the_header():
    faults = question_sheet([(2, {"题型": "单选题", "题干": "题", "答案": "A", "难度": "1"})])[1]
    assert faults == [(1, "缺少“方面”一列。"), (1, "不认识的列：难度。")]
    assert question_sheet([(2, {**SINGLE, "序号": "1"})])[1] == []
    assert question_sheet([]) == ([], [(1, "表中没有内容。")])


def test_the_examples_of_the_form_are_sound():
    assert question_sheet([(n, dict(zip(COLUMNS, example, strict=True))) for n, example in enumerate(EXAMPLES, start=2)])[1] == []
