"""Fairness of the shipped questions. The rules stand in curriculum/tools/lint.py, which writers use; here each rule is seen to hold, and
to find a planted fault."""

from collections import Counter

import pytest
from pack_tools import ASPECTS, QUESTIONS, UNITS, copy, lint

ALL = list(QUESTIONS.values())


def pick(kind, **wanted):
    """A copy of the first question of this kind."""
    return copy(next(q for q in ALL if q["kind"] == kind and all(q[name] == value for name, value in wanted.items())))


def aspect_with(question):
    return {"id": question["aspects"][0], "questions": [question]}


def test_the_whole_pack_breaks_no_rule():
    assert lint.faults(ASPECTS, whole=True) == []


def test_there_are_enough_questions_in_all_for_each_aspect_and_for_each_unit_of_the_report():
    by_aspect = Counter(aspect for question in ALL for aspect in question["aspects"])
    by_unit = Counter(question["source"]["unit"] for question in ALL if question["source"]["text"] == "report")
    assert len(QUESTIONS) == len(ALL) >= 360
    assert [aspect for aspect in range(1, 10) if by_aspect[aspect] < 30] == []
    assert [number for number in range(16) if by_unit[f"s{number}"] < 15] == []


def test_every_source_is_a_known_unit():
    assert {(q["source"]["text"], q["source"]["unit"]) for q in ALL} <= set(UNITS)
    assert {q["source"]["unit"] for q in ALL if q["source"]["text"] == "constitution"} == {f"c{n}" for n in range(12)}


def test_too_few_questions_are_told():
    told = lint.share_faults(ALL[:350])
    assert "全包 350 题，少于 360" in told and any("方面 9" in fault for fault in told) and any("单元 s15" in fault for fault in told)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ({"source": {"text": "report", "unit": "s77", "locator": "某处"}}, "没有这个单元"),
        ({"aspects": [1, 8]}, "方面不在单元的方面之中"),
        ({"key": "a1-s9-01"}, "编号与方面或单元不一致"),
        ({"explanation": "没有写出处。"}, "没有写出定位短语"),
    ],
)
def test_a_question_in_the_wrong_place_is_told(spoil, told):
    question = pick("single", aspects=[1])
    assert lint.place_faults([aspect_with(question)]) == []
    assert any(told in fault for fault in lint.place_faults([{"id": 1, "questions": [question | spoil]}]))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ({"options": {"B": "甲甲", "A": "乙乙", "C": "丙丙", "D": "丁丁"}}, "各不相同"),
        ({"options": {"A": "二〇三五年", "B": "2035年", "C": "丙丙丙丙", "D": "丁丁丁丁"}}, "各不相同"),
        ({"options": {"A": "甲", "B": "乙乙乙乙乙乙乙乙", "C": "丙", "D": "丁"}}, "相差过大"),
        ({"answer": ["B", "A"]}, "按顺序"),
    ],
)
def test_unfair_options_are_told(spoil, told):
    question = pick("multiple")
    assert lint.option_faults([question]) == []
    assert any(told in fault for fault in lint.option_faults([question | spoil]))


def test_a_stem_that_holds_its_own_answer_is_told_however_its_figures_are_written():
    single, blank = pick("single"), pick("blank")
    assert lint.own_answer_faults([single, blank]) == []
    single["options"][single["answer"][0]] = "二〇三五年"
    assert lint.own_answer_faults([single | {"stem": "到2035年为止的是哪一年？"}]) != []
    assert lint.own_answer_faults([blank | {"stem": f"{blank['answer'][0]}就是____。"}]) != []


@pytest.mark.parametrize("stem", ["报告写明要基本消除的是哪两项？", "报告提出弘扬和传承的各是哪一种文化？"])
def test_a_multiple_stem_that_tells_how_many_are_right_is_told(stem):
    assert lint.counted_faults(ALL) == []
    assert "正确选项的个数" in lint.counted_faults([pick("multiple") | {"stem": stem}])[0]
    assert lint.counted_faults([pick("single") | {"stem": stem}]) == []


def test_doubled_and_nearly_doubled_stems_are_told():
    one, other = pick("single"), pick("multiple")
    assert lint.doubled([one, other]) == []
    assert any("重复" in fault for fault in lint.doubled([one, other | {"stem": one["stem"]}]))
    nearly = {"stem": one["stem"].replace("？", "呢？"), "key": "a1-s0-99"}
    assert any("几乎相同" in fault for fault in lint.doubled([one, one | nearly]))


def lopsided(kind, letter):
    """The questions with every answer of this kind at one letter."""
    return [
        question | {"answer": [letter] if kind == "single" else [letter, "D"]} if question["kind"] == kind else question for question in ALL
    ]


@pytest.mark.parametrize("kind", ["single", "multiple"])
def test_answers_that_gather_at_one_letter_are_told(kind):
    assert lint.uneven(lint.letters(ALL, kind)) <= lint.CHI_SQUARE
    assert any("字母分布不均" in fault for fault in lint.share_faults(lopsided(kind, "A")))


def test_the_length_of_an_option_does_not_give_the_answer_away():
    """Of four options that alone is the longest (or the shortest), by chance one in four is right."""
    for extreme in (max, min):
        right, alone = lint.given_away(ALL, extreme)
        assert alone > 20 and 0.20 <= right / alone <= 0.30, (right, alone)


def test_right_answers_that_are_always_the_longest_are_told():
    longest = [copy(question) for question in ALL]
    for question in longest:
        if question["kind"] == "single":
            question["options"][question["answer"][0]] += "长长长"
    assert any("唯一最长的选项" in fault for fault in lint.share_faults(longest))


def test_kinds_levels_and_truth_out_of_balance_are_told():
    shares = Counter(question["kind"] for question in ALL)
    assert 0.45 <= shares["single"] / len(ALL) <= 0.55 and 0.22 <= shares["multiple"] / len(ALL) <= 0.28
    assert all(sum(question["level"] == level for question in ALL) >= 0.15 * len(ALL) for level in (1, 2, 3))
    truth = Counter(question["answer"][0] for question in ALL if question["kind"] == "true_false")
    assert 0.4 <= truth["true"] / truth.total() <= 0.6
    assert any("题型 single" in fault for fault in lint.share_faults([q for q in ALL if q["kind"] != "single"]))
    assert any("难度 3" in fault for fault in lint.share_faults([q | {"level": 1} for q in ALL]))
    agreeing = [q | {"answer": ["true"]} if q["kind"] == "true_false" else q for q in ALL]
    assert any("判断题中错的占" in fault for fault in lint.share_faults(agreeing))
