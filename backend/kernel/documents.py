"""Reading and writing spreadsheets and documents: the only home of XlsxWriter, python-calamine and python-docx.

Whatever a file holds, reading it has no effect: no formula is evaluated, no entity or address is followed, sizes are bounded first.
"""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import docx
import xlsxwriter
from charset_normalizer import from_bytes
from python_calamine import CalamineError, CalamineWorkbook

from backend.kernel import webpages
from backend.kernel.errors import Invalid

MOST_SHEET_BYTES = 5 * 1024 * 1024
MOST_DOCUMENT_BYTES = 10 * 1024 * 1024
MOST_UNPACKED_BYTES = 100 * 1024 * 1024
MOST_ROWS = 20_000
FORM_ROWS = 1000

# A cell that starts with one of these could be taken for a formula by a program that opens the file (OWASP: CSV injection).
FORMULA_STARTS = tuple("=+-@\t\r＝＋－＠")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def unreadable(sentence: str) -> Invalid:
    return Invalid(sentence, code="unreadable_file", errors=[{"field": "file", "message": sentence}])


def _refuse_bomb(content: bytes, *, what: str) -> None:
    """Office files are zip archives: their unpacked size is read from the directory before anything is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_UNPACKED_BYTES:
                raise unreadable("文件展开后过大，请拆分后再上传。")
    except (zipfile.BadZipFile, ValueError, OSError):
        raise unreadable(f"文件不是有效的 {what} 文件，或已损坏。") from None


# --- spreadsheets in ----------------------------------------------------------------------------------------------------


def read_sheet(content: bytes) -> list[tuple[int, dict[str, str]]]:
    """The first sheet's rows below its header row, as (row number in the file, {header: text}); empty rows are left out.

    Raises Invalid `unreadable_file` for anything that is no xlsx, is too large (5 MB, 20,000 rows) or has doubled headers.
    """
    if len(content) > MOST_SHEET_BYTES:
        raise unreadable("文件不能超过 5 MB。")
    _refuse_bomb(content, what="xlsx")
    try:
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
        if sheet.total_height > MOST_ROWS + 1:
            raise unreadable(f"文件不能超过 {MOST_ROWS} 行。")
        first = sheet.start[0] if sheet.start else 0
        cells = sheet.to_python(skip_empty_area=True)
    except (CalamineError, ValueError, OSError, IndexError):
        raise unreadable("文件不是有效的 xlsx 文件，或已损坏。") from None
    texts = [(first + number, [_text(cell) for cell in row]) for number, row in enumerate(cells, start=1)]
    filled = [(number, row) for number, row in texts if any(row)]
    if not filled:
        return []
    headers = [unicodedata.normalize("NFKC", header).replace("\n", "").strip() for header in filled[0][1]]
    named = [header for header in headers if header]
    if doubled := sorted({header for header in named if named.count(header) > 1}):
        raise unreadable(f"表头重复：{'、'.join(doubled)}。")
    return [(number, {h: t for h, t in zip(headers, row, strict=False) if h}) for number, row in filled[1:]]


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
    return _CONTROL.sub("", str(cell)).strip() if cell is not None else ""


# --- spreadsheets out ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    """`form`: text, integer, percent (0..1) or date; `width` in characters."""

    title: str
    width: float = 12
    form: str = "text"


@dataclass(frozen=True, slots=True)
class Chart:
    """A native chart of one numeric column over a text column, by column index; kind `column` or `bar`."""

    title: str
    categories: int
    values: int
    kind: str = "column"


@dataclass(frozen=True, slots=True)
class Sheet:
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    chart: Chart | None = field(default=None)


_FORMS = {"text": {}, "integer": {"num_format": "0"}, "percent": {"num_format": "0.0%"}, "date": {"num_format": "yyyy-mm-dd"}}


def safe_text(text: str) -> str:
    """`text` as it may stand in a cell: no control characters, and an apostrophe before what could be taken for a formula."""
    text = _SURROGATE.sub("�", text)
    clean = _CONTROL.sub("", text)
    return "'" + clean if text.startswith((*FORMULA_STARTS, "\x00")) or clean.startswith(FORMULA_STARTS) else clean


def write_book(sheets: Sequence[Sheet]) -> bytes:
    """An xlsx file. Every text is written as a string, never as a formula; headers are frozen and filtered."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        head = book.add_format({"bold": True, "bg_color": "#F2E6E6", "border": 1, "text_wrap": True, "valign": "vcenter"})
        forms = {name: book.add_format(form) for name, form in _FORMS.items()}
        for sheet in sheets:
            page = book.add_worksheet(sheet.title[:31])
            _fill(page, sheet, head, forms)
            if sheet.chart and sheet.rows:
                page.insert_chart(1, len(sheet.columns) + 1, _chart(book, sheet))
    return out.getvalue()


def _fill(page: Any, sheet: Sheet, head: Any, forms: Mapping[str, Any]) -> None:
    page.freeze_panes(1, 0)
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, 0)
    page.repeat_rows(0)
    for index, column in enumerate(sheet.columns):
        page.set_column(index, index, column.width)
        page.write_string(0, index, safe_text(column.title), head)
    for number, row in enumerate(sheet.rows, start=1):
        for index, (value, column) in enumerate(zip(row, sheet.columns, strict=True)):
            _write(page, number, index, value, forms[column.form])


def _write(page: Any, row: int, column: int, value: Any, form: Any) -> None:
    if value is None:
        page.write_blank(row, column, None, form)
    elif isinstance(value, bool):
        page.write_string(row, column, "是" if value else "否", form)
    elif isinstance(value, int | float):
        page.write_number(row, column, value, form)
    elif isinstance(value, date):
        page.write_datetime(row, column, datetime(value.year, value.month, value.day), form)  # noqa: DTZ001
    else:
        page.write_string(row, column, safe_text(str(value)), form)


def _chart(book: Any, sheet: Sheet) -> Any:
    chart, last = book.add_chart({"type": sheet.chart.kind}), len(sheet.rows)
    title = sheet.title[:31]
    chart.add_series(
        {
            "name": sheet.columns[sheet.chart.values].title,
            "categories": [title, 1, sheet.chart.categories, last, sheet.chart.categories],
            "values": [title, 1, sheet.chart.values, last, sheet.chart.values],
        }
    )
    chart.set_title({"name": sheet.chart.title})
    chart.set_legend({"none": True})
    return chart


def template(columns: Sequence[str], choices: Mapping[str, Sequence[str]], examples: Sequence[Sequence[str]], title: str) -> bytes:
    """An empty form: header row, drop-downs over 1000 rows for the columns in `choices`, examples and explanation on a second sheet."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False}) as book:
        head, text = book.add_format({"bold": True, "bg_color": "#F2E6E6", "border": 1}), book.add_format({"num_format": "@"})
        form, notes = book.add_worksheet(title[:31]), book.add_worksheet("说明")
        form.freeze_panes(1, 0)
        for index, column in enumerate(columns):
            form.set_column(index, index, 16, text)
            form.write_string(0, index, column, head)
            if column in choices:
                form.data_validation(1, index, FORM_ROWS, index, {"validate": "list", "source": list(choices[column])})
        notes.set_column(0, len(columns), 16)
        notes.write_string(0, 0, f"{title}填写示例（请在第一张表中填写）")
        for number, row in enumerate([columns, *examples], start=2):
            for index, value in enumerate(row):
                notes.write_string(number, index, value, head if number == 2 else None)
    return out.getvalue()


# --- documents in -------------------------------------------------------------------------------------------------------


def paragraphs(filename: str, content: bytes, *, headings: Sequence[str] = ()) -> list[str]:
    """The paragraphs of a .txt, .docx or saved web page, in order, without menus, scripts and the like.

    `headings` that the text is known to have help to find its place in a page. Raises Invalid `unreadable_file`.
    """
    if len(content) > MOST_DOCUMENT_BYTES:
        raise unreadable("文件不能超过 10 MB。")
    kind = _kind(filename, content)
    if kind == "docx":
        found = _docx(content)
    elif kind == "html":
        found = webpages.paragraphs(decode(content, html=True), headings=headings)
    else:
        found = decode(content).splitlines()
    lines = (unicodedata.normalize("NFC", line.replace("\u3000", " ").replace("\xa0", " ")).strip() for line in found)
    return [_CONTROL.sub("", line) for line in lines if line]


def _kind(filename: str, content: bytes) -> str:
    suffix = filename.lower().rpartition(".")[2]
    if content.startswith(b"PK\x03\x04") or suffix == "docx":
        return "docx"
    if content.startswith((b"%PDF", b"\xd0\xcf\x11\xe0")):
        raise unreadable("不支持 PDF 与旧版 doc 文件，请另存为 txt、docx 或网页。")
    if suffix in ("html", "htm", "xhtml") or re.search(rb"<(?:!doctype html|html|body|p)\b", content[:4096], re.IGNORECASE):
        return "html"
    return "txt"


def decode(content: bytes, *, html: bool = False) -> str:
    """Text of unknown encoding: a mark or a page's own word first, then UTF-8, GB18030, and a guess."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    declared = re.search(rb"charset\s*=\s*[\"']?\s*([A-Za-z0-9_-]+)", content[:4096]) if html else None
    names = [declared.group(1).decode("ascii")] if declared else []
    for name in (*names, "utf-8-sig", "gb18030"):
        try:
            return content.decode("gb18030" if name.lower() in ("gb2312", "gbk") else name)
        except (UnicodeDecodeError, LookupError):
            continue
    best = from_bytes(content).best()
    if best is None:
        raise unreadable("无法识别文件的文字编码，请另存为 UTF-8 文本。")
    return str(best)


def _docx(content: bytes) -> list[str]:
    _refuse_bomb(content, what="docx")
    try:
        document = docx.Document(io.BytesIO(content))
    except Exception:  # python-docx raises whatever its XML or zip layer does; each means the same to the user
        raise unreadable("文件不是有效的 docx 文件，或已损坏。") from None
    return [line for paragraph in document.paragraphs for line in paragraph.text.splitlines()]
