"""The ninety days: everything once, each aspect again and again, a review every seventh day, no question twice but on a review."""

from collections import Counter

import pytest
from pack_tools import DAYS, QUESTIONS, UNITS, copy, faults, lint, read

from backend.curriculum_syllabus import faults as reference_faults

READING = [day for day in DAYS if not day["review"]]
REVIEWS = [day for day in DAYS if day["review"]]
WEEK = 7


def units_of(day):
    return {(unit["text"], unit["unit"]) for unit in day["units"]}


def asked_of(day):
    return [QUESTIONS[key] for key in day["questions"]]


def test_there_are_ninety_days_in_order_with_titles_and_guidance_of_their_own():
    assert [day["number"] for day in DAYS] == list(range(1, 91))
    for name in ("title", "guidance"):
        assert len({day[name] for day in DAYS}) == 90
    assert all(30 <= len(day["guidance"]) <= 120 for day in DAYS)


def test_every_seventh_day_is_a_review_and_no_other():
    assert [day["number"] for day in REVIEWS] == list(range(7, 91, 7))


def test_everything_is_read_and_the_report_in_its_own_order():
    assert set().union(*map(units_of, READING)) == set(UNITS)
    parts = [unit["unit"] for day in READING for unit in day["units"] if unit["text"] == "report"]
    assert list(dict.fromkeys(parts)) == [f"s{number}" for number in range(16)]
    assert parts == sorted(parts, key=lambda key: int(key[1:])), "a unit's days stand together"


def test_no_question_comes_twice_but_on_a_review():
    counts = Counter(key for day in READING for key in day["questions"])
    assert [key for key, count in counts.items() if count > 1] == []


def test_every_day_asks_three_to_five_questions_and_of_each_of_its_aspects_one():
    for day in DAYS:
        assert 3 <= len(day["questions"]) == len(set(day["questions"])) <= 5, day["number"]
        aspects = {aspect for question in asked_of(day) for aspect in question["aspects"]}
        assert set(day["aspects"]) <= aspects, day["number"]
        assert all(set(question["aspects"]) & set(day["aspects"]) for question in asked_of(day)), day["number"]


def test_a_day_of_the_report_asks_about_what_it_reads():
    for day in READING:
        if any(text == "report" for text, _ in units_of(day)):
            places = {(question["source"]["text"], question["source"]["unit"]) for question in asked_of(day)}
            assert places <= units_of(day), day["number"]
            assert set(day["aspects"]) <= {aspect for unit in units_of(day) for aspect in UNITS[unit]["aspects"]}, day["number"]


def test_nothing_is_asked_before_it_was_read():
    read_so_far = set()
    for day in DAYS:
        read_so_far |= units_of(day)
        places = {(question["source"]["text"], question["source"]["unit"]) for question in asked_of(day)}
        assert places <= read_so_far, day["number"]


def test_no_question_shows_the_answer_of_another_on_the_same_day():
    assert [pair for day in DAYS for pair in lint.told_by_another(asked_of(day))] == []


def test_a_question_that_shows_the_answer_of_another_is_told():
    blank = {"key": "a", "kind": "blank", "stem": "计划要求先易____。", "answer": ["后难"]}
    single = {"key": "b", "kind": "single", "stem": "计划要求先易后难，先办什么？", "options": {"A": "容易的事"}, "answer": ["A"]}
    other = {"key": "c", "kind": "true_false", "stem": "先办容易的事。", "answer": ["true"]}
    assert lint.told_by_another([blank, other]) == []
    assert lint.told_by_another([blank, single, other]) == [("a", "b"), ("b", "c")]


def test_a_review_asks_again_what_was_asked_before_and_no_two_reviews_the_same():
    before, again = set(), Counter()
    for day in DAYS:
        if day["review"]:
            assert set(day["questions"]) <= before, day["number"]
            assert units_of(day) <= {unit for earlier in READING if earlier["number"] < day["number"] for unit in units_of(earlier)}
            again.update(day["questions"])
        before |= set(day["questions"])
    assert [key for key, count in again.items() if count > 1] == []


@pytest.mark.parametrize("aspect", range(1, 10))
def test_each_aspect_comes_back_twice_and_once_a_week_later(aspect):
    """Days that look back at it: reviews, and days that ask about it without reading about it."""
    read_on = [day["number"] for day in READING if any(aspect in UNITS[unit]["aspects"] for unit in units_of(day))]
    back = [day["number"] for day in DAYS if aspect in day["aspects"] and day["number"] not in read_on and day["number"] > read_on[0]]
    assert len(back) >= 2 and back[-1] >= read_on[0] + WEEK, (read_on, back)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ({"number": 3}, "应为第 1 天"),
        ({"units": [{"text": "report", "unit": "s99"}]}, "没有单元 report s99"),
        ({"questions": ["a1-s0-98"]}, "没有题目 a1-s0-98"),
    ],
)
def test_a_day_that_refers_to_nothing_is_told(spoil, told):
    syllabus = copy(read("syllabus.yaml"))
    assert reference_faults(syllabus, units=set(UNITS), questions=set(QUESTIONS)) == []
    syllabus["days"][0] |= spoil
    assert told in [fault["message"] for fault in reference_faults(syllabus, units=set(UNITS), questions=set(QUESTIONS))]


@pytest.mark.parametrize("spoil", [{"guidance": "太短。"}, {"questions": ["a1-s0-01"]}, {"units": []}, {"review": "是"}, {"extra": 1}])
def test_the_schema_refuses_a_spoilt_day(spoil):
    assert faults(DAYS[0], "day") == []
    assert faults(copy(DAYS[0]) | spoil, "day") != []
