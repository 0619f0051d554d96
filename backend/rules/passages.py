"""The identity of a passage, and recognising it in a corrected text, so that what was read stays read."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import TypeAlias, TypeVar

SIMILAR = 0.8
WINDOW = 40
STEPS = 5_000_000

Id = TypeVar("Id")
Chain: TypeAlias = "tuple[float, tuple[int, int] | None, Chain | None]"


def digest(passage: str) -> str:
    """Identity of a passage: SHA-256 of its width-folded text without spaces, in hex."""
    return hashlib.sha256(_folded(passage).encode()).hexdigest()


def match_passages(old: Sequence[tuple[Id, str | None]], new: Sequence[str]) -> list[Id | None]:
    """For each new passage the id of the old one that it is: unchanged, or slightly corrected (similarity at least 0.8)
    and moved by no more than WINDOW places within the part that changed.

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
            for a, b in _corrected([text for _, text in known[a1:a2]], wanted[b1:b2], STEPS * (b2 - b1) / len(wanted)):
                ids[b1 + b] = known[a1 + a][0]
    return ids


def _corrected(old: Sequence[str], new: Sequence[str], steps: float) -> list[tuple[int, int]]:
    """The pairs (old, new) of similar texts, without crossing, of greatest total similarity among the pairs compared.

    Each new passage is compared with the old ones up to WINDOW places from its own place, the nearest first; where `steps` run
    out, the farther ones are left: a text of any length takes about a second, and a passage not compared is a new one.
    """
    letters = {text: Counter(text) for text in (*old, *new)}
    scores: dict[tuple[int, int], float] = {}
    for away in range(WINDOW + 1):
        for b, text in enumerate(new):
            middle = b * len(old) // len(new)
            for a in {middle - away, middle + away}:
                if steps > 0 and 0 <= a < len(old):
                    score, taken = _similarity(old[a], text, letters)
                    steps -= taken
                    if score:
                        scores[a, b] = score
    return _best_chain(scores, len(new))


def _best_chain(scores: Mapping[tuple[int, int], float], width: int) -> list[tuple[int, int]]:
    """The pairs of greatest total score of which both numbers rise from pair to pair."""
    # A binary indexed tree: the best chain so far that ends before a given second number, as (total, last pair, chain before it).
    tree: list[Chain] = [(0.0, None, None)] * (width + 1)
    for a, b in sorted(scores, key=lambda pair: (pair[0], -pair[1])):
        before, at = tree[0], b
        while at:
            before, at = max(before, tree[at], key=_total), at & (at - 1)
        chain: Chain = (before[0] + scores[a, b], (a, b), before)
        at = b + 1
        while at <= width:
            tree[at], at = max(tree[at], chain, key=_total), at + (at & -at)
    chain = max(tree, key=_total)
    pairs: list[tuple[int, int]] = []
    while chain[1]:
        pairs.append(chain[1])
        chain = chain[2]
    return pairs


def _total(chain: Chain) -> float:
    return chain[0]


def _similarity(a: str, b: str, letters: Mapping[str, Counter[str]]) -> tuple[float, float]:
    """difflib's ratio from 0.8 up, otherwise 0; and the steps it took, about a ten-millionth of a second each.

    Two upper bounds are asked first, length and letters: they settle nearly all pairs.
    """
    needed = SIMILAR * (len(a) + len(b)) / 2
    if min(len(a), len(b)) < needed:
        return 0.0, 5
    if (letters[a] & letters[b]).total() < needed:
        return 0.0, len(letters[a]) + len(letters[b])
    matcher = SequenceMatcher(a=a, b=b, autojunk=False)
    ratio = matcher.ratio()
    meetings = sum(count * letters[b][letter] for letter, count in letters[a].items())
    steps = (meetings + len(a) + len(b)) * (1 + len(matcher.get_matching_blocks()) / 2)
    return (ratio if ratio >= SIMILAR else 0.0), steps


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())
