"""Writing workbooks: figures to take away, and empty forms to fill in. Text is written as text, never as a formula."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

FORM_ROWS = 1000
# What one cell holds at most, and what one drop-down holds as text (specifications of Excel).
MOST_CELL_CHARACTERS = 32_767
MOST_LIST_CHARACTERS = 255

# A cell that starts with one of these could be taken for a formula by a program that opens the file (OWASP: CSV injection).
FORMULA_STARTS = tuple("=+-@\t\r\x00＝＋－＠")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_NOT_IN_TITLES = re.compile(r"[\[\]:*?/\\'!]")
_HEAD = {"bold": True, "bg_color": "#F2E6E6", "border": 1, "text_wrap": True, "valign": "vcenter"}
_FORMS = {"text": {}, "integer": {"num_format": "0"}, "percent": {"num_format": "0.0%"}, "date": {"num_format": "yyyy-mm-dd"}}


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


def safe_text(text: str) -> str:
    """`text` as it may stand in a cell: no control characters, an apostrophe before what could be a formula, cut to a cell's limit."""
    clean = CONTROL.sub("", _SURROGATE.sub("\ufffd", re.sub(r"\r\n?", "\n", text)))
    if text.startswith(FORMULA_STARTS) or clean.startswith(FORMULA_STARTS):
        clean = "'" + clean
    return clean if len(clean) <= MOST_CELL_CHARACTERS else clean[: MOST_CELL_CHARACTERS - 1] + "…"


def write_book(sheets: Sequence[Sheet]) -> bytes:
    """An xlsx file. Every text is written as a string, never as a formula; the header row is frozen and repeated in print."""
    out = io.BytesIO()
    with _book(out) as book:
        head = book.add_format(_HEAD)
        forms = {name: book.add_format(form) for name, form in _FORMS.items()}
        for sheet in sheets:
            page = book.add_worksheet(_title(sheet.title))
            _fill(page, sheet, head, forms)
            if sheet.chart and sheet.rows:
                page.insert_chart(1, len(sheet.columns) + 1, _chart(book, sheet))
    return out.getvalue()


def _book(out: io.BytesIO) -> Any:
    import xlsxwriter

    return xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})


def _title(text: str) -> str:
    """A sheet's name as Excel takes it: 31 characters, none of []:*?/\\, and neither ' nor !, which end a name in a reference."""
    return _NOT_IN_TITLES.sub(" ", CONTROL.sub("", text)).strip()[:31] or "表"


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
    chart, title, last = book.add_chart({"type": sheet.chart.kind}), _title(sheet.title), len(sheet.rows)
    chart.add_series(
        {
            "name": [title, 0, sheet.chart.values],
            "categories": [title, 1, sheet.chart.categories, last, sheet.chart.categories],
            "values": [title, 1, sheet.chart.values, last, sheet.chart.values],
        }
    )
    # A title with an exclamation mark could be taken for a reference to a sheet.
    chart.set_title({"name": safe_text(sheet.chart.title).replace("!", "！")})
    chart.set_legend({"none": True})
    return chart


def template(columns: Sequence[str], choices: Mapping[str, Sequence[str]], examples: Sequence[Sequence[str]], title: str) -> bytes:
    """An empty form: header row, drop-downs over 1000 rows for the columns in `choices`; a second sheet with examples and the choices."""
    out = io.BytesIO()
    with _book(out) as book:
        head, text = book.add_format(_HEAD), book.add_format({"num_format": "@"})
        form, notes = book.add_worksheet(_title(title)), book.add_worksheet("说明")
        form.freeze_panes(1, 0)
        notes.set_column(0, len(columns), 16)
        notes.write_string(0, 0, f"“{title}”填写示例（请在第一张表中填写）")
        for number, row in enumerate([columns, *examples], start=2):
            for index, value in enumerate(row):
                notes.write_string(number, index, safe_text(value), head if number == 2 else text)
        below = len(examples) + 4
        notes.write_string(below, 0, "下列各栏请从所列内容中选填：")
        for index, column in enumerate(columns):
            # Cells are text, so that a spreadsheet does not turn a phone number or 2001.10 into a number.
            form.set_column(index, index, 16, text)
            form.write_string(0, index, safe_text(column), head)
            if column in choices:
                below += 1
                listed = [safe_text(choice) for choice in choices[column]]
                notes.write_row(below, 0, [column, *listed])
                form.data_validation(1, index, FORM_ROWS, index, _listed(listed, row=below))
    return out.getvalue()


def _listed(choices: Sequence[str], *, row: int) -> dict[str, Any]:
    """The drop-down; a list too long to stand in the rule itself is taken from its row on the second sheet."""
    source: Any = list(choices)
    if len(",".join(choices)) > MOST_LIST_CHARACTERS or any("," in choice for choice in choices):
        from xlsxwriter.utility import xl_range_abs

        source = f"=说明!{xl_range_abs(row, 1, row, len(choices))}"
    return {
        "validate": "list",
        "source": source,
        "error_title": "请从列表中选择",
        "error_message": "此栏只能填写列表中的内容。",
    }
