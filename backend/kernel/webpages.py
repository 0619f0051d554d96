"""Finding the text in a saved web page: the smallest element that holds the known headings, without what surrounds it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from lxml import etree, html

from backend.kernel.errors import Invalid

DROPPED = (
    "script style noscript template head nav header footer aside form button select textarea iframe object svg canvas video audio".split()
)
BLOCKS = frozenset(
    "p div section article main h1 h2 h3 h4 h5 h6 li ul ol dl dt dd table tr td th blockquote pre figure figcaption hr center body".split()
)
HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


def paragraphs(page: str, *, headings: Sequence[str] = ()) -> list[str]:
    """The block texts of the page, or of the part that holds at least two of `headings`, in order."""
    try:
        parser = html.HTMLParser(no_network=True, remove_comments=True, remove_pis=True, huge_tree=False)
        root = html.document_fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", page), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        message = "网页文件无法识别。"
        raise Invalid(message, code="unreadable_file", errors=[{"field": "file", "message": message}]) from None
    for element in list(root.iter(*DROPPED)):
        element.drop_tree()
    for element in [e for e in root.iter() if e.get("hidden") is not None or HIDDEN.search(e.get("style") or "")]:
        if element.getparent() is not None:
            element.drop_tree()
    return _blocks(_container(root, headings))


def plain(text: str) -> str:
    """A line for comparison: no width, spaces or punctuation."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(c for c in folded if not c.isspace() and not unicodedata.category(c).startswith("P"))


def _container(root: etree._Element, headings: Sequence[str]) -> etree._Element:
    wanted = [plain(heading) for heading in headings]
    places: dict[str, list[etree._Element]] = {}
    for element in root.iter():
        if isinstance(element.tag, str) and element.tag != "a" and not element.xpath("ancestor::a"):
            own = plain(_own_text(element))
            for heading in wanted:
                if own and own.endswith(heading) and len(own) <= len(heading) + 4:
                    places.setdefault(heading, []).append(element)
    if len(places) < 2:
        return root
    # The last place of each heading: a table of contents stands before the text.
    chains = [[e, *e.iterancestors()] for e in (found[-1] for found in places.values())]
    shared = set(map(id, chains[0])).intersection(*(set(map(id, chain)) for chain in chains[1:]))
    return next(e for e in chains[0] if id(e) in shared)


def _own_text(element: etree._Element) -> str:
    """The text of an element that holds no other block; of a larger one, nothing."""
    if any(isinstance(child.tag, str) and child.tag in BLOCKS for child in element.iterdescendants()):
        return ""
    return element.text_content()


def _blocks(container: etree._Element) -> list[str]:
    lines: list[list[str]] = [[]]

    def walk(element: etree._Element) -> None:
        is_block = element.tag in BLOCKS
        if is_block or element.tag == "br":
            lines.append([])
        lines[-1].append(element.text or "")
        for child in element:
            if isinstance(child.tag, str):
                walk(child)
            lines[-1].append(child.tail or "")
        if is_block:
            lines.append([])

    walk(container)
    return [text for line in lines if (text := re.sub(r"[\s\u3000\xa0]+", " ", "".join(line)).strip())]
