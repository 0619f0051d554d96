"""Grading of answers: option letters are compared as sets, blanks after folding away what is only a way of writing."""

import functools
import re
import unicodedata
from fractions import Fraction

KINDS = ("single", "multiple", "true_false", "blank")
TRUE_FALSE = frozenset({"true", "false"})
MAX_TEXT = 200  # characters of one blank

_DIGITS = str.maketrans("零〇○一二两三四五六七八九", "0001223456789")
_UNITS = (("亿", 10**8), ("万", 10**4), ("千", 1000), ("百", 100), ("十", 10))
# A longer row of numeral signs is no number a person would write, and its value could have thousands of digits.
_LONGEST_NUMERAL = 40
_THOUSANDS = re.compile(r"(?<![0-9.])[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])")
_POINT_WORD = re.compile(r"(?<=[0-9十百千万亿])点(?=[0-9]+(?![0-9十百千]))")
_NUMERAL = re.compile(r"(百分之)?((?:[0-9十百千万亿]|(?<=[0-9十百千万亿])\.(?=[0-9]))+)")
_STRAY_POINT = re.compile(r"(?<![0-9])\.|\.(?![0-9])")
# Signs that Unicode counts as symbols although people type them as punctuation (～ is folded to ~).
_PUNCTUATION_SYMBOLS = frozenset("^`|~")
_KEPT = frozenset(".%‰")


def grade(kind: str, *, answer: list[str], choice: list[str] | None, text: str | None) -> bool:
    """True when the reply is right: the same set of letters (or the same of true/false), or a text equal to one of the accepted
    ones after `normalise_blank`. A reply of the wrong shape is not right. Raises ValueError for an unknown kind."""
    _known(kind)
    if kind == "blank":
        if choice is not None or text is None or len(text) > MAX_TEXT:
            return False
        given = normalise_blank(text)
        return given != "" and any(given == normalise_blank(accepted) for accepted in answer)
    if text is not None or not choice or len(set(choice)) != len(choice):
        return False
    if kind != "multiple" and len(choice) != 1:
        return False
    return set(choice) == set(answer)


def malformed(kind: str, *, keys: set[str], choice: list[str] | None, text: str | None) -> str | None:
    """None when the reply has the shape its kind asks for, else a Chinese sentence saying what is wrong with it.

    `keys` are the question's option letters; for true_false the keys are always "true" and "false".
    Raises ValueError for an unknown kind."""
    _known(kind)
    if choice is not None and text is not None:
        return "选项和文字只能填写一种。"
    if kind == "blank":
        return _malformed_text(choice, text)
    if text is not None:
        return "这道题请选择选项，不要填写文字。"
    if not choice:
        return "请至少选择一个选项。"
    if len(set(choice)) != len(choice):
        return "同一个选项选了不止一次。"
    unknown = [key for key in choice if key not in (TRUE_FALSE if kind == "true_false" else keys)]
    if unknown:
        return f"没有这个选项：{'、'.join(key[:20] for key in unknown[:5])}。"
    if kind == "single" and len(choice) > 1:
        return "单选题只能选择一个选项。"
    if kind == "true_false" and len(choice) > 1:
        return "判断题只能选择“对”或“错”中的一个。"
    return None


# Accepted texts come again with every answer, and so do most of those given.
@functools.lru_cache(maxsize=2048)
def normalise_blank(text: str) -> str:
    """The form in which two texts for a blank are compared; idempotent, never shown to anyone.

    Folds width and case; drops spaces, punctuation and quotation marks; writes every Chinese numeral in Arabic digits
    (二十 = 20, 9600万 = 96000000, 二〇三五 = 2035, 百分之五十 = 50%, 三点五 = 3.5, also 一带一路 = 1带1路 on both sides). Kept are the
    signs that change a value: % ‰ + < = > and a point between two digits."""
    # Dropping a sign may bring a numeral together that was none before, so one pass is repeated until nothing changes;
    # every pass that changes anything leaves fewer numeral signs or punctuation marks, so it ends.
    while (folded := _fold(text)) != text:
        text = folded
    return text


def _known(kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(f"unknown kind of question: {kind!r}")


def _malformed_text(choice: list[str] | None, text: str | None) -> str | None:
    if choice is not None:
        return "填空题请填写文字，不要选择选项。"
    if text is None or not text.strip():
        return "请填写答案。"
    if len(text) > MAX_TEXT:
        return f"答案最多 {MAX_TEXT} 个字。"
    return None


def _fold(text: str) -> str:
    text = unicodedata.normalize("NFKC", text.casefold())
    text = "".join(sign for sign in text if unicodedata.category(sign) not in ("Zs", "Zl", "Zp", "Cc", "Cf", "Cs"))
    text = text.translate(_DIGITS)
    text = _THOUSANDS.sub(lambda found: found[0].replace(",", ""), text)
    text = _POINT_WORD.sub(".", text)
    # Numerals before punctuation: 十、二十 are two numbers, as 10、20 are.
    text = _NUMERAL.sub(_in_digits, text)
    text = _STRAY_POINT.sub("", text)
    return "".join(sign for sign in text if sign in _KEPT or not _is_punctuation(sign))


def _is_punctuation(sign: str) -> bool:
    return sign in _PUNCTUATION_SYMBOLS or unicodedata.category(sign).startswith("P")


def _in_digits(found: re.Match[str]) -> str:
    numeral, sign = found[2], "%" if found[1] else ""
    has_unit = any(unit in numeral for unit, _ in _UNITS)
    if not has_unit or len(numeral) > _LONGEST_NUMERAL or re.search(r"\.[0-9]+\.", numeral):
        return numeral + sign
    return _decimal(_value(numeral)) + sign


def _value(numeral: str) -> Fraction:
    """The number that a row of digits, points and units stands for; 一百五 is 150 and 一万二 is 12000, as they are spoken."""
    for unit, size in _UNITS:
        if unit not in numeral:
            continue
        left, right = numeral.rsplit(unit, 1)
        times = _value(left) if left else Fraction(1)
        if not right:
            return times * size
        spoken_short = len(right) == 1 and size >= 100
        return times * size + (Fraction(int(right) * size, 10) if spoken_short and right.isdigit() else _value(right))
    return Fraction(numeral)


def _decimal(value: Fraction) -> str:
    places = 0
    while (value * 10**places).denominator != 1:
        places += 1
    digits = str(int(value * 10**places)).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits
