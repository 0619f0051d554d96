"""What the tools share: the pack as written, and the ways in which its words are compared."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(FOLDER.parent))  # the product itself, when run as a file

from backend.rules.grading import normalise_blank as figures  # noqa: E402
from backend.rules.textsplit import plain  # noqa: E402

__all__ = ["FOLDER", "aspects", "figures", "grams", "plain", "questions", "quoted", "read", "right_options", "runs", "tight", "words_of"]

Question = dict[str, Any]


def read(name: str, folder: Path = FOLDER) -> Any:
    return yaml.safe_load((folder / name).read_text("utf-8"))


def aspects(only: Iterable[int] | None = None, folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The files of the aspects, all or only these numbers."""
    wanted = set(only or range(1, 10))
    return [read(f"aspect-{number}.yaml", folder) for number in range(1, 10) if number in wanted]


def questions(of: Iterable[dict[str, Any]]) -> list[Question]:
    return [question for aspect in of for question in aspect["questions"]]


def right_options(question: Question) -> list[str]:
    return [question["options"][letter] for letter in question["answer"]]


def quoted(text: str) -> list[str]:
    """The terms between Chinese quotation marks."""
    return re.findall(r"“([^“”]+)”", text)


def tight(text: str) -> str:
    """`text` without spaces, its width folded."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def grams(text: str, length: int = 3) -> set[str]:
    """The character n-grams of the letters and figures of `text`."""
    letters = plain(text)
    return {letters[at : at + length] for at in range(len(letters) - length + 1)}


def runs(text: str, official: str, shortest: int) -> Iterator[str]:
    """The longest runs of at least `shortest` characters (punctuation aside) that `text` shares with `official` (already plain)."""
    letters, at = plain(text), 0
    while at + shortest <= len(letters):
        end = at + shortest
        if letters[at:end] not in official:
            at += 1
            continue
        while end < len(letters) and letters[at : end + 1] in official:
            end += 1
        yield letters[at:end]
        at = end


def words_of(question: Question) -> dict[str, str]:
    """Everything a reader sees of a question, by the name of its field."""
    options = {f"options.{letter}": text for letter, text in question.get("options", {}).items()}
    return {"stem": question["stem"], **options, "explanation": question["explanation"]}
