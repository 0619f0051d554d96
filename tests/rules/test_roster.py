"""Which row of a roster file is which member."""

from __future__ import annotations

import pytest

from backend.rules import names, phones, roster
from backend.rules.roster import Known, Row

ANN, BEN = Known(1, "安敏", "a"), Known(2, "白杰")


def match(rows: list[Row], *known: Known) -> tuple[dict, dict]:
    found, faults = roster.match(rows, known)
    assert sorted([*found, *(number for number, _ in faults)]) == [row.number for row in rows]
    return found, dict(faults)


@pytest.mark.parametrize(
    ("rows", "known", "found"),
    [
        ([Row(2, "新人")], [ANN], {2: None}),
        ([Row(2, "安敏", ["a"])], [ANN], {2: 1}),
        ([Row(2, "改了名", ["old", "a"])], [ANN], {2: 1}),
        ([Row(2, "安　敏")], [ANN, BEN], {2: 1}),
        ([Row(2, "白杰", ["b"])], [ANN, BEN], {2: 2}),
        ([Row(2, "安敏", ["a"]), Row(3, "安敏", ["c"])], [ANN], {2: 1, 3: None}),
        ([Row(2, "同名", ["x"]), Row(3, "同名", ["y"])], [], {2: None, 3: None}),
        ([Row(2, "安敏", ["z"])], [Known(1, "安敏", "a", active=False)], {2: None}),
    ],
)
def test_a_row_is_a_member_by_phone_or_by_a_name_without_doubt(rows, known, found):
    assert match(rows, *known) == (found, {})


@pytest.mark.parametrize(
    ("rows", "known", "faults"),
    [
        ([Row(2, "安敏", ["a"]), Row(3, "安敏", ["a"])], [ANN], {3: roster.TWICE.format(2)}),
        ([Row(2, "同名"), Row(3, "同 名")], [], {2: roster.SAME_NAMES, 3: roster.SAME_NAMES}),
        ([Row(2, "同名", ["x"]), Row(3, "同名")], [], {3: roster.SAME_NAMES}),
        ([Row(2, "白杰", ["x"]), Row(3, "白杰", ["y"])], [BEN], {2: roster.SAME_NAMES, 3: roster.SAME_NAMES}),
        ([Row(2, "同名")], [Known(1, "同名"), Known(2, "同名")], {2: roster.SEVERAL}),
        ([Row(2, "安敏", ["z"])], [ANN], {2: roster.OTHER_PHONE}),
        ([Row(2, "安敏", ["a"])], [Known(1, "安敏", "a", active=False)], {2: roster.LEFT}),
        ([Row(2, "白杰")], [Known(2, "白杰", active=False)], {2: roster.LEFT}),
    ],
)
def test_a_row_that_could_be_two_people_is_a_fault(rows, known, faults):
    assert match(rows, *known)[1] == faults


@pytest.mark.parametrize(("typed", "tidy"), [(" 张 　三\t", "张 三"), ("a\u200bb\x00c\ud800", "abc"), ("\u2028", ""), ("𠮷野", "𠮷野")])
def test_a_name_is_stored_tidy(typed, tidy):
    assert names.tidy(typed) == tidy
    assert names.key("ＡＢ 组") == names.key("ab组")


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("13800138000", "13800138000"),
        ("+86 138-0013-8000", "13800138000"),
        ("008613800138000", "13800138000"),
        ("１３８００１３８０００", "13800138000"),
        ("8613800138", None),
        ("12800138000", None),
        ("138001380001", None),
        ("١٣٨٠٠١٣٨٠٠٠", None),
        ("", None),
    ],
)
def test_a_phone_number_is_eleven_digits_however_it_is_typed(typed, plain):
    assert phones.plain(typed) == plain
