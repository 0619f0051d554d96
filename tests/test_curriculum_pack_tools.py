"""The script that holds the questions against an official text, on an invented one: what it finds and what it lets pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from congress_text import HEADINGS, lines
from pack_tools import TEXTS, against_text

PASSAGE = "某学会计划在二〇三五年前办成三件事：甲项工程、乙项工程和丙项工程，占比百分之十八点五；要坚持先易后难，不搞一刀切。"
OTHER = "另一段写丁项工程，也写甲项工程。"


def question(kind: str = "single", **changes: Any) -> dict[str, Any]:
    """A sound question about PASSAGE."""
    base = {
        "single": {
            "stem": "某学会计划在哪一年前办成？",
            "options": {"A": "2025年", "B": "2030年", "C": "2035年", "D": "2050年"},
            "answer": ["C"],
        },
        "multiple": {
            "stem": "下列哪几件在计划之中？",
            "options": {"A": "甲项工程", "B": "乙项工程", "C": "戊项工程", "D": "己项工程"},
            "answer": ["A", "B"],
        },
        "blank": {"stem": "占比为百分之____。", "answer": ["18.5", "十八点五"]},
        "true_false": {"stem": "计划要求“先易后难”。", "answer": ["true"]},
    }[kind]
    source = {"text": "report", "unit": "s1", "locator": "办成三件事"}
    return {"key": "a2-s1-01", "kind": kind, **base, "explanation": "计划写明的年份。见报告第一部分。", "source": source, **changes}


def misses(one: dict[str, Any]) -> list[str]:
    return against_text.check(one, [PASSAGE, OTHER]).misses


@pytest.mark.parametrize("kind", ["single", "multiple", "blank", "true_false"])
def test_a_sound_question_passes_however_its_figures_are_written(kind: str):
    assert misses(question(kind)) == []


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (question(source={"text": "report", "unit": "s1", "locator": "别处的话"}), "定位短语不在所引单元"),
        (question(answer=["D"]), "正确选项不在段落：2050年"),
        (question("multiple", answer=["A", "C"]), "正确选项不在段落：戊项工程"),
        (question("blank", answer=["8.5"]), "填空答案不在段落"),
        (question("blank", answer=["18"]), "填空答案不在段落"),
        (question("blank", answer=["十八"]), "填空答案不在段落"),
        (question("blank", answer=["19.5"]), "填空答案不在段落"),
        (question("true_false", stem="计划要求“先难后易”。"), "先难后易"),
        (question("true_false", stem="计划在二〇五〇年前办成三件事。"), "二〇五〇"),
        (question("true_false", stem="这句话与原文毫不相干，也没有相同的字词。"), "多半不在段落"),
        (question("true_false", stem="计划在2050年办成。", answer=["false"], explanation="说法不对。见报告。"), "没有给出段落里的正确词语"),
    ],
)
def test_a_wrong_question_is_found(one: dict[str, Any], told: str):
    assert any(told in miss for miss in misses(one)), misses(one)


def test_a_false_statement_passes_when_its_explanation_gives_the_right_words():
    assert misses(question("true_false", stem="计划要求先难后易。", answer=["false"], explanation="写明的是先易后难。见报告。")) == []


def test_an_answer_in_another_passage_than_the_cited_one_is_found():
    wrong = question("multiple", options={"A": "甲项工程", "B": "丁项工程", "C": "戊项工程", "D": "己项工程"})
    assert misses(wrong) == ["正确选项不在段落：丁项工程"]


def test_a_count_passes_when_the_explanation_lists_as_many():
    counted = {"options": {"A": "两件", "B": "三项", "C": "四件", "D": "五件"}, "answer": ["B"]}
    assert misses(question(**counted, explanation="依次为：甲项工程、乙项工程、丙项工程。见报告。")) == []
    assert misses(question(**counted, explanation="依次为：甲项工程、乙项工程。见报告。")) != []


def test_a_wrong_option_beside_the_right_one_is_a_warning():
    near = question("multiple", options={"A": "甲项工程", "B": "乙项工程", "C": "丙项工程", "D": "己项工程"})
    assert any("错误选项 C" in warning for warning in against_text.check(near, [PASSAGE]).warnings)


def test_copied_words_are_found_and_titles_are_not():
    official = against_text.plain(PASSAGE)
    assert against_text.copied("题", PASSAGE, official, [])[0] != []
    faults, warnings = against_text.copied("题", PASSAGE[:26], official, [])
    assert faults == [] and warnings != []
    assert against_text.copied("题", PASSAGE[:26], official, [PASSAGE[:26]]) == ([], [])


def test_the_script_ends_with_one_when_a_question_misses(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """The shipped questions against an invented text under the report's headings: nearly none can hit, and each miss is named."""
    file = tmp_path / "报告.txt"
    file.write_text("\n".join(lines()), "utf-8")
    assert len(HEADINGS) == 15 and TEXTS["report"]["form"] == "parts"
    assert against_text.main([str(file), "--aspect", "1", "--quiet"]) == 1
    printed = capsys.readouterr().out
    assert "相符 0 道" in printed and "不符  a1-s0-01：" in printed
