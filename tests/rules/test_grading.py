"""Grading of the four kinds of questions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.rules.grading import grade, malformed, normalise_blank

LETTERS = {"A", "B", "C", "D"}
DIGITS = "零一二三四五六七八九"


def below_ten_thousand(n: int) -> str:
    """Standard Chinese numeral of 1..9999, with 零 for a gap inside."""
    written, gap = "", False
    for size, unit in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = n // size % 10
        if digit == 0:
            gap = bool(written)
            continue
        written += ("零" if gap else "") + DIGITS[digit] + unit
        gap = False
    return written


def chinese(n: int) -> str:
    """Standard Chinese numeral of 0..99999999."""
    if n == 0:
        return "零"
    high, low = divmod(n, 10_000)
    written = below_ten_thousand(high) + "万" if high else ""
    if low:
        written += ("零" if high and low < 1000 else "") + below_ten_thousand(low)
    return written


@pytest.mark.parametrize(
    ("kind", "answer", "choice", "text", "right"),
    [
        ("single", ["B"], ["B"], None, True),
        ("single", ["B"], ["A"], None, False),
        ("single", ["B"], ["A", "B"], None, False),
        ("single", ["B"], [], None, False),
        ("single", ["B"], None, "B", False),
        ("single", ["B"], ["B"], "B", False),
        ("multiple", ["A", "C"], ["C", "A"], None, True),
        ("multiple", ["A", "C"], ["A"], None, False),
        ("multiple", ["A", "C"], ["A", "B", "C"], None, False),
        ("multiple", ["A", "C"], ["A", "C", "C"], None, False),
        ("multiple", ["A"], ["A"], None, True),
        ("true_false", ["true"], ["true"], None, True),
        ("true_false", ["true"], ["false"], None, False),
        ("true_false", ["false"], ["true", "false"], None, False),
        ("blank", ["人民至上"], None, " “人民至上”。", True),
        ("blank", ["二十", "第二十次"], None, "第20次", True),
        ("blank", ["中国式现代化"], None, "现代化", False),
        ("blank", ["人民"], None, "", False),
        ("blank", ["人民"], None, None, False),
        ("blank", ["人民"], ["人民"], None, False),
        ("blank", ["。"], None, "，", False),
        ("blank", ["人民"], None, "人民" + " " * 199, False),
    ],
)
def test_a_reply_is_right_only_when_it_says_what_the_answer_says(kind, answer, choice, text, right):
    assert grade(kind, answer=answer, choice=choice, text=text) is right


@pytest.mark.parametrize(
    ("kind", "choice", "text", "said"),
    [
        ("single", ["A"], None, None),
        ("single", ["E"], None, "没有这个选项：E。"),
        ("single", ["A", "B"], None, "单选题只能选择一个选项。"),
        ("single", [], None, "请至少选择一个选项。"),
        ("single", None, None, "请至少选择一个选项。"),
        ("single", None, "A", "这道题请选择选项，不要填写文字。"),
        ("single", ["A"], "A", "选项和文字只能填写一种。"),
        ("multiple", ["A", "D"], None, None),
        ("multiple", ["A", "A"], None, "同一个选项选了不止一次。"),
        ("true_false", ["true"], None, None),
        ("true_false", ["A"], None, "没有这个选项：A。"),
        ("true_false", ["true", "false"], None, "判断题只能选择“对”或“错”中的一个。"),
        ("blank", None, "人" * 200, None),
        ("blank", None, "人" * 201, "答案最多 200 个字。"),
        ("blank", None, "  ", "请填写答案。"),
        ("blank", None, None, "请填写答案。"),
        ("blank", ["A"], None, "填空题请填写文字，不要选择选项。"),
    ],
)
def test_a_reply_of_the_wrong_shape_is_told_what_is_wrong(kind, choice, text, said):
    assert malformed(kind, keys=LETTERS, choice=choice, text=text) == said


def test_an_unknown_kind_is_a_fault_of_the_caller():
    with pytest.raises(ValueError, match="essay"):
        grade("essay", answer=[], choice=None, text="")
    with pytest.raises(ValueError, match="essay"):
        malformed("essay", keys=set(), choice=None, text="")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("二十", "20"),
        ("十", "10"),
        ("一百四十", "140"),
        ("九千六百万", "96000000"),
        ("9600万", "96,000,000"),
        ("9,600万", "九千六百万"),
        ("两", "2"),
        ("二〇三五年", "2035年"),
        ("二零三五年", "２０３５ 年"),
        ("二○三五年", "2035年"),
        ("第二十次", "第 20 次"),
        ("百分之五十", "50%"),
        ("百分之五十", "５０％"),
        ("百分之百", "100%"),
        ("百分之二十点五", "20.5%"),
        ("三点五亿", "350000000"),
        ("3.5亿", "３．５亿"),
        ("一亿两千万", "120000000"),
        ("一百五", "150"),
        ("一万零五", "10005"),
        ("一带一路", "“一带一路”"),
        ("两个一百年", "2个100年"),
        ("十、二十", "10、20"),
        ("A·B", "ａ b"),
        ("《中国共产党章程》", "中国共产党章程"),
        ("自信自强、守正创新", "自信自强，守正创新。"),
        ("十点五十分", "10点50分"),
    ],
)
def test_two_ways_of_writing_the_same_are_the_same(one, other):
    assert normalise_blank(one) == normalise_blank(other)


@pytest.mark.parametrize(
    ("one", "other"), [("二十", "二百"), ("3.5", "35"), ("50%", "50"), ("C++", "C"), ("十五", "五十"), ("1.05", "1.5")]
)
def test_what_differs_in_value_stays_different(one, other):
    assert normalise_blank(one) != normalise_blank(other)


def test_an_endless_row_of_numeral_signs_is_no_number():
    assert normalise_blank("亿" * 5000) == "亿" * 5000


LIKELY = st.text(alphabet="零〇一二两三五九十百千万亿点分之0123456789.,，、。％% “”第次年Aａ①½", max_size=30)


@given(st.text(max_size=60) | LIKELY)
def test_normalising_twice_changes_nothing_more(text):
    once = normalise_blank(text)
    assert normalise_blank(once) == once


@given(st.text(alphabet=[chr(code) for code in range(0x20, 0x7F)] + ["十", "人"], max_size=40))
def test_full_width_and_half_width_are_the_same(text):
    full = "".join("\u3000" if sign == " " else chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text)
    assert normalise_blank(full) == normalise_blank(text)


@given(st.integers(0, 99_999_999) | st.integers(0, 20_000))
def test_a_chinese_numeral_is_its_arabic_number(n):
    assert normalise_blank(chinese(n)) == str(n)
    assert normalise_blank(f"第{chinese(n)}次") == normalise_blank(f"第{n}次")
    assert normalise_blank(chinese(n).replace("一十", "十") if 10 <= n < 20 else chinese(n)) == str(n)


@given(LIKELY)
def test_a_text_is_always_equal_to_itself_in_quotation_marks(text):
    quoted = f"“{text}”"
    assert grade("blank", answer=[text], choice=None, text=quoted) is (normalise_blank(text) != "")
