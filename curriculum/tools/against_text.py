"""Checks the questions of the pack against an official text: `against_text.py FILE [--text report] [--aspect N] [--lint]`.

The file is split by the product's own importer. For every question that cites the text: the locator stands in the cited unit, and the
right answer's terms and figures stand in that very passage; no wrong option does so beside them; no sentence is copied from the text.
It prints the hit rate, each miss and each warning, and ends with 1 when anything missed. No line of the text is written anywhere.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

import lint
import pack
from pack import Question, figures, plain, quoted, runs, tight

from backend.curriculum_import import split_file

COPIED, NEARLY_COPIED = 30, 20  # characters in a row: a fault, a warning
FAR = 200  # a locator so far from its answer may stand in another paragraph in another edition
NEAR = 40  # a wrong option so near to the right one is worth a look
_COUNT = re.compile(r"^(\d+|[一二两三四五六七八九十]+)(个方面|个|项|类|步|条|章|次|种|点|句|大|场|支|方面)?$")
_PIECES = re.compile(r"[、，,；;。：:（）()\s]+|以及|和|与|及")
_PLACE = re.compile(r"见(?:报告|党章|《).*$")
_FRAME = re.compile(
    r"报告|第[一二三四五六七八九十]+部分|序言|党章|按照?|所述|写明|写有|写入|提到|提出|指出|表述|论述|部署|其中|的一项|之一|同时"
)
_NUMERALS = "〇零一二两三四五六七八九十百千万亿点0-9."
_NUMBER = re.compile(rf"百分之[{_NUMERALS}]+|[{_NUMERALS}]{{2,}}%?")


@dataclass(slots=True)
class Finding:
    """What was found out about one question."""

    key: str
    misses: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def sections_of(path: Path, text: dict) -> dict[str, list[str]]:
    """The passages of each unit of the text by its key, as an import would make them."""
    titles = {unit["number"]: unit["title"] for unit in text["units"]}
    found = split_file(path.name, path.read_bytes(), form=text["form"], title=text["title"], titles=titles)
    for warning in found.warnings:
        print(f"提示：{warning}")
    keys = {unit["number"]: unit["key"] for unit in text["units"]}
    return {keys[section.number]: section.passages for section in found.sections}


def stands(term: str, passage: str) -> bool:
    """Whether `term` stands in the passage, however its figures are written; 18 does not stand in 118."""
    wanted, raw = figures(term), tight(term)
    if raw and re.search(rf"(?<![{_NUMERALS}]){re.escape(raw)}(?![〇零一二三四五六七八九0-9点.])", tight(passage)):
        return True
    before = r"(?<![\d.])" if wanted[:1].isdigit() else ""
    after = r"(?![\d.])" if wanted[-1:].isdigit() else ""
    return bool(wanted) and re.search(before + re.escape(wanted) + after, figures(passage)) is not None


def stands_in_parts(term: str, passage: str) -> bool:
    """Whether the term stands there as a whole, or else each of the items that it lists."""
    pieces = [piece for piece in _PIECES.split(term) if piece]
    return stands(term, passage) or len(pieces) > 1 and all(stands(piece, passage) for piece in pieces)


def check(question: Question, passages: list[str]) -> Finding:
    found = Finding(question["key"])
    locator = tight(question["source"]["locator"])
    there = [passage for passage in passages if locator in tight(passage)]
    if not there:
        found.misses.append(f"定位短语不在所引单元：{question['source']['locator']}")
        return found
    passage = there[0]
    {"blank": _blank, "true_false": _statement}.get(question["kind"], _options)(question, passage, found)
    if any("不在段落" in miss for miss in found.misses) and len(there) > 1:
        found.warnings.append(f"定位短语在本单元出现于 {len(there)} 段，取第一段")
    for term in quoted(question["stem"]):
        if not any(stands(term, one) for one in passages):
            found.warnings.append(f"题干引号内的词语不在所引单元：{term}")
    return found


def _options(question: Question, passage: str, found: Finding) -> None:
    right = pack.right_options(question)
    for option in right:
        if stands_in_parts(option, passage):
            _distance(question, option, passage, found)
        elif not (count := _COUNT.match(option)):
            found.misses.append(f"正确选项不在段落：{option}")
        elif (listed := _listed(question, passage)) < int(re.sub(r"\D.*", "", figures(count[1])) or 0):
            found.misses.append(f"正确选项为数目 {option}，解析中只列出段落里的 {listed} 项")
    for letter, option in question["options"].items():
        if letter not in question["answer"] and stands(option, passage) and any(_near(option, one, passage) for one in right):
            found.warnings.append(f"错误选项 {letter} 与正确选项在同一处：{option}")


def _listed(question: Question, passage: str) -> int:
    """How many different terms of the passage the explanation lists."""
    told = _PLACE.sub("", question["explanation"])
    return len({figures(piece) for piece in _PIECES.split(re.sub("[“”]", "、", told)) if len(piece) > 1 and stands(piece, passage)})


def _blank(question: Question, passage: str, found: Finding) -> None:
    best = question["answer"][0]
    if not stands(best, passage):
        found.misses.append(f"填空答案不在段落：{best}")
        return
    _distance(question, best, passage, found)
    if not pack.grams(question["stem"], 4) & pack.grams(passage, 4):
        found.warnings.append("题干与段落没有连续四字相同")


def _statement(question: Question, passage: str, found: Finding) -> None:
    told = _PLACE.sub("", question["explanation"])
    if question["answer"] == ["true"]:
        said = _FRAME.sub("", question["stem"])
        found.misses += [
            f"判断题题干的词语不在段落：{term}" for term in [*quoted(said), *_NUMBER.findall(said)] if not stands(term, passage)
        ]
        shared = pack.grams(said, 2)
        if len(shared & pack.grams(passage, 2)) < 0.3 * len(shared) or not pack.grams(said, 4) & pack.grams(passage, 4):
            found.misses.append("判断题（对）题干的字词多半不在段落")
        return
    terms = [term for term in quoted(told) if term != question["source"]["locator"] and term not in quoted(question["stem"])]
    pieces = [piece for piece in _PIECES.split(told.replace("“", "、").replace("”", "、")) if len(plain(piece)) >= 2]
    if terms and not any(stands(term, passage) for term in terms):
        found.misses.append(f"判断题（错）解析的正确词语不在段落：{'、'.join(terms)}")
    elif not terms and not any(_new_in(piece, question["stem"], passage) for piece in pieces):
        found.misses.append("判断题（错）的解析没有给出段落里的正确词语")


def _new_in(piece: str, stem: str, passage: str) -> bool:
    """Whether some four characters (or the piece, when shorter) stand in the passage but not in the stem."""
    length = min(4, len(plain(piece)))
    return bool((pack.grams(piece, length) & pack.grams(passage, length)) - pack.grams(stem, length))


def _places(term: str, passage: str) -> list[int]:
    return [hit.start() for hit in re.finditer(re.escape(figures(term)), figures(passage))]


def _near(a: str, b: str, passage: str) -> bool:
    return any(abs(x - y) <= NEAR for x in _places(a, passage) for y in _places(b, passage))


def _distance(question: Question, term: str, passage: str, found: Finding) -> None:
    at, places = _places(question["source"]["locator"], passage), _places(term, passage)
    if at and places and min(abs(x - y) for x in at for y in places) > FAR:
        found.warnings.append(f"定位短语离答案超过 {FAR} 字，其他版本可能分段：{term}")


def copied(where: str, words: str, official: str, titles: list[str]) -> tuple[list[str], list[str]]:
    """Runs copied from the text: (faults, warnings). Titles are facts and are left out first."""
    rest = words
    for title in titles:
        rest = rest.replace(title, "◇")
    found = [run for part in rest.split("◇") for run in runs(part, official, NEARLY_COPIED)]
    says = [f"{where}：与原文连续 {len(run)} 字相同：{run}" for run in found]
    return [s for s, run in zip(says, found, strict=True) if len(run) >= COPIED], [
        s for s, run in zip(says, found, strict=True) if len(run) < COPIED
    ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="用官方文本核对内容包的题目")
    parser.add_argument("file", type=Path, help="官方文本（.txt、.docx 或保存的网页）")
    parser.add_argument("--text", default="report", help="文件是哪一个学习文本，默认 report")
    parser.add_argument("--aspect", type=int, action="append", help="只查这个方面，可重复")
    parser.add_argument("--quiet", action="store_true", help="不显示提示，只显示不符")
    parser.add_argument("--lint", action="store_true", help="同时检查格式和全包规则")
    asked = parser.parse_args(arguments)
    texts = pack.read("texts.yaml")["texts"]
    text = next(one for one in texts if one["key"] == asked.text)
    passages = sections_of(asked.file, text)
    official = plain("".join(passage for unit in passages.values() for passage in unit))
    titles = sorted({unit["title"] for one in texts for unit in one["units"]} | {one["title"] for one in texts}, key=len, reverse=True)
    chosen = pack.aspects(asked.aspect)
    citing = [question for question in pack.questions(chosen) if question["source"]["text"] == asked.text]
    findings = [check(question, passages.get(question["source"]["unit"], [])) for question in citing]
    hits = sum(not finding.misses for finding in findings)
    faults: list[str] = []
    hints: list[str] = []
    for finding in findings:
        faults += [f"{finding.key}：{miss}" for miss in finding.misses]
        hints += [f"{finding.key}：{warning}" for warning in finding.warnings]
    written = [
        (f"{question['key']} {name}", words) for question in pack.questions(chosen) for name, words in pack.words_of(question).items()
    ]
    written += [(f"方面 {aspect['id']} guidance", aspect["guidance"]) for aspect in chosen]
    written += [(f"{one['key']} {unit['key']} guidance", unit["guidance"]) for one in texts for unit in one["units"] if not asked.aspect]
    if not asked.aspect and (pack.FOLDER / "syllabus.yaml").exists():
        written += [(f"第 {day['number']} 天 guidance", day["guidance"]) for day in pack.read("syllabus.yaml")["days"]]
    for where, words in written:
        too_long, long = copied(where, words, official, titles)
        faults += too_long
        hints += long
    if asked.lint:
        faults += lint.faults(chosen, whole=not asked.aspect)
    for line in faults:
        print(f"不符  {line}")
    for line in [] if asked.quiet else hints:
        print(f"提示  {line}")
    rate = f"{100 * hits / len(citing):.1f} %" if citing else "没有题目"
    print(f"引用本文本的题目 {len(citing)} 道，相符 {hits} 道（{rate}）；不符 {len(faults)} 处，提示 {len(hints)} 处")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
