"""The rules of the pack that need no official text: `lint.py [--aspect N]`. tests/test_curriculum_pack_questions.py applies the same.

For some aspects alone the shares are shown and only what must hold of each question is a fault.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pack
from jsonschema import Draft202012Validator
from pack import Question, figures, grams, plain

ALIKE = 0.7  # of the trigrams of two stems in common
FEWEST = 360
FEWEST_OF_ASPECT = 30
FEWEST_OF_UNIT = 15
SHARES = {"single": (0.45, 0.55), "multiple": (0.22, 0.28), "true_false": (0.08, 0.20), "blank": (0.08, 0.20)}
LEAST_OF_LEVEL = 0.15
CHI_SQUARE = 7.81  # three degrees of freedom, one chance in twenty
STANDS_OUT = (0.20, 0.30)  # the option that alone is longest (shortest) of four is the right one
HALF = (0.40, 0.60)
_HOW_MANY = re.compile(r"(?:哪|下列|其中)[两二三四2-4](?:个|项|条|种|类|组|场|句|章|方面)|各是哪一")


def schema_faults(aspect: dict[str, Any]) -> list[str]:
    schema = json.loads((pack.FOLDER / "schema.json").read_text("utf-8"))
    validator = Draft202012Validator({"$defs": schema["$defs"], "$ref": "#/$defs/aspect"})
    faults = []
    for error in validator.iter_errors(aspect):
        path = list(error.absolute_path)
        key = (
            aspect["questions"][path[1]].get("key", path[1]) if path[:1] == ["questions"] and len(path) > 1 else f"方面 {aspect.get('id')}"
        )
        faults.append(f"{key}：{'/'.join(map(str, path[2:]))} {error.message[:160]}")
    return faults


def place_faults(aspects: Sequence[dict[str, Any]]) -> list[str]:
    """Keys, units and aspects that do not fit together, and explanations that do not name their place."""
    units = {(text["key"], unit["key"]): unit for text in pack.read("texts.yaml")["texts"] for unit in text["units"]}
    faults = []
    for aspect in aspects:
        for question in aspect["questions"]:
            key, source = question["key"], question["source"]
            unit = units.get((source["text"], source["unit"]))
            if unit is None:
                faults.append(f"{key}：没有这个单元 {source['text']} {source['unit']}")
            elif not set(question["aspects"]) <= set(unit["aspects"]):
                faults.append(f"{key}：方面不在单元的方面之中")
            if aspect["id"] not in question["aspects"]:
                faults.append(f"{key}：aspects 没有本文件的方面")
            if not key.startswith(f"a{aspect['id']}-{source['unit']}-"):
                faults.append(f"{key}：编号与方面或单元不一致")
            if plain(source["locator"]) not in plain(question["explanation"]):
                faults.append(f"{key}：解析没有写出定位短语 {source['locator']}")
    return faults


def option_faults(questions: Sequence[Question]) -> list[str]:
    faults = []
    for question in questions:
        if options := question.get("options"):
            key = question["key"]
            if list(options) != ["A", "B", "C", "D"] or len({figures(option) for option in options.values()}) < 4:
                faults.append(f"{key}：选项应为 A、B、C、D 且各不相同")
            if question["answer"] != sorted(question["answer"]):
                faults.append(f"{key}：答案字母应按顺序")
            if max(map(len, options.values())) > 2 * min(map(len, options.values())) + 2:
                faults.append(f"{key}：选项长短相差过大")
    return faults


def own_answer_faults(questions: Sequence[Question]) -> list[str]:
    """Stems that hold their own answer."""
    faults = []
    for question in questions:
        stem = figures(question["stem"])
        answers = {"single": pack.right_options, "blank": lambda q: q["answer"][:1]}.get(question["kind"], lambda q: [])(question)
        if any(figures(answer) in stem for answer in answers):
            faults.append(f"{question['key']}：题干含有自己的答案")
    return faults


def counted_faults(questions: Sequence[Question]) -> list[str]:
    """Stems of multiple choice that tell how many options are right."""
    return [f"{q['key']}：多选题的题干说出了正确选项的个数" for q in questions if q["kind"] == "multiple" and _HOW_MANY.search(q["stem"])]


def doubled(questions: Sequence[Question]) -> list[str]:
    """Keys and stems that stand twice, and stems that are nearly the same."""
    faults = []
    for name in ("key", "stem"):
        faults += [f"{value}：重复" for value, count in Counter(question[name] for question in questions).items() if count > 1]
    stems = [(question["key"], grams(question["stem"])) for question in questions]
    for (a, left), (b, right) in itertools.combinations(stems, 2):
        if len(left & right) >= ALIKE * len(left | right):
            faults.append(f"{a} 与 {b}：题干几乎相同")
    return faults


def uneven(counts: Counter[str]) -> float:
    """Chi-square of the four letters against an even spread."""
    expected = counts.total() / 4
    return sum((counts[letter] - expected) ** 2 / expected for letter in "ABCD") if expected else 0.0


def letters(questions: Sequence[Question], kind: str) -> Counter[str]:
    return Counter(letter for question in questions if question["kind"] == kind for letter in question["answer"])


def given_away(questions: Sequence[Question], extreme: Callable[..., int]) -> tuple[int, int]:
    """(singles whose one longest (shortest) option is the right one, singles with one longest (shortest) option)."""
    right = alone = 0
    for question in questions:
        if question["kind"] != "single":
            continue
        lengths = {letter: len(option) for letter, option in question["options"].items()}
        standing_out = [letter for letter, length in lengths.items() if length == extreme(lengths.values())]
        if len(standing_out) == 1:
            alone += 1
            right += standing_out == question["answer"]
    return right, alone


def told_by_another(questions: Sequence[Question]) -> list[tuple[str, str]]:
    """Of questions asked together, the pairs (a, b) where b shows what a asks: the words of a blank with what stands beside it, or the
    right option of a single in the stem of b."""
    found = []
    for a, b in itertools.permutations(questions, 2):
        if a["kind"] == "blank":
            before, after = a["stem"].split("____")
            answer = a["answer"][0]
            shown = figures(" ".join([b["stem"], *b.get("options", {}).values()]))
            beside = [figures(before[-3:] + answer), figures(answer + after[:3])]
            if any(len(words) >= 4 and words in shown for words in beside):
                found.append((a["key"], b["key"]))
        elif a["kind"] == "single":
            right = figures(pack.right_options(a)[0])
            if len(right) >= 4 and right in figures(b["stem"]):
                found.append((a["key"], b["key"]))
    return found


def share_faults(questions: Sequence[Question]) -> list[str]:
    """What holds of the pack as a whole: counts, kinds, levels, letters, lengths."""
    faults = []
    total = len(questions)
    if total < FEWEST:
        faults.append(f"全包 {total} 题，少于 {FEWEST}")
    by_aspect = Counter(aspect for question in questions for aspect in question["aspects"])
    faults += [f"方面 {a} 只有 {by_aspect[a]} 题" for a in range(1, 10) if by_aspect[a] < FEWEST_OF_ASPECT]
    by_unit = Counter(question["source"]["unit"] for question in questions if question["source"]["text"] == "report")
    faults += [f"单元 s{n} 只有 {by_unit[f's{n}']} 题" for n in range(16) if by_unit[f"s{n}"] < FEWEST_OF_UNIT]
    kinds, levels = Counter(question["kind"] for question in questions), Counter(question["level"] for question in questions)
    for kind, (least, most) in SHARES.items():
        if not least <= kinds[kind] / total <= most:
            faults.append(f"题型 {kind} 占 {kinds[kind] / total:.1%}，应为 {least:.0%}–{most:.0%}")
    faults += [f"难度 {n} 占 {levels[n] / total:.1%}，少于 {LEAST_OF_LEVEL:.0%}" for n in (1, 2, 3) if levels[n] < LEAST_OF_LEVEL * total]
    for kind in ("single", "multiple"):
        if (value := uneven(letters(questions, kind))) > CHI_SQUARE:
            faults.append(f"{kind} 的答案字母分布不均，卡方 {value:.2f} > {CHI_SQUARE}")
    for name, extreme in (("最长", max), ("最短", min)):
        right, alone = given_away(questions, extreme)
        if not STANDS_OUT[0] <= right / max(alone, 1) <= STANDS_OUT[1]:
            faults.append(f"唯一{name}的选项是答案的占 {right}/{alone}，应为 20%–30%")
    sizes = Counter(len(question["answer"]) for question in questions if question["kind"] == "multiple")
    if max(sizes.values(), default=0) > 0.6 * sizes.total():
        faults.append(f"多选题的答案个数过于一律：{dict(sizes)}")
    truth = Counter(question["answer"][0] for question in questions if question["kind"] == "true_false")
    if not HALF[0] <= truth["false"] / max(truth.total(), 1) <= HALF[1]:
        faults.append(f"判断题中错的占 {truth['false']}/{truth.total()}")
    return faults


def faults(aspects: Sequence[dict[str, Any]], *, whole: bool) -> list[str]:
    questions = pack.questions(aspects)
    found = [fault for aspect in aspects for fault in schema_faults(aspect)]
    if found:
        return found
    found = [*place_faults(aspects), *option_faults(questions), *own_answer_faults(questions)]
    found += [*counted_faults(questions), *doubled(questions)]
    return found + (share_faults(questions) if whole else [])


def summary(questions: Sequence[Question]) -> list[str]:
    total = len(questions)
    kinds, levels = Counter(question["kind"] for question in questions), Counter(question["level"] for question in questions)
    units = Counter(f"{question['source']['text']}:{question['source']['unit']}" for question in questions)
    lines = [f"题目 {total}", "方面 " + str(dict(sorted(Counter(a for question in questions for a in question["aspects"]).items())))]
    lines.append("单元 " + str(dict(sorted(units.items(), key=lambda item: (item[0][:6], len(item[0]), item[0])))))
    lines.append("题型 " + "  ".join(f"{kind} {count} ({count / total:.1%})" for kind, count in kinds.most_common()))
    lines.append("难度 " + "  ".join(f"{level}: {levels[level]} ({levels[level] / total:.1%})" for level in (1, 2, 3)))
    for kind in ("single", "multiple"):
        counts = letters(questions, kind)
        lines.append(f"{kind} 答案字母 {dict(sorted(counts.items()))}，卡方 {uneven(counts):.2f}（不超过 {CHI_SQUARE}）")
    for name, extreme in (("最长", max), ("最短", min)):
        right, alone = given_away(questions, extreme)
        lines.append(f"唯一{name}的选项是答案：{right}/{alone}（{right / max(alone, 1):.1%}，应为 20%–30%）")
    sizes = Counter(len(question["answer"]) for question in questions if question["kind"] == "multiple")
    truth = Counter(question["answer"][0] for question in questions if question["kind"] == "true_false")
    return [*lines, f"多选题答案个数 {dict(sorted(sizes.items()))}；判断题 {dict(truth)}"]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="检查内容包的格式和全包规则")
    parser.add_argument("--aspect", type=int, action="append", help="只查这个方面，可重复")
    asked = parser.parse_args(arguments)
    chosen = pack.aspects(asked.aspect)
    found = faults(chosen, whole=not asked.aspect)
    for line in found:
        print(f"不符  {line}")
    print("\n".join(summary(pack.questions(chosen))))
    print(f"不符 {len(found)} 处")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
