"""Splitting an official text into its units by its known headings.

A line naming the source is no passage, the closing stays with the last unit, and a table of contents does not confuse.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from backend.rules.passages import digest, match_passages

__all__ = ["Split", "SplitSection", "digest", "is_sentence", "match_passages", "plain", "split"]

# A text is taken for broken at a fixed width when half of its lines end within six columns of its widest, at most 160 columns.
MOST_WIDTH = 160
FEWEST_WRAPPED = 20
WRAP_SLACK = 6
# Headings that stand more often than this are taken from the first and the last places of the text.
MOST_PLACES = 40
ENOUGH_UNDER_A_HEADING = 400
LONGEST_MENU_LINE = 30
LONGEST_HEADING_EXTRA = 12
_SENTENCE_END = tuple("。！？!?；;：:…”』」）)")
_SENTENCE = re.compile(r"[。！？!?][”』」）)]*$")
_NUMBER = re.compile(r"^(?:第?[一二三四五六七八九十]{1,3}(?:部分)?|\d{1,2})[、.．,，:：\s]*")
_SALUTATION = re.compile(r"^(?:各位(?:代表|同志)[、，,]?)?同志们[：:！!]?$")
_SALUTATION_START = re.compile(r"^(?:各位(?:代表|同志)[、，,]?)?同志们[：:]\s*(?=\S)")
_SOURCE = re.compile(
    r"^[（(\[【]?\s*(?:来源|稿源|转自|原标题|责任编辑|责编|编辑|校对|审核|记者|作者|打印|分享|扫一扫|上一篇|下一篇|版权所有|字号|字体|浏览|阅读次数|附件)"
    r"[：:\s].*$|^[（(]\s*(?:来源|新华社|责任编辑|责编|完).*[）)]$|^(?:新华社|人民网|央视网).{0,30}电(?:[（(].{0,30}[）)])?$"
    r"|^(?:©|\(c\)|copyright\b).*$|^[-—－\s]*第?\s*\d{1,3}\s*页?[-—－\s]*$",
    re.IGNORECASE,
)
_BUTTON = re.compile(
    r"^[【\[（(]?(?:打印|打印本页|分享|分享到|分享至|收藏|复制链接|字号|大|中|小|纠错|我要纠错|关闭|关闭窗口|返回|返回顶部|返回首页|微信|微博|朋友圈|点赞|评论|目录)"
    r"[：:]?[】\]）)]?$"
)
_END = re.compile(
    r"^(?:相关(?:链接|阅读|新闻|文章|报道|专题)|推荐阅读|延伸阅读|更多|网友评论|我要评论|发表评论|评论区?|上一篇|下一篇|分享到|[【\[]?责任编辑|责编|版权所有|扫码|打印本页|关闭窗口)"
)


@dataclass(frozen=True, slots=True)
class SplitSection:
    """`number` 0 is the preface; `title` as known to the curriculum."""

    number: int
    title: str
    passages: list[str]


@dataclass(frozen=True, slots=True)
class Split:
    """`ignored`: lines that are no passage, in the order of the text; `warnings`: Chinese sentences."""

    title: str
    sections: list[SplitSection]
    ignored: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def plain(text: str) -> str:
    """`text` for comparison: width folded, without spaces and punctuation."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text))


def is_sentence(line: str) -> bool:
    """Whether the line ends as a sentence does, and does not name a source."""
    return _SENTENCE.search(line) is not None and not _SOURCE.match(line)


def split(paragraphs: Sequence[str], *, headings: Sequence[str], preface: str = "序言") -> Split:
    """Sections 0 (preface) to len(headings), each with its passages; one that is not found is left out.

    `headings` are the titles of the units without numerals. A heading that is not found is named in `warnings`; when none is found there
    are no sections.
    """
    numbers = {plain(heading): number for number, heading in enumerate(headings)}
    written = [line.strip() for line in paragraphs if line.strip()]
    lines = _join_broken(written, numbers)
    at = _headings_at(lines, numbers)
    found = [(number, place) for number, place in enumerate(at, start=1) if place is not None]
    if not found:
        return Split("", [], list(lines), ["没有找到任何已知的标题。"])
    warnings = [f"没有找到标题：{heading}" for heading, place in zip(headings, at, strict=True) if place is None]
    if len(lines) < len(written):
        warnings.append("文本按固定宽度换行，段落由行的长短推断，请核对；有缩进或空行的文本、网页或 docx 文件更为可靠。")
    title, opening, ignored = _opening(lines[: found[0][1]])
    sections = [SplitSection(0, preface, opening)] if opening else []
    if not opening:
        warnings.insert(0, f"没有找到{preface}。")
    for (number, place), (_, following) in zip(found, [*found[1:], (0, len(lines))], strict=True):
        passages, dropped = _passages(lines[place + 1 : following], is_last=following == len(lines))
        ignored += dropped
        sections.append(SplitSection(number, headings[number - 1], passages))
        if not passages:
            warnings.append(f"标题下没有段落：{headings[number - 1]}")
    return Split(title, sections, ignored, warnings)


def _heading_of(line: str, numbers: Mapping[str, int]) -> int | None:
    """The index of the heading that the line is, with or without its numeral; None for another line."""
    if len(line) > max(map(len, numbers), default=0) + LONGEST_HEADING_EXTRA:
        return None
    own = plain(line)
    if own in numbers:
        return numbers[own]
    return numbers.get(plain(_NUMBER.sub("", unicodedata.normalize("NFKC", line).strip())))


def _headings_at(lines: Sequence[str], numbers: Mapping[str, int]) -> list[int | None]:
    """Where each heading stands: of all increasing sequences the one with the most headings, then the most text under them."""
    places = [(place, index) for place, line in enumerate(lines) if (index := _heading_of(line, numbers)) is not None]
    candidates: list[list[tuple[int, int]]] = [[] for _ in numbers]
    for (place, index), following in zip(places, [*(place for place, _ in places[1:]), len(lines)], strict=True) if places else ():
        # Text under a heading ends at the next, so a table of contents has none; it counts up to 400 characters, so that one long
        # stretch does not outweigh several headings' own texts.
        under = min(ENOUGH_UNDER_A_HEADING, sum(map(len, lines[place + 1 : following])))
        candidates[index].append((place, under))
    # Each chain: its last place, its headings so far, the characters under them, and ((index, place), rest).
    chains: list[tuple[int, int, int, tuple]] = [(-1, 0, 0, ())]
    half = MOST_PLACES // 2
    for index, found in enumerate(candidates):
        longer = []
        for place, under in found if len(found) <= MOST_PLACES else [*found[:half], *found[-half:]]:
            _, count, length, chain = max((chain for chain in chains if chain[0] < place), key=lambda chain: chain[1:3])
            longer.append((place, count + 1, length + under, ((index, place), chain)))
        chains += longer
    at: list[int | None] = [None] * len(numbers)
    rest = max(chains, key=lambda chain: chain[1:3])[3]
    while rest:
        (index, place), rest = rest
        at[index] = place
    return at


def _join_broken(lines: Sequence[str], numbers: Mapping[str, int]) -> list[str]:
    """Joins the lines of a text broken at a fixed width: a full line goes on in the next, unless a heading begins there.

    Without indents or empty lines a paragraph is known by its short last line alone, so a paragraph whose last line is full runs on.
    """
    widths = [_columns(line) for line in lines]
    width = max(widths, default=0)
    full = sum(own >= width - WRAP_SLACK for own in widths)
    if len(lines) < FEWEST_WRAPPED or width > MOST_WIDTH or full < 0.5 * len(lines):
        return list(lines)
    joined: list[str] = []
    goes_on = False
    for line, own in zip(lines, widths, strict=True):
        if goes_on and not _opens_heading(line, numbers):
            joined[-1] += line
        else:
            joined.append(line)
        needed = width - 1 if line.endswith(_SENTENCE_END) else 0.8 * width
        goes_on = own >= needed and _heading_of(joined[-1], numbers) is None
    return joined


def _columns(line: str) -> int:
    """The width of a line on paper, in half-width columns."""
    return sum(1 if unicodedata.east_asian_width(c) in ("Na", "H", "N") else 2 for c in line)


def _opens_heading(line: str, numbers: Mapping[str, int]) -> bool:
    """Whether a heading begins with this line; it may itself be broken."""
    own = plain(_NUMBER.sub("", unicodedata.normalize("NFKC", line)))
    return len(own) >= 6 and any(heading.startswith(own) for heading in numbers)


def _opening(lines: Sequence[str]) -> tuple[str, list[str], list[str]]:
    """Title, passages of the preface, and what is neither, of the lines before the first heading.

    The preface begins after the salutation; without one, at the first sentence below the title.
    """
    start = next((n for n, line in enumerate(lines) if _SALUTATION.match(line) or _SALUTATION_START.match(line)), None)
    text = list(lines)
    if start is not None and not _SALUTATION.match(lines[start]):
        text[start] = _SALUTATION_START.sub("", lines[start])
    elif start is not None:
        start += 1
    else:
        titles = [n for n, line in enumerate(lines) if _names_the_text(line)]
        first = titles[-1] + 1 if titles else 0
        start = next((n for n in range(first, len(lines)) if _SENTENCE.search(lines[n]) and not _SOURCE.match(lines[n])), len(lines))
    passages, dropped = _passages(text[start:], is_last=False)
    return _title_in(lines[:start]), passages, list(lines[:start]) + dropped


def _names_the_text(line: str) -> bool:
    return any(word in line for word in ("报告", "章程", "讲话")) and not _SENTENCE.search(line) and not _SOURCE.match(line)


def _title_in(lines: Sequence[str]) -> str:
    """The last line that names the text; a second line of a title that begins with a dash takes the first before it."""
    place = next((n for n in range(len(lines) - 1, -1, -1) if _names_the_text(lines[n])), None)
    if place is None:
        return ""
    line = lines[place]
    if line.startswith(("—", "－", "--")) and place:
        return f"{lines[place - 1]} {line}"
    return line


def _passages(lines: Sequence[str], *, is_last: bool) -> tuple[list[str], list[str]]:
    """The passages among a section's lines, and what was left out. In the last section a footer ends the text."""
    end = _end_of_text(lines) if is_last else len(lines)
    kept: list[str] = []
    dropped: list[str] = []
    for line in lines[:end]:
        is_text = plain(line) and not any(pattern.match(line) for pattern in (_SOURCE, _BUTTON, _SALUTATION))
        (kept if is_text else dropped).append(line)
    return kept, dropped + list(lines[end:])


def _end_of_text(lines: Sequence[str]) -> int:
    """Where related links, comments and footers begin: behind the last sentence before the first line that announces them."""
    end = next((n for n, line in enumerate(lines) if len(line) <= LONGEST_MENU_LINE and _END.match(line)), len(lines))
    while end and (len(lines[end - 1]) <= LONGEST_MENU_LINE and not _SENTENCE.search(lines[end - 1]) or _SOURCE.match(lines[end - 1])):
        end -= 1
    return end
