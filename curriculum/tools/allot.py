"""Proposes the questions of each day of the syllabus: `allot.py FILE` shows them, `--write` puts them into syllabus.yaml.

FILE is the official text of the report: the questions of a unit are taken in the order in which their places stand in it, cut into runs
over the unit's days where they go best with what each day says, and a mix of kinds is chosen from each run. A day of another text gets
unasked questions of its other aspects, or of what was read so far, when its units have too few. A review asks again what earlier days
asked. The committed file is plain data: read the proposal, change it by hand, and let `lint.py` and the tests judge it.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lint
import pack
from against_text import sections_of
from pack import Question, grams, tight

FEWEST, MOST, OF_FEW_UNITS = 3, 5, 4
THIS_WEEK, WEEK = 3, 7
# What nearly every guidance and stem says tells no day from another.
_COMMON = grams("今天的重点是报告部分哪一项下列各什么提出写明要求进入以及再看留意内容词语", 2)
_TURNS = ("single", "multiple", "blank", "single", "true_false")

Day = dict[str, Any]


def _unit(question: Question) -> tuple[str, str]:
    return question["source"]["text"], question["source"]["unit"]


def _units(day: Day) -> set[tuple[str, str]]:
    return {(unit["text"], unit["unit"]) for unit in day["units"]}


def words(question: Question) -> set[str]:
    options = "".join(question.get("options", {}).values())
    return grams(question["stem"] + options + question["explanation"], 2) - _COMMON


def told(day: Day) -> set[str]:
    return grams(day["title"] + day["guidance"], 2) - _COMMON


def in_order(questions: Sequence[Question], passages: dict[str, list[str]]) -> list[Question]:
    """By the places of their locators in the text; those of another text by their keys."""

    def place(question: Question) -> tuple[int, str]:
        text = tight("".join(passages.get(question["source"]["unit"], ())))
        return (text.find(tight(question["source"]["locator"])), question["key"])

    return sorted(questions, key=place)


def cut(questions: Sequence[Question], days: Sequence[Day]) -> list[list[Question]]:
    """Runs of the questions, one a day and of at least FEWEST, that share most words with the days."""
    count, parts = len(questions), len(days)
    least = min(FEWEST, count // parts)
    gain = [[len(words(question) & told(day)) for question in questions] for day in days]
    best: list[dict[int, tuple[float, int]]] = [{0: (0.0, 0)}]
    for part in range(parts):
        row: dict[int, tuple[float, int]] = {}
        for start, (score, _) in best[part].items():
            for end in range(start + least, count - least * (parts - part - 1) + 1):
                if part == parts - 1 and end < count:
                    continue
                total = score + sum(gain[part][start:end]) - 0.05 * (end - start - count / parts) ** 2
                if end not in row or total > row[end][0]:
                    row[end] = (total, start)
        best.append(row)
    ends = [count]
    for part in range(parts, 0, -1):
        ends.append(best[part][ends[-1]][1])
    ends.reverse()
    return [list(questions[a:b]) for a, b in zip(ends, ends[1:], strict=False)]


def mixed(run: Sequence[Question], day: Day, count: int) -> list[Question]:
    """At most `count` of a run: kinds in turn, of each kind those nearest to what the day says, none that gives
    away another; in the order of the text."""
    left = sorted(run, key=lambda question: -len(words(question) & told(day)))
    chosen: list[Question] = []
    for kind in (*_TURNS, *_TURNS):
        fitting = (q for q in left if q["kind"] == kind and not lint.told_by_another([*chosen, q]))
        if len(chosen) < count and (found := next(fitting, None)):
            chosen.append(found)
            left.remove(found)
    for question in left:
        if len(chosen) < count and not lint.told_by_another([*chosen, question]):
            chosen.append(question)
    return [question for question in run if question in chosen]


def propose(days: Sequence[Day], questions: Sequence[Question], passages: dict[str, list[str]]) -> dict[int, list[str]]:
    asked: dict[int, list[Question]] = {}
    reading = [day for day in days if not day["review"]]
    ordered = in_order(questions, passages)
    groups: dict[tuple, list[Day]] = {}
    for day in reading:
        # Days of one unit under different aspects (Chinese modernisation in the third part) do not share their questions.
        own = {aspect for q in ordered if _unit(q) in _units(day) for aspect in q["aspects"]} & set(day["aspects"])
        groups.setdefault((tuple(sorted(_units(day))), tuple(sorted(own))), []).append(day)
    pools: dict[tuple, list[Question]] = {}
    taken: set[str] = set()
    for units, aspects in groups:
        pools[units, aspects] = [q for q in ordered if _unit(q) in units and set(q["aspects"]) & set(aspects) and q["key"] not in taken]
        taken |= {question["key"] for question in pools[units, aspects]}
    chosen_keys: set[str] = set()
    for group, of_group in groups.items():
        for day, run in zip(of_group, cut(pools[group], of_group), strict=True):
            asked[day["number"]] = mixed(run, day, MOST)
            chosen_keys |= {question["key"] for question in asked[day["number"]]}
    read = {day["number"]: {unit for d in reading if d["number"] <= day["number"] for unit in _units(d)} for day in reading}
    for day in reading:
        if len(asked[day["number"]]) < OF_FEW_UNITS and all(text != "report" for text, _ in _units(day)):
            others = set(day["aspects"]) - {9} or set(day["aspects"])
            free = [q for q in ordered if q["key"] not in chosen_keys and set(q["aspects"]) & others and _unit(q) in read[day["number"]]]
            more = mixed(free, day, OF_FEW_UNITS - len(asked[day["number"]]))
            chosen_keys |= {question["key"] for question in more}
            asked[day["number"]] += more
    again: set[str] = set()
    for day in (day for day in days if day["review"]):
        before = [
            (number, q)
            for number, some in asked.items()
            if number < day["number"]
            for q in some
            if q["key"] not in again and _unit(q) in _units(day) and set(q["aspects"]) & set(day["aspects"])
        ]
        week = mixed([q for number, q in before if number > day["number"] - WEEK], day, MOST)[:THIS_WEEK]
        older = mixed([q for number, q in before if number <= day["number"] - WEEK], day, MOST - len(week))
        picked = [*week, *older]
        picked += [q for _, q in before if q not in picked][: MOST - len(picked)]
        again |= {question["key"] for question in picked}
        asked[day["number"]] = picked
    return {number: [question["key"] for question in some] for number, some in sorted(asked.items())}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="为学习大纲的每一天提出题目")
    parser.add_argument("file", type=Path, help="报告的官方文本")
    parser.add_argument("--write", action="store_true", help="写入 syllabus.yaml")
    asked = parser.parse_args(arguments)
    report = next(text for text in pack.read("texts.yaml")["texts"] if text["key"] == "report")
    days = pack.read("syllabus.yaml")["days"]
    proposal = propose(days, pack.questions(pack.aspects()), sections_of(asked.file, report))
    for day in days:
        print(day["number"], day["title"], " ".join(proposal[day["number"]]))
    if asked.write:
        path = pack.FOLDER / "syllabus.yaml"
        numbers = iter(day["number"] for day in days)
        text = re.sub(
            r"(?m)^    questions: .*$", lambda _: f"    questions: [{', '.join(proposal[next(numbers)])}]", path.read_text("utf-8")
        )
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
