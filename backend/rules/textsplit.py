"""Splitting an official text into its sections and passages by its known headings, and recognising passages in a second import.

A line naming the source is no passage, the closing stays with the last section, and a table of contents does not confuse.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

SIMILAR = 0.8
NUMERALS = "一二三四五六七八九十"
SENTENCE_END = tuple("。！？；：…!?;:”』」）)")
_NUMBER = re.compile(rf"^第?[{NUMERALS}]{{1,3}}(?:部分)?[、.．:：\s]*")
_SALUTATION = re.compile(r"^(?:各位代表[、，,]?)?同志们[：:！!]?$")
_SOURCE = re.compile(
    r"^[（(\[【]?\s*(?:来源|稿源|转自|原标题|责任编辑|责编|编辑|记者|作者|打印|分享|扫一扫|上一篇|下一篇|相关|版权|字号|字体|浏览|阅读次数|附件)"
    r"[：:\s].*$|^[（(]\s*(?:来源|新华社|责任编辑|责编|完).*[）)]$|^(?:新华社|人民网|央视网).{0,30}电$"
)
_END = re.compile(
    r"^(?:相关(?:链接|阅读|新闻|文章|报道)|推荐阅读|延伸阅读|网友评论|我要评论|评论区?|上一篇|下一篇|分享到|责任编辑|版权所有|扫码|打印本页|关闭窗口)"
)
LONGEST_MENU_LINE = 30


@dataclass(frozen=True, slots=True)
class SplitSection:
    """`number` 0 is the preface; `title` as known to the curriculum."""

    number: int
    title: str
    passages: list[str]


@dataclass(frozen=True, slots=True)
class Split:
    title: str
    sections: list[SplitSection]
    ignored: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def plain(text: str) -> str:
    """`text` for comparison: width folded, without spaces and punctuation."""
    return "".join(c for c in unicodedata.normalize("NFKC", text) if not c.isspace() and unicodedata.category(c)[0] not in "PS")


def digest(passage: str) -> str:
    """Identity of a passage: SHA-256 of its width-folded text without spaces, in hex."""
    return hashlib.sha256("".join(unicodedata.normalize("NFKC", passage).split()).encode()).hexdigest()


def split(paragraphs: Sequence[str], *, headings: Sequence[str], preface: str = "序言") -> Split:
    """Sections 0 (preface) to len(headings), each with its passages.

    A heading that is not found is named in `warnings`; when none is found there are no sections.
    """
    lines = _join_broken([line.strip() for line in paragraphs if line.strip()], headings)
    at = _headings_at(lines, headings)
    if not any(place is not None for place in at):
        return Split("", [], list(lines), ["没有找到任何已知的标题。"])
    found = [(number, place) for number, place in enumerate(at, start=1) if place is not None]
    warnings = [f"没有找到标题：{heading}" for heading, place in zip(headings, at, strict=True) if place is None]
    title, opening, ignored = _opening(lines[: found[0][1]])
    sections = [SplitSection(0, preface, opening)] if opening else []
    if not opening:
        warnings.insert(0, "没有找到序言。")
    for (number, place), (_, following) in zip(found, [*found[1:], (0, len(lines))], strict=True):
        body = lines[place + 1 : following]
        passages, dropped = _passages(body, is_last=following == len(lines))
        ignored += dropped
        sections.append(SplitSection(number, headings[number - 1], passages))
        if not passages:
            warnings.append(f"标题下没有段落：{headings[number - 1]}")
    return Split(title, sections, ignored, warnings)


def _is_heading(line: str, heading: str) -> bool:
    if len(line) > len(heading) + 12:
        return False
    wanted = plain(heading)
    return plain(line) == wanted or plain(_NUMBER.sub("", unicodedata.normalize("NFKC", line).strip())) == wanted


def _headings_at(lines: Sequence[str], headings: Sequence[str]) -> list[int | None]:
    """Where each heading stands: of all increasing sequences the one with the most headings and the longest text between."""
    places = [[n for n, line in enumerate(lines) if _is_heading(line, heading)] for heading in headings]
    text_before = [0]
    for line in lines:
        text_before.append(text_before[-1] + len(line))
    # best[(heading index)] = list of (place, headings found, characters between, previous choice)
    chains: list[tuple[int, int, int, list[tuple[int, int]]]] = [(-1, 0, 0, [])]
    for index, candidates in enumerate(places):
        new = []
        for place in candidates:
            before = [c for c in chains if c[0] < place]
            last, count, length, chain = max(before, key=lambda c: (c[1], _weight(c, place, text_before)))
            new.append((place, count + 1, _weight((last, count, length, chain), place, text_before), [*chain, (index, place)]))
        chains += new
    best = max(chains, key=lambda c: (c[1], _weight(c, len(lines), text_before)))
    at: list[int | None] = [None] * len(headings)
    for index, place in best[3]:
        at[index] = place
    return at


def _weight(chain: tuple[int, int, int, list], place: int, text_before: Sequence[int]) -> int:
    """Characters under the headings so far: each stretch counts as at most 400, so that every heading wants a text of its own."""
    last, _, length, _ = chain
    return length + (min(400, text_before[place] - text_before[last + 1]) if last >= 0 else 0)


def _join_broken(lines: Sequence[str], headings: Sequence[str]) -> list[str]:
    """Joins lines that a fixed width has broken: a long line that ends in no sentence mark goes on in the next, unless a heading follows."""
    lengths = sorted((len(line) for line in lines), reverse=True)
    width = lengths[len(lengths) // 10] if lengths else 0
    hard_wrapped = len(lines) > 200 and width < 80
    joined: list[str] = []
    open_line = False
    for line in lines:
        is_heading = any(_is_heading(line, heading) for heading in headings)
        if open_line and not is_heading:
            joined[-1] += line
        else:
            joined.append(line)
        open_line = hard_wrapped and not is_heading and len(line) >= width * 0.8 and not line.endswith(SENTENCE_END)
    return joined


def _opening(lines: Sequence[str]) -> tuple[str, list[str], list[str]]:
    """Title, passages of the preface, and what is neither, of the lines before the first heading."""
    salutations = [n for n, line in enumerate(lines) if _SALUTATION.match(line)]
    if salutations:
        start, ignored = salutations[-1] + 1, list(lines[: salutations[-1] + 1])
        if len(salutations) > 1:
            start, ignored = salutations[0] + 1, list(lines[: salutations[0] + 1])
    else:
        start = next((n for n, line in enumerate(lines) if len(line) > LONGEST_MENU_LINE and line.endswith(SENTENCE_END)), len(lines))
        ignored = list(lines[:start])
    named = [line for line in ignored if any(word in line for word in ("报告", "章程", "讲话"))]
    title = max(named, key=lambda line: (min(len(line), 60), ignored.index(line)), default="")
    passages, dropped = _passages(lines[start:], is_last=False)
    return title, passages, ignored + dropped


def _passages(lines: Sequence[str], *, is_last: bool) -> tuple[list[str], list[str]]:
    """The passages among a section's lines, and what was left out. In the last section a footer ends the text."""
    kept: list[str] = []
    dropped: list[str] = []
    for number, line in enumerate(lines):
        if is_last and (_END.match(line) and len(line) <= LONGEST_MENU_LINE or _is_footer(lines[number:])):
            dropped += lines[number:]
            break
        (dropped if _SOURCE.match(line) or _SALUTATION.match(line) or not plain(line) else kept).append(line)
    return kept, dropped


def _is_footer(rest: Sequence[str]) -> bool:
    """From here on no line is a sentence any more: short lines without a sentence mark at their end."""
    return all(len(line) <= LONGEST_MENU_LINE and not line.endswith(tuple("。！？!?")) for line in rest)


def match_passages(old: Sequence[tuple[int, str | None]], new: Sequence[str]) -> list[int | None]:
    """For each new passage the id of the old one that it is: unchanged, or slightly corrected (similarity at least 0.8).

    Each id is used once, and in order.
    """
    known = [(passage_id, text) for passage_id, text in old if text]
    ids: list[int | None] = [None] * len(new)
    matcher = SequenceMatcher(a=[digest(text) for _, text in known], b=[digest(text) for text in new], autojunk=False)
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        if tag == "equal":
            for offset in range(a2 - a1):
                ids[b1 + offset] = known[a1 + offset][0]
        elif tag == "replace":
            next_free = a1
            for b in range(b1, b2):
                scores = [(SequenceMatcher(a=known[a][1], b=new[b], autojunk=False).ratio(), -a) for a in range(next_free, a2)]
                if scores and max(scores)[0] >= SIMILAR:
                    a = -max(scores)[1]
                    ids[b] = known[a][0]
                    next_free = a + 1
    return ids
