"""The identity of passages over a second import: `backend/rules/passages.py`."""

from __future__ import annotations

import time

from congress_text import filler
from hypothesis import given
from hypothesis import strategies as st

from backend.rules.passages import digest, match_passages

OLD = [(10 + number, filler(number, number)) for number in range(6)]
TEXTS = [text for _, text in OLD]
IDS = [passage_id for passage_id, _ in OLD]


def test_a_digest_does_not_see_width_and_spaces():
    assert digest("第１部分，　用于 测试。") == digest("第1部分,用于测试。")
    assert digest("第一段。") != digest("第二段。")
    assert len(digest("")) == 64


def test_an_unchanged_text_keeps_every_id():
    assert match_passages(OLD, TEXTS) == IDS


def test_a_corrected_passage_keeps_its_id():
    corrected = [text.replace("至此结束", "到此结束") if number == 2 else text for number, text in enumerate(TEXTS)]
    assert match_passages(OLD, corrected) == IDS


def test_an_inserted_passage_is_new_and_a_removed_one_is_gone():
    new = "这一段是后来加上的，与其他各段的文字都不相同，所以不会被认作其中的任何一段。"
    assert match_passages(OLD, [*TEXTS[:3], new, *TEXTS[4:]]) == [*IDS[:3], None, *IDS[4:]]
    assert match_passages(OLD, [new, *TEXTS]) == [None, *IDS]
    assert match_passages(OLD, TEXTS[1:]) == IDS[1:]


def test_a_rewritten_passage_is_new():
    assert match_passages([(1, "甲乙丙丁戊己庚辛")], ["子丑寅卯辰巳午未"]) == [None]
    assert match_passages([(1, "甲乙丙丁戊己庚辛")], ["辛庚己戊丁丙乙甲"]) == [None]
    assert match_passages([(1, "甲乙丙丁戊己庚辛壬癸")], ["甲乙丙丁戊己庚子丑寅"]) == [None]


def test_ids_never_cross():
    assert match_passages([(1, TEXTS[1]), (2, TEXTS[2])], [TEXTS[2], TEXTS[1]]) in ([2, None], [None, 1])


def test_of_two_similar_passages_the_better_pairs_are_kept():
    first, second = "用于测试的一段文字，共有若干个字，编号为一。", "用于测试的一段文字，共有若干个字，编号为二。"
    assert match_passages([(1, first), (2, second)], [first + "！", second + "！"]) == [1, 2]
    assert match_passages([(1, first), (2, second)], [second + "！"]) == [2]


def test_a_passage_without_text_is_never_matched():
    assert match_passages([(1, None), (2, "")], ["第一段。"]) == [None]


def test_two_quite_different_long_texts_are_compared_quickly():
    old = [(number, "".join(chr(0x4E00 + (number * 97 + k * 31) % 3000) for k in range(1500))) for number in range(30)]
    new = ["".join(chr(0x5E00 + (number * 89 + k * 37) % 3000) for k in range(1500)) for number in range(30)]
    start = time.perf_counter()
    assert match_passages(old, new) == [None] * 30
    assert time.perf_counter() - start < 10


SHORT_TEXTS = st.lists(st.sampled_from("甲 乙 丙 丁 甲乙丙丁戊 甲乙丙丁己".split()), max_size=7)


@given(SHORT_TEXTS, SHORT_TEXTS)
def test_each_id_is_used_once_and_in_order(old: list[str], new: list[str]):
    ids = [found for found in match_passages(list(enumerate(old)), new) if found is not None]
    assert ids == sorted(set(ids))


def test_a_text_of_thousands_of_similar_corrected_passages_is_matched_in_bounded_time():
    old = [filler(number // 50, number) for number in range(3000)]
    start = time.process_time()
    ids = match_passages(list(enumerate(old)), [text.replace("至此结束", "到此结束") for text in old])
    assert time.process_time() - start < 10
    found = [number for number in ids if number is not None]
    assert len(found) > 1000 and found == sorted(set(found))


def test_a_long_text_corrected_in_every_passage_keeps_every_id():
    old = ["".join(chr(0x4E00 + (number * 97 + k * k * 31) % 3001) for k in range(150)) for number in range(1000)]
    assert match_passages(list(enumerate(old)), [f"{text[:75]}改{text[76:]}" for text in old]) == list(range(1000))
