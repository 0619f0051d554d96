"""Splitting texts of other forms than the report's: chapters with articles (总纲, 第N章, 第N条), and a text that is one unit."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from backend.rules.textsplit import Split, SplitSection, is_sentence, plain, split

_CHAPTER_ALONE = re.compile(r"^第[一二三四五六七八九十]{1,3}章$")
# Not a sentence that begins by naming one: 第八条的规定…
_ARTICLE = re.compile(r"^第[一二三四五六七八九十百]{1,5}条(?![的规第和、，])")
_DIGITS = "一二三四五六七八九"


def numeral(number: int) -> str:
    """一 to 九十九."""
    tens, ones = divmod(number, 10)
    return ("" if not tens else "十" if tens == 1 else f"{_DIGITS[tens - 1]}十") + (_DIGITS[ones - 1] if ones else "")


def chapter_headings(titles: Sequence[str]) -> list[str]:
    """The headings as they stand in the text: the first title alone, the others as 第一章, 第二章 … before their titles."""
    return [titles[0], *(f"第{numeral(number)}章 {title}" for number, title in enumerate(titles[1:], start=1))]


def split_chapters(paragraphs: Sequence[str], *, titles: Sequence[str]) -> Split:
    """Section 0 is `titles[0]` (总纲), each of the others the chapter of that number; a passage is a paragraph of the first, elsewhere an
    article with all its paragraphs, one a line.

    A chapter is known by its numeral and title together, on one line or on two. What stands before the first heading is no passage.
    """
    headings = chapter_headings(titles)
    found = split(_whole_headings(paragraphs, headings), headings=headings)
    before = [passage for section in found.sections if section.number == 0 for passage in section.passages]
    sections = [
        SplitSection(
            section.number - 1, titles[section.number - 1], section.passages if section.number == 1 else articles(section.passages)
        )
        for section in found.sections
        if section.number
    ]
    warnings = [warning for warning in found.warnings if warning != "没有找到序言。"]
    return Split(found.title, sections, [*before, *found.ignored], warnings)


def _whole_headings(paragraphs: Sequence[str], headings: Sequence[str]) -> list[str]:
    """The lines, with a heading that stands on two lines (第一章, then its title) put together."""
    wanted = {plain(heading) for heading in headings}
    lines: list[str] = []
    for line in (unicodedata.normalize("NFC", paragraph).strip() for paragraph in paragraphs):
        if line and lines and _CHAPTER_ALONE.match(plain(lines[-1])) and plain(lines[-1] + line) in wanted:
            lines[-1] = f"{lines[-1]} {line}"
        elif line:
            lines.append(line)
    return lines


def articles(lines: Sequence[str]) -> list[str]:
    """One passage for each article; lines before the first stand each for itself."""
    found: list[str] = []
    within = False
    for line in lines:
        if _ARTICLE.match(line):
            within = True
            found.append(line)
        elif within:
            found[-1] += f"\n{line}"
        else:
            found.append(line)
    return found


def split_whole(paragraphs: Sequence[str], *, title: str, unit: str) -> Split:
    """One section, number 1: the paragraphs from the first sentence below the text's title (else the unit's, else both on one line)."""
    for heading in (title, unit, f"{title} {unit}"):
        found = split(paragraphs, headings=[heading])
        if found.sections:
            break
    else:
        return found
    lines = found.sections[-1].passages
    start = next((number for number, line in enumerate(lines) if is_sentence(line)), len(lines))
    above = [passage for section in found.sections[:-1] for passage in section.passages]
    warnings = [warning for warning in found.warnings if "序言" not in warning and "标题下没有段落" not in warning]
    if start == len(lines):
        warnings.append(f"标题下没有段落：{unit}")
    return Split(title, [SplitSection(1, unit, lines[start:])], [*above, *found.ignored, *lines[:start]], warnings)
