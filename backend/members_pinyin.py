"""Finding a name by its pinyin: zjg, zhangjg and jianguo all find 张建国. The only home of pypinyin.

Read at the time of the search, not kept in a column (docs/decisions/0025): every reading of a character counts, so that 曾 is found by
zeng and by ceng; nothing has to be renewed when a name changes, and nothing of a name is left behind when it is blanked.
"""

from __future__ import annotations

import functools
import os
import re
from typing import Any

_TYPED = re.compile(r"[a-z][a-z' ]*", re.ASCII)


def is_pinyin(q: str) -> bool:
    """True for what could be typed to find a name by sound: Latin letters, blanks and apostrophes."""
    return bool(_TYPED.fullmatch(q.lower()))


def fits(q: str, name: str) -> bool:
    """Whether `q`, from some character of `name` on, is made of the beginnings of the readings of one character after the other."""
    wanted = re.sub(r"[' ]", "", q.lower())
    ends: set[int] = set()
    for character in (one for one in name if readings(one)):
        begins = {0, *ends}
        ends = set()
        for reading in readings(character):
            for at in begins:
                most = 0
                while most < len(reading) and at + most < len(wanted) and reading[most] == wanted[at + most]:
                    most += 1
                    ends.add(at + most)
        if len(wanted) in ends:
            return True
    return False


@functools.lru_cache(maxsize=8192)
def readings(character: str) -> tuple[str, ...]:
    """Every reading of one character without tones (ü as v and as u); a letter reads as itself, anything else not at all."""
    if character.isascii():
        return (character.lower(),) if character.isalnum() else ()
    dictionary = _dictionary()
    found = dictionary.pinyin(character, style=dictionary.Style.NORMAL, heteronym=True, v_to_u=False, errors="ignore")
    sounds = set(found[0]) if found else set()
    return tuple(sorted(sounds | {sound.replace("v", "u") for sound in sounds}))


@functools.cache
def _dictionary() -> Any:
    # The phrases would take 43 MB more and another quarter of a second; for single characters nothing is asked of them.
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")
    import pypinyin

    return pypinyin
