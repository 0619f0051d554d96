"""Finding the text in a saved web page: the smallest element that holds the known headings, without what surrounds it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree, html

from backend.kernel.errors import Invalid

DROPPED = (
    "script style noscript template head nav header footer aside button select textarea input iframe object svg canvas video audio"
).split()
BLOCKS = frozenset(
    "p div section article main form table thead tbody tr td th h1 h2 h3 h4 h5 h6 li ul ol dl dt dd address details summary blockquote pre"
    " figure figcaption hr center body".split()
)
HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
# What no XML text may hold, and lxml refuses to move about although its parser lets it in, as a character or as a reference (&#1;).
UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# A form in which more than this share of the page stands is the page's frame, not a thing to fill in.
FRAME_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the page, and the innermost block in which it stands."""

    text: str
    block: etree._Element


def paragraphs(page: str, *, headings: Sequence[str] = ()) -> list[str]:
    """The lines of the page, or of the part that holds at least two of `headings` (the page's own title before it), in order.

    Left out: menus, scripts, forms, and what is hidden. Raises Invalid `unreadable_file`.
    """
    root = _parsed(page)
    title = _title(root)
    _drop(root)
    lines = _lines(root)
    container = _container(lines, headings)
    if container is None:
        return [line.text for line in lines]
    inside = set(map(id, container.iter()))
    within = [line for line in lines if id(line.block) in inside]
    above = lines[: lines.index(within[0])]
    named = [line.text for line in above if line.block.tag == "h1"] or title
    return named + [line.text for line in within]


def _parsed(page: str) -> etree._Element:
    try:
        # NUL ends the text for the parser, and a declared encoding is refused in a text that is decoded already.
        text = re.sub(r"^\s*<\?xml[^>]*\?>", "", UNFIT.sub("", page))
        parser = html.HTMLParser(no_network=True, remove_comments=True, remove_pis=True, huge_tree=False)
        root = html.document_fromstring(text, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError, AssertionError):
        message = "网页文件无法识别。"
        raise Invalid(message, code="unreadable_file", errors=[{"field": "file", "message": message}]) from None
    for element in root.iter():
        if UNFIT.search(element.text or ""):
            element.text = UNFIT.sub("", element.text)
        if UNFIT.search(element.tail or ""):
            element.tail = UNFIT.sub("", element.tail)
    return root


def _title(root: etree._Element) -> list[str]:
    found = root.find("head/title")
    text = " ".join((found.text or "").split()) if found is not None else ""
    return [text] if text else []


def _drop(root: etree._Element) -> None:
    """Takes out what is no text, whole; of a form in which most of the page stands, only the frame."""
    sizes: dict[etree._Element, int] = {}
    for element in reversed(list(root.iter())):
        sizes[element] = len(element.text or "") + sum(sizes[child] + len(child.tail or "") for child in element)
    for element in list(root.iter(*DROPPED, "form")):
        is_frame = element.tag == "form" and sizes[element] > FRAME_SHARE * sizes[root]
        if not is_frame and element.getparent() is not None:
            element.drop_tree()
    for element in list(root.iter()):
        hidden = element.get("hidden") is not None or HIDDEN.search(element.get("style") or "")
        if hidden and element.tag not in ("html", "body") and element.getparent() is not None:
            element.drop_tree()


def _lines(root: etree._Element) -> list[_Line]:
    """What stands on a line of its own: blocks and <br> end a line."""
    found: list[_Line] = []
    blocks = [root]
    pieces: list[str] = []

    def end_line() -> None:
        if text := re.sub(r"\s+", " ", "".join(pieces)).strip():
            found.append(_Line(text, blocks[-1]))
        pieces.clear()

    for event, element in etree.iterwalk(root, events=("start", "end")):
        is_block = element.tag in BLOCKS
        if event == "start":
            if is_block or element.tag == "br":
                end_line()
            if is_block:
                blocks.append(element)
            pieces.append(element.text or "")
        else:
            if is_block:
                end_line()
                blocks.pop()
            pieces.append(element.tail or "")
    end_line()
    return found


def _plain(text: str) -> str:
    """A line for comparison: no width, spaces or punctuation."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text))


def _container(lines: Sequence[_Line], headings: Sequence[str]) -> etree._Element | None:
    """The smallest element around the headings; None when fewer than two are there.

    A heading that stands in several places counts where most text follows it: in a table of contents none does.
    """
    places = _places(lines, headings)
    following = _characters_after(lines, sorted(n for found in places.values() for n in found))
    chosen: list[int] = []
    for heading in headings:
        found = places.get(_plain(heading), [])
        after = [n for n in found if not chosen or n > chosen[-1]]
        if heading == headings[-1] and after and chosen:
            # After the last heading of a table of contents comes the whole text: there, the order tells.
            chosen.append(after[0])
        elif found:
            chosen.append(max(found, key=lambda n: following[n]))
    if len(set(chosen)) < 2:
        return None
    chains = [[lines[n].block, *lines[n].block.iterancestors()] for n in sorted(set(chosen))]
    shared = set(map(id, chains[0])).intersection(*(set(map(id, chain)) for chain in chains[1:]))
    return next(element for element in chains[0] if id(element) in shared)


def _places(lines: Sequence[_Line], headings: Sequence[str]) -> dict[str, list[int]]:
    """Where each heading stands, with or without its numeral (at most three characters)."""
    wanted = {_plain(heading) for heading in headings}
    longest = max(map(len, wanted), default=0) + 3
    places: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        if len(line.text) <= 2 * longest:
            own = _plain(line.text)
            for cut in range(4):
                if own[cut:] in wanted:
                    places.setdefault(own[cut:], []).append(number)
                    break
    return places


def _characters_after(lines: Sequence[_Line], places: Sequence[int]) -> dict[int, int]:
    ends = [*places[1:], len(lines)]
    return {n: sum(len(line.text) for line in lines[n + 1 : end]) for n, end in zip(places, ends, strict=True)} if places else {}
