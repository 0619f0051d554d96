"""Reading spreadsheets and documents; with the files beside it the only home of XlsxWriter, python-calamine and python-docx.

Whatever a file holds, reading it has no effect: no formula is evaluated, no entity or address is followed, sizes are bounded first.
Each library is imported where it is used: a process that is never given a file does not carry it.
"""

from __future__ import annotations

import codecs
import io
import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from backend.kernel.documents_archive import MOST_ROWS, refuse_bomb, refuse_wide_sheets, unreadable
from backend.kernel.documents_books import CONTROL, Chart, Column, Sheet, safe_text, template, write_book
from backend.kernel.documents_lines import unwrapped

__all__ = [
    "Chart", "Column", "Sheet", "decode", "paragraphs", "read_sheet", "safe_text", "template", "unreadable", "write_book",
]  # fmt: skip

MOST_SHEET_BYTES = 5 * 1024 * 1024
MOST_DOCUMENT_BYTES = 10 * 1024 * 1024
# Characters that show nothing and that copying from a page leaves behind.
_INVISIBLE = re.compile("[\u200b-\u200f\u2028-\u202e\u2060\ufeff]")
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_BROKEN_SHEET = "文件不是有效的 xlsx 文件，或已损坏。"
_BROKEN_DOCX = "文件不是有效的 docx 文件，或已损坏。"


def read_sheet(content: bytes) -> list[tuple[int, dict[str, str]]]:
    """The first sheet's rows below its header row, as (row number in the file, {header: text}); empty rows are left out.

    The header row is the first row with anything in it; a column without a header is left out. Raises Invalid `unreadable_file` for
    anything that is no xlsx, is too large (5 MB, 100 MB unpacked, 20,000 rows, 100 columns) or has doubled headers.
    """
    if len(content) > MOST_SHEET_BYTES:
        raise unreadable("文件不能超过 5 MB。")
    from python_calamine import CalamineError, CalamineWorkbook

    refuse_wide_sheets(refuse_bomb(content, what="xlsx"))
    try:
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
        first = sheet.start[0] if sheet.start else 0
        cells = sheet.to_python(skip_empty_area=True)
    except (CalamineError, ValueError, OSError, IndexError):
        raise unreadable(_BROKEN_SHEET) from None
    texts = [(first + number, [_text(cell) for cell in row]) for number, row in enumerate(cells, start=1)]
    filled = [(number, row) for number, row in texts if any(row)]
    if not filled:
        return []
    if len(filled) > MOST_ROWS + 1:
        raise unreadable(f"文件不能超过 {MOST_ROWS} 行。")
    headers = ["".join(unicodedata.normalize("NFKC", header).split()) for header in filled[0][1]]
    named = [header for header in headers if header]
    if doubled := sorted({header for header in named if named.count(header) > 1}):
        raise unreadable(f"表头重复：{'、'.join(doubled)}。")
    return [(number, {h: t for h, t in zip(headers, row, strict=True) if h}) for number, row in filled[1:]]


def _text(cell: Any) -> str:
    """A cell as a person reads it: 13800000000.0 is 13800000000, dates are ISO."""
    if isinstance(cell, bool):
        return "对" if cell else "错"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    return _visible(str(cell)).strip() if cell is not None else ""


def paragraphs(filename: str, content: bytes, *, headings: Sequence[str] = ()) -> list[str]:
    """The paragraphs of a .txt, .docx or saved web page, in order, without tables, menus, scripts and the like.

    `headings` that the text is known to have help to find its place in a page. Raises Invalid `unreadable_file`.
    """
    if len(content) > MOST_DOCUMENT_BYTES:
        raise unreadable("文件不能超过 10 MB。")
    kind = _kind(filename, content)
    if kind == "docx":
        found = _docx(content)
    elif kind == "html":
        from backend.kernel import webpages

        found = webpages.paragraphs(decode(content, html=True), headings=headings)
    else:
        found = unwrapped(decode(content), headings=headings)
    lines = (unicodedata.normalize("NFC", _visible(re.sub(r"[^\S\n]", " ", line))).strip() for line in found)
    return [line for line in lines if line]


def _visible(text: str) -> str:
    return _INVISIBLE.sub("", CONTROL.sub("", text))


def _kind(filename: str, content: bytes) -> str:
    """docx, html or txt: what the content says goes before what the name says."""
    suffix = filename.lower().rpartition(".")[2]
    if content.startswith((b"%PDF", b"\xd0\xcf\x11\xe0", b"{\\rtf")):
        raise unreadable("不支持 PDF、RTF 与旧版 doc 文件，请另存为 txt、docx 或网页。")
    if content.startswith(b"PK\x03\x04") or suffix == "docx":
        return "docx"
    if suffix in ("html", "htm", "xhtml", "shtml") or re.search(rb"<(?:!doctype html|html|body|head)\b", content[:4096], re.IGNORECASE):
        return "html"
    return "txt"


def decode(content: bytes, *, html: bool = False) -> str:
    """Text of unknown encoding: its own mark first, then a page's own word, then UTF-8, GB18030, and a guess."""
    for mark, name in _MARKS.items():
        if content.startswith(mark):
            return content.decode(name, "replace").removeprefix("\ufeff")
    for name in (*_declared(content[:4096] if html else b""), "utf-8", "gb18030"):
        try:
            return content.decode(name)
        except (UnicodeError, LookupError):
            continue
    from charset_normalizer import from_bytes

    best = from_bytes(content).best()
    if best is None:
        raise unreadable("无法识别文件的文字编码，请另存为 UTF-8 文本。")
    return str(best)


def _declared(start: bytes) -> list[str]:
    """The encoding that a page names, GB18030 for all of its family; a page whose mark could be read as ASCII is not in UTF-16."""
    found = re.search(rb"charset\s*=\s*[\"']?\s*([A-Za-z0-9_-]+)", start, re.IGNORECASE)
    name = found.group(1).decode("ascii").lower() if found else ""
    if name.startswith(("gb", "x-gb", "hz")):
        return ["gb18030"]
    return [name] if name.startswith(("utf-8", "utf8", "big5")) else []


def _docx(content: bytes) -> list[str]:
    refuse_bomb(content, what="docx")
    import docx

    try:
        document = docx.Document(io.BytesIO(content))
        return [line for paragraph in document.paragraphs for line in paragraph.text.splitlines()]
    except Exception:  # python-docx raises whatever its XML or zip layer does; each means the same to the user
        raise unreadable(_BROKEN_DOCX) from None
