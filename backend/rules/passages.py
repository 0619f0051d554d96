"""The identity of a passage, and recognising it in a corrected text, so that what was read stays read."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import TypeVar

SIMILAR = 0.8

Id = TypeVar("Id")


def digest(passage: str) -> str:
    """Identity of a passage: SHA-256 of its width-folded text without spaces, in hex."""
    return hashlib.sha256(_folded(passage).encode()).hexdigest()


def match_passages(old: Sequence[tuple[Id, str | None]], new: Sequence[str]) -> list[Id | None]:
    """For each new passage the id of the old one that it is: unchanged, or slightly corrected (similarity at least 0.8).

    Each id is used once, and the ids keep their order. Old passages without a text are never matched.
    """
    known = [(passage_id, _folded(text)) for passage_id, text in old if text]
    wanted = [_folded(text) for text in new]
    ids: list[Id | None] = [None] * len(new)
    unchanged = SequenceMatcher(a=[text for _, text in known], b=wanted, autojunk=False)
    for tag, a1, a2, b1, b2 in unchanged.get_opcodes():
        if tag == "equal":
            for offset in range(a2 - a1):
                ids[b1 + offset] = known[a1 + offset][0]
        elif tag == "replace":
            for a, b in _corrected([text for _, text in known[a1:a2]], wanted[b1:b2]):
                ids[b1 + b] = known[a1 + a][0]
    return ids


def _corrected(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """The pairs (old, new) of similar texts, without crossing, of greatest total similarity."""
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    letters = {text: Counter(text) for text in (*old, *new)}
    scores = [[_similarity(a, b, letters) for b in new] for a in old]
    for a in range(len(old) - 1, -1, -1):
        for b in range(len(new) - 1, -1, -1):
            together = best[a + 1][b + 1] + scores[a][b] if scores[a][b] else 0.0
            best[a][b] = max(best[a + 1][b], best[a][b + 1], together)
    pairs: list[tuple[int, int]] = []
    a = b = 0
    while a < len(old) and b < len(new):
        if scores[a][b] and best[a][b] == best[a + 1][b + 1] + scores[a][b]:
            pairs.append((a, b))
            a, b = a + 1, b + 1
        elif best[a][b] == best[a + 1][b]:
            a += 1
        else:
            b += 1
    return pairs


def _similarity(a: str, b: str, letters: Mapping[str, Counter[str]]) -> float:
    """difflib's ratio from 0.8 up, otherwise 0. Two upper bounds are asked first, length and letters: they settle nearly all pairs."""
    needed = SIMILAR * (len(a) + len(b)) / 2
    if min(len(a), len(b)) < needed or (letters[a] & letters[b]).total() < needed:
        return 0.0
    ratio = SequenceMatcher(a=a, b=b, autojunk=False).ratio()
    return ratio if ratio >= SIMILAR else 0.0


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())
