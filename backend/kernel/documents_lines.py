"""Plain text of a fixed width: each paragraph broken over several lines, told apart by an indent or an empty line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

MOST_WIDTH = 120
FEWEST_LINES = 20
# A line is full when it ends this close to the width: punctuation may not begin a line, and Latin words are not broken.
SLACK = 3


def unwrapped(text: str, *, headings: Sequence[str] = ()) -> list[str]:
    """The lines of `text`, or its paragraphs where a fixed width has broken them and the layout shows where each begins.

    Nothing is joined to or from a line that is one of `headings`.
    """
    lines = text.splitlines()
    written = [line for line in lines if line.strip()]
    width = _width(written)
    if width is None:
        return lines
    indented = sum(_indent(line) > 0 for line in written)
    by_indent = 0 < indented <= 0.7 * len(written)
    by_gap = len(written) < len(lines) <= 1.7 * len(written)
    if not (by_indent or by_gap):
        return lines
    titles = {_plain(heading) for heading in headings}
    paragraphs: list[str] = []
    goes_on = False
    for line in lines:
        stands_alone = any(_plain(line).endswith(title) and len(_plain(line)) <= len(title) + 3 for title in titles)
        if goes_on and line.strip() and not (by_indent and _indent(line)) and not stands_alone:
            paragraphs[-1] += line.strip()
        elif line.strip() or by_gap:
            paragraphs.append(line.strip())
        goes_on = bool(line.strip()) and not stands_alone and len(line.rstrip()) >= width - SLACK
    return paragraphs


def _width(lines: Sequence[str]) -> int | None:
    """The width at which most lines end, in characters; None for text that is not broken."""
    if len(lines) < FEWEST_LINES:
        return None
    width = max(len(line.rstrip()) for line in lines)
    full = sum(len(line.rstrip()) >= width - SLACK for line in lines)
    return width if width <= MOST_WIDTH and full >= 0.5 * len(lines) else None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text))
