"""The shipped content pack: form, coverage of the units and aspects, and fairness of the questions.

The titles of the nine aspects are those of section 二 of the branch's plan of work for 2023; the sixteen units are the preface
and the fifteen parts of the report. Whether a locator stands in the report can only be seen after an import of the official text.
"""

import datetime
import itertools
import json
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

PACK = Path(__file__).parent.parent / "curriculum"
SCHEMA = json.loads((PACK / "schema.json").read_text("utf-8"))
FILES = ["texts.yaml", *(f"aspect-{number}.yaml" for number in range(1, 10))]
ASPECT_TITLES = {
    1: "党的二十大的主题",
    2: "过去5年的工作和新时代10年的伟大变革",
    3: "开辟马克思主义中国化时代化新境界",
    4: "新时代新征程中国共产党的使命任务",
    5: "中国式现代化的中国特色和本质要求",
    6: "社会主义经济建设、政治建设、文化建设、社会建设、生态文明建设等方面的重大部署",
    7: "教育科技人才、法治建设、国家安全等方面的重大部署",
    8: "国防和军队建设、港澳台工作、外交工作等方面的重大部署",
    9: "坚持党的全面领导和全面从严治党的重大部署",
}
# Which part serves which aspects by default; the closing of the report belongs to part 15.
UNIT_ASPECTS = {
    **{0: [1], 1: [2], 2: [3], 3: [4, 5], 4: [6], 5: [7], 6: [6], 7: [7]},
    **{8: [6], 9: [6], 10: [6], 11: [7], 12: [8], 13: [8], 14: [8], 15: [9]},
}


def read(name):
    return yaml.safe_load((PACK / name).read_text("utf-8"))


REPORT = read("texts.yaml")["texts"][0]
UNITS = {unit["key"]: unit for unit in REPORT["units"]}
ASPECTS = [read(f"aspect-{number}.yaml") for number in range(1, 10)]
QUESTIONS = [question for aspect in ASPECTS for question in aspect["questions"]]
SINGLES = [question for question in QUESTIONS if question["kind"] == "single"]


def faults(document, definition):
    """The places where `document` breaks the named definition of the schema, as `path: message`."""
    validator = Draft202012Validator({"$defs": SCHEMA["$defs"], "$ref": f"#/$defs/{definition}"})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def trigrams(text):
    letters = re.sub(r"\W", "", text)
    return {letters[at : at + 3] for at in range(len(letters) - 2)}


def question_of_kind(kind):
    """A fresh copy of the first question of this kind, free to be spoilt."""
    return json.loads(json.dumps(next(question for question in QUESTIONS if question["kind"] == kind)))


def test_the_schema_is_itself_sound():
    Draft202012Validator.check_schema(SCHEMA)


def test_the_pack_lists_each_shipped_file_once():
    pack = read("pack.yaml")
    assert faults(pack, "pack") == []
    assert pack["files"] == FILES
    assert {path.name for path in PACK.glob("*.yaml")} == {"pack.yaml", *FILES}


@pytest.mark.parametrize("name", FILES)
def test_each_file_fits_the_schema(name):
    assert faults(read(name), name.split("-")[0].removesuffix(".yaml")) == []


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("single", {"answer": ["A", "B"]}),
        ("single", {"answer": ["E"]}),
        ("single", {"options": {"A": "甲", "B": "乙", "C": "丙"}}),
        ("multiple", {"answer": ["A"]}),
        ("true_false", {"answer": [True]}),
        ("true_false", {"answer": ["对"]}),
        ("true_false", {"options": {"A": "对", "B": "错", "C": "无", "D": "无"}}),
        ("blank", {"stem": "没有空格的题干。"}),
        ("blank", {"answer": []}),
        ("single", {"source": {"text": "report", "unit": "s1", "locator": "一二三四五六七八九十一二三四五六"}}),
        ("single", {"aspects": [10]}),
        ("single", {"level": 4}),
        ("single", {"hint": "多余的字段"}),
    ],
)
def test_the_schema_refuses_a_spoilt_question(kind, spoil):
    assert faults(question_of_kind(kind), "question") == []
    assert faults(question_of_kind(kind) | spoil, "question") != []


def test_the_nine_aspects_bear_the_titles_of_the_plan():
    assert {aspect["id"]: aspect["title"] for aspect in ASPECTS} == ASPECT_TITLES
    assert len({aspect["short"] for aspect in ASPECTS}) == 9


def test_the_sixteen_units_stand_in_order_and_serve_all_nine_aspects():
    assert [(unit["key"], unit["number"]) for unit in REPORT["units"]] == [(f"s{number}", number) for number in range(16)]
    assert {unit["number"]: unit["aspects"] for unit in REPORT["units"]} == UNIT_ASPECTS
    assert datetime.date.fromisoformat(REPORT["delivered_on"]) == datetime.date(2022, 10, 16)


def test_every_unit_and_every_aspect_has_enough_questions():
    by_unit = Counter(question["source"]["unit"] for question in QUESTIONS)
    by_aspect = Counter(aspect for question in QUESTIONS for aspect in question["aspects"])
    assert len(QUESTIONS) >= 85
    assert [key for key in UNITS if by_unit[key] < 5] == []
    assert by_unit["s3"] >= 10
    assert [aspect for aspect in range(1, 10) if by_aspect[aspect] < 8] == []


def test_every_question_names_a_known_unit_that_serves_its_aspects():
    for aspect in ASPECTS:
        for question in aspect["questions"]:
            source = question["source"]
            assert source["text"] == REPORT["key"], question["key"]
            assert source["unit"] in UNITS, question["key"]
            assert aspect["id"] in question["aspects"], question["key"]
            assert set(question["aspects"]) <= set(UNITS[source["unit"]]["aspects"]), question["key"]
            assert question["key"].startswith(f"a{aspect['id']}-{source['unit']}-"), question["key"]


def test_keys_and_stems_are_unique():
    for field in ("key", "stem"):
        assert [value for value, count in Counter(question[field] for question in QUESTIONS).items() if count > 1] == []


def test_no_two_stems_are_nearly_the_same():
    stems = [(question["key"], trigrams(question["stem"])) for question in QUESTIONS]
    alike = [(a, b) for (a, left), (b, right) in itertools.combinations(stems, 2) if len(left & right) >= 0.7 * len(left | right)]
    assert alike == []


def test_every_locator_is_short_and_named_in_the_explanation():
    for question in QUESTIONS:
        locator = question["source"]["locator"]
        assert len(locator) <= 15, question["key"]
        assert f"“{locator}”" in question["explanation"], question["key"]


def test_options_are_four_in_order_and_differ():
    for question in QUESTIONS:
        if "options" in question:
            assert list(question["options"]) == ["A", "B", "C", "D"], question["key"]
            assert len(set(question["options"].values())) == 4, question["key"]
            assert question["answer"] == sorted(question["answer"]), question["key"]


def test_the_kinds_are_mixed():
    share = {kind: count / len(QUESTIONS) for kind, count in Counter(question["kind"] for question in QUESTIONS).items()}
    assert 0.4 <= share["single"] <= 0.6
    assert 0.2 <= share["multiple"] <= 0.3
    assert share["true_false"] >= 0.1 and share["blank"] >= 0.1


def test_right_letters_are_spread_over_the_four_places():
    singles = Counter(question["answer"][0] for question in SINGLES)
    assert all(0.15 <= singles[letter] / len(SINGLES) <= 0.35 for letter in "ABCD"), singles
    multiples = Counter(letter for question in QUESTIONS if question["kind"] == "multiple" for letter in question["answer"])
    assert all(0.15 <= multiples[letter] / multiples.total() <= 0.35 for letter in "ABCD"), multiples


def test_multiple_choice_does_not_always_have_the_same_number_of_right_answers():
    sizes = Counter(len(question["answer"]) for question in QUESTIONS if question["kind"] == "multiple")
    assert max(sizes.values()) <= 0.6 * sizes.total(), sizes


@pytest.mark.parametrize("stands_out", [max, min])
def test_the_length_of_an_option_does_not_give_the_answer_away(stands_out):
    """By chance the right option alone is the longest (or shortest) of four in at most a quarter of the questions."""
    given_away = []
    for question in SINGLES:
        lengths = {letter: len(option) for letter, option in question["options"].items()}
        extreme = stands_out(lengths.values())
        if [letter for letter, length in lengths.items() if length == extreme] == question["answer"]:
            given_away.append(question["key"])
    assert len(given_away) <= 0.25 * len(SINGLES), given_away


def test_about_half_of_the_true_or_false_statements_are_false():
    answers = Counter(question["answer"][0] for question in QUESTIONS if question["kind"] == "true_false")
    assert 0.4 <= answers["false"] / answers.total() <= 0.6, answers


def test_a_stem_does_not_hold_its_own_answer():
    for question in QUESTIONS:
        if question["kind"] == "single":
            assert question["options"][question["answer"][0]] not in question["stem"], question["key"]
