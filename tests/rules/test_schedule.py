"""Laying out a plan."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.rules.schedule import AspectWithoutPassages, LaidDay, QuestionRef, lay_out, portions

FIRST = date(2023, 3, 1)


def days(count: int) -> list[date]:
    return [FIRST + timedelta(days=i) for i in range(count)]


def test_aspects_take_turns_and_passages_follow_in_reading_order():
    laid = lay_out(days(4), [2, 1], {1: [11, 12, 13], 2: [21]}, {}, {}, 3)
    assert [(day.aspects, day.passages) for day in laid] == [((2,), (21,)), ((1,), (11,)), ((2,), (21,)), ((1,), (12, 13))]


def test_neighbouring_aspects_share_a_day_when_days_are_few():
    laid = lay_out(days(2), [1, 2, 3], {1: [11, 99], 2: [99, 21], 3: [99, 31]}, {}, {}, 3)
    assert laid == [LaidDay(FIRST, (1,), (11, 99), ()), LaidDay(days(2)[1], (2, 3), (99, 21, 31), ())]


def test_questions_come_from_the_passages_then_their_sections_then_the_aspect():
    far, near, tied = QuestionRef(1, None, 9), QuestionRef(2, 12, None), QuestionRef(3, 11, 1)
    (day,) = lay_out(days(1), [1], {1: [11]}, {1: [far, near, tied]}, {11: 1, 12: 1}, 3)
    assert day.questions == (3, 2, 1)


def test_no_question_comes_back_while_another_was_never_asked():
    bank = {1: [QuestionRef(n, 11 if n < 3 else None, None) for n in range(6)]}
    laid = lay_out(days(3), [1], {1: [11]}, bank, {}, 3)
    assert [day.questions for day in laid] == [(0, 1, 2), (3, 4, 5), (0, 1, 2)]


def test_a_question_of_two_aspects_is_asked_once_on_a_day_that_has_both():
    shared = QuestionRef(1, None, None)
    (day,) = lay_out(days(1), [1, 2], {1: [11], 2: [21]}, {1: [shared], 2: [shared, QuestionRef(2, None, None)]}, {}, 5)
    assert day.questions == (1, 2)


@pytest.mark.parametrize(("wanted", "expected"), [(0, 0), (3, 3), (5, 5), (9, 5)])
def test_a_day_asks_at_most_five_questions(wanted, expected):
    bank = {1: [QuestionRef(n, None, None) for n in range(8)]}
    (day,) = lay_out(days(1), [1], {1: [11]}, bank, {}, wanted)
    assert len(day.questions) == expected


def test_an_aspect_without_passages_is_named():
    with pytest.raises(AspectWithoutPassages, match="方面 2 ") as caught:
        lay_out(days(3), [1, 2], {1: [11], 2: []}, {}, {}, 3)
    assert caught.value.aspect == 2


@pytest.mark.parametrize(("aspects", "wanted"), [([], 3), ([1, 1], 3), ([1], -1)])
def test_a_plan_that_makes_no_sense_is_refused(aspects, wanted):
    with pytest.raises(ValueError, match="aspect|negative"):
        lay_out(days(3), aspects, {1: [11]}, {}, {}, wanted)


def test_without_days_nothing_is_laid_out():
    assert lay_out([], [1], {1: [11]}, {}, {}, 3) == []


@st.composite
def curricula(draw):
    """Days in any order, aspects, passages that may serve two aspects, sections, and questions tied to some of them."""
    aspects = draw(st.permutations(range(1, draw(st.integers(1, 9)) + 1)))
    passages = {aspect: draw(st.lists(st.integers(1, 30), min_size=1, max_size=9, unique=True)) for aspect in aspects}
    sections = {passage: passage % 5 for ids in passages.values() for passage in ids}
    number = iter(range(1, 1000))
    ties = st.tuples(st.none() | st.integers(1, 30), st.none() | st.integers(0, 4))
    questions = {aspect: [QuestionRef(next(number), *tie) for tie in draw(st.lists(ties, max_size=12))] for aspect in aspects}
    chosen = draw(st.lists(st.integers(0, 120), min_size=1, max_size=40, unique=True))
    dates = [FIRST + timedelta(days=offset) for offset in chosen]
    return dates, aspects, passages, questions, sections, draw(st.integers(0, 6))


def even(counts) -> bool:
    return max(counts) - min(counts) <= 1


@given(curricula())
def test_every_aspect_and_every_passage_is_covered_evenly(curriculum):
    dates, aspects, passages, *_ = curriculum
    laid = lay_out(*curriculum)
    assert [day.date for day in laid] == sorted(dates)
    times = Counter(aspect for day in laid for aspect in day.aspects)
    assert set(times) == set(aspects)
    assert even(times.values())
    assert even([len(day.aspects) for day in laid])
    for aspect in aspects:
        if len(dates) < len(aspects):
            continue  # several aspects share a day: what each of them reads is seen in the next test
        own = [day.passages for day in laid if day.aspects == (aspect,)]
        read = [passage for portion in own for passage in portion]
        assert read[: len(passages[aspect])] == passages[aspect][: len(read)]
        assert set(read) == set(passages[aspect]) or len(read) < len(passages[aspect])
        assert even(Counter(read).values())
        assert even([len(portion) for portion in own])


@given(curricula())
def test_every_passage_is_read_on_enough_days_and_nothing_twice_a_day(curriculum):
    _, aspects, passages, *_ = curriculum
    laid = lay_out(*curriculum)
    for day in laid:
        assert day.passages
        assert len(set(day.passages)) == len(day.passages)
        assert len(set(day.questions)) == len(day.questions)
        assert set(day.passages) <= {passage for aspect in day.aspects for passage in passages[aspect]}
    for aspect in aspects:
        read = {passage for day in laid if aspect in day.aspects for passage in day.passages}
        assert set(passages[aspect]) <= read


@given(curricula())
def test_questions_belong_to_the_day_and_are_asked_evenly(curriculum):
    *_, questions, _, wanted = curriculum
    laid = lay_out(*curriculum)
    asked = Counter()
    for day in laid:
        pool = {question.id for aspect in day.aspects for question in questions[aspect]}
        assert set(day.questions) <= pool
        assert len(day.questions) == min(wanted, 5, len(pool))
        left_out = pool - set(day.questions)
        if day.questions and left_out:
            assert max(asked[question] for question in day.questions) <= min(asked[question] for question in left_out)
        asked.update(day.questions)


@given(curricula())
def test_the_same_curriculum_gives_the_same_plan(curriculum):
    dates, *rest = curriculum
    assert lay_out(dates, *rest) == lay_out(sorted(dates, reverse=True), *rest)


def test_portions_are_of_about_the_same_length():
    assert portions([100, 560, 200, 230, 250], 3) == [[0, 1], [2], [3, 4]], "cut where a third and two thirds are nearest"
    assert portions([1, 1, 1, 1, 1, 1, 1, 1, 1], 3) == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert portions([900, 1, 1], 3) == [[0], [1], [2]], "a long first passage leaves one for every other day"


def test_with_fewer_passages_than_days_the_long_one_comes_again():
    assert portions([144, 149, 433], 5) == [[0], [1], [2], [2], [2]]
    assert portions([1], 4) == [[0]] * 4


@given(st.lists(st.integers(1, 900), min_size=1, max_size=40), st.integers(1, 12))
def test_portions_hold_every_passage_in_order_and_leave_no_day_empty(lengths: list[int], count: int):
    found = portions(lengths, count)
    assert len(found) == count and all(found)
    flat = [place for run in found for place in run]
    assert flat == sorted(flat)
    if len(lengths) >= count:
        assert flat == list(range(len(lengths)))
