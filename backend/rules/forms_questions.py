"""Rows of the question-bank form: 题型 题干 选项A … 选项H 答案 解析 出处 方面.

出处 is written `<unit>：<phrase>`: the unit as 序言, a numeral 一 … 十五 (also 第三部分, 3) or its title, 报告 before it or not;
the phrase, at most 15 characters, stands word for word in that unit. Half-width and full-width signs are alike.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TITLE = "题库"
LETTERS = "ABCDEFGH"
COLUMNS = ("题型", "题干", *(f"选项{letter}" for letter in LETTERS), "答案", "解析", "出处", "方面")
REQUIRED = ("题型", "题干", "答案", "方面")
# Columns that many lists carry and nothing is taken from.
LEFT_ASIDE = ("序号",)
KINDS = {
    "单选题": "single", "单选": "single", "多选题": "multiple", "多选": "multiple",
    "判断题": "true_false", "判断": "true_false", "填空题": "blank", "填空": "blank",
}  # fmt: skip
CHOICES = {"题型": ["单选题", "多选题", "判断题", "填空题"]}
NUMERALS = ("序言", *"一二三四五六七八九十", "十一", "十二", "十三", "十四", "十五")
TRUE, FALSE = {"对", "正确", "√", "✓", "✔", "是", "T", "TRUE"}, {"错", "错误", "×", "✗", "✘", "X", "否", "F", "FALSE"}
EXAMPLES = (
    ("单选题", "报告共有几个部分？", "十三个", "十四个", "十五个", "十六个", "", "", "", "", "C", "见目录。", "序言：大会的主题", "1"),
    ("判断题", "报告第一部分的标题含有“新时代十年”。", *[""] * 8, "对", "见标题。", "一：新时代十年", "2"),
    ("填空题", "第三部分标题中的四个字：使命____。", *[""] * 8, "任务", "见标题。", "三：使命任务", "4"),
)
MOST_STEM, MOST_OPTION, MOST_EXPLANATION, MOST_LOCATOR = 500, 200, 1000, 15


@dataclass(frozen=True, slots=True)
class QuestionDraft:
    """`answer`: letters, ["true"|"false"] or the accepted texts; `unit`: s0 … s15; `options`: (letter, text)."""

    kind: str
    stem: str
    options: list[tuple[str, str]]
    answer: list[str]
    explanation: str
    unit: str | None
    locator: str | None
    aspects: tuple[int, ...]


def question_sheet(
    rows: Sequence[tuple[int, Mapping[str, str]]], *, titles: Sequence[str] = ()
) -> tuple[list[tuple[int, QuestionDraft]], list[tuple[int, str]]]:
    """The sound rows with their numbers, and (row number, reason in Chinese) for each fault; row 1 stands for the header.

    `titles`: those of the units from the preface on, which 出处 may then use in place of a numeral. A stem that two rows share is a fault
    of the second.
    """
    if not rows:
        return [], [(1, "表中没有内容。")]
    headers = set(rows[0][1])
    faults = [(1, f"缺少“{column}”一列。") for column in REQUIRED if column not in headers]
    faults += [(1, f"不认识的列：{header}。") for header in sorted(headers - {*COLUMNS, *LEFT_ASIDE})]
    if faults:
        return [], faults
    drafts: list[tuple[int, QuestionDraft]] = []
    stems: dict[str, int] = {}
    for number, cells in rows:
        draft, reasons = question_row(cells, titles=titles)
        if draft and (first := stems.setdefault(_squeezed(draft.stem), number)) != number:
            reasons = [f"题干与第 {first} 行相同。"]
        if draft is None or reasons:
            faults += [(number, reason) for reason in reasons]
        else:
            drafts.append((number, draft))
    return drafts, faults


def question_row(cells: Mapping[str, str], *, titles: Sequence[str] = ()) -> tuple[QuestionDraft | None, list[str]]:
    """One row: the draft, or every reason why it is not sound."""
    reasons: list[str] = []
    kind = KINDS.get(_folded(cells.get("题型", "")))
    if kind is None:
        return None, ["题型应为单选题、多选题、判断题或填空题。"]
    options = _options(cells, kind, reasons)
    answer = _answer(cells.get("答案", ""), kind, reasons)
    unit, locator = _source(cells.get("出处", ""), titles, reasons)
    draft = QuestionDraft(
        kind,
        cells.get("题干", "").strip(),
        options,
        answer,
        cells.get("解析", "").strip(),
        unit,
        locator,
        _aspects(cells.get("方面", ""), reasons),
    )
    reasons += faults_of(draft) if not reasons else []
    return (None, reasons) if reasons else (draft, [])


def faults_of(draft: QuestionDraft) -> list[str]:
    """What is not sound about a question, however it came in."""
    reasons: list[str] = []
    if draft.kind not in KINDS.values():
        reasons.append("题型应为单选题、多选题、判断题或填空题。")
    if not draft.stem:
        reasons.append("题干不能为空。")
    for name, text, limit in (("题干", draft.stem, MOST_STEM), ("解析", draft.explanation, MOST_EXPLANATION)):
        if len(text) > limit:
            reasons.append(f"{name}不能超过 {limit} 个字。")
    keys = [key for key, _ in draft.options]
    texts = [_squeezed(text) for _, text in draft.options]
    if draft.kind in ("single", "multiple"):
        if not 2 <= len(keys) <= len(LETTERS) or keys != list(LETTERS[: len(keys)]):
            reasons.append("选项应从 A 起连续填写，至少两个。")
        if any(not text or len(text) > MOST_OPTION for text in texts) or len(set(texts)) != len(texts):
            reasons.append("选项不能为空、重复或过长。")
        if missing := sorted(set(draft.answer) - set(keys)):
            reasons.append(f"答案 {'、'.join(missing)} 没有对应的选项。")
        if len(set(draft.answer)) != len(draft.answer):
            reasons.append("答案中有重复的字母。")
    elif keys:
        reasons.append("判断题和填空题不填选项。")
    if draft.kind == "single" and len(draft.answer) != 1:
        reasons.append("单选题只能有一个答案。")
    if draft.kind == "multiple" and len(draft.answer) < 2:
        reasons.append("多选题至少有两个答案。")
    if draft.kind == "true_false" and draft.answer not in (["true"], ["false"]):
        reasons.append("判断题的答案应为对或错。")
    if draft.kind == "blank" and (not draft.answer or any(not a.strip() or len(a) > 200 for a in draft.answer)):
        reasons.append("填空题应有 1 到 200 个字的答案。")
    if not draft.aspects or any(not 1 <= aspect <= 9 for aspect in draft.aspects):
        reasons.append("方面应为 1 到 9，至少一个。")
    if draft.locator and len(draft.locator) > MOST_LOCATOR:
        reasons.append(f"出处的定位词不能超过 {MOST_LOCATOR} 个字。")
    return reasons


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()


def _squeezed(text: str) -> str:
    """What two spellings of one sentence have in common: width, case and spaces aside."""
    return "".join(_folded(text).casefold().split())


def _bare(text: str) -> str:
    """A unit's title without width, spaces and punctuation."""
    return re.sub(r"[\W_]+", "", _squeezed(text))


def _options(cells: Mapping[str, str], kind: str, reasons: list[str]) -> list[tuple[str, str]]:
    texts = [cells.get(f"选项{letter}", "").strip() for letter in LETTERS]
    filled = [n for n, text in enumerate(texts) if text]
    if filled and filled != list(range(len(filled))):
        reasons.append("选项应从 A 起连续填写，中间不能空。")
    return [(LETTERS[n], texts[n]) for n in filled]


def _answer(text: str, kind: str, reasons: list[str]) -> list[str]:
    if kind == "blank":
        return [part.strip() for part in re.split(r"[|｜]", text) if part.strip()]
    folded = _folded(text).upper()
    if kind == "true_false":
        return ["true"] if folded in TRUE else ["false"] if folded in FALSE else []
    letters = re.sub(r"[\s,，、;；.。/]", "", folded)
    if not letters or any(letter not in LETTERS for letter in letters):
        reasons.append("答案应为选项字母，如 B 或 ACD。")
        return []
    return sorted(letters)


def _source(text: str, titles: Sequence[str], reasons: list[str]) -> tuple[str | None, str | None]:
    """`三：使命任务`, `报告 第三部分：使命任务`, `序言：大会的主题`: the unit's key and a phrase that stands there; empty is allowed."""
    if not text.strip():
        return None, None
    head, _, locator = text.strip().replace(":", "：").partition("：")
    number = _unit_number(_folded(head), titles)
    if number is None:
        reasons.append("出处应写作“三：定位词”，冒号前为序言、一至十五或单元标题。")
        return None, None
    return f"s{number}", locator.strip() or None


def _unit_number(head: str, titles: Sequence[str]) -> int | None:
    head = re.sub(r"^《?(?:党的)?(?:二十大)?报告》?[\s,、]*", "", head)
    named = [_bare(title) for title in titles]
    without_numeral = re.sub(r"^[一二三四五六七八九十]{1,3}、", "", head)
    for spelling in (_bare(head), _bare(without_numeral)):
        if spelling and spelling in named:
            return named.index(spelling)
    short = re.sub(r"^第?\s*(.+?)\s*(?:部分)?、?$", r"\1", head).strip()
    if short in NUMERALS:
        return NUMERALS.index(short)
    return int(short) if re.fullmatch(r"\d{1,2}", short, re.ASCII) and int(short) < len(NUMERALS) else None


def _aspects(text: str, reasons: list[str]) -> tuple[int, ...]:
    parts = [part for part in re.split(r"[\s,，、;；]+", _folded(text)) if part]
    numbers = []
    for part in parts:
        if part.isdecimal():
            numbers.append(int(part))
        elif len(part) == 1 and part in "一二三四五六七八九":
            numbers.append("一二三四五六七八九".index(part) + 1)
        else:
            reasons.append(f"方面“{part}”应为 1 到 9。")
    return tuple(sorted(set(numbers)))
