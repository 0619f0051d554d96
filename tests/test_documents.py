"""Spreadsheets in and out: `backend/kernel/documents.py` and the files beside it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from backend.kernel.documents import Chart, Column, Sheet, read_sheet, template, write_book
from backend.kernel.errors import Invalid

HOSTILE = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\x00=1", "\x01=1", "＝1", "＋1", "－1", "＠1", '=HYPERLINK("x")', "=cmd|' /C calc'!A0",
]  # fmt: skip


def book(*rows: list[Any], write: Callable[[Any, Any], None] | None = None) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet()
        day = workbook.add_format({"num_format": "yyyy-mm-dd"})
        for number, row in enumerate(rows):
            for index, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write_datetime(number, index, datetime(cell.year, cell.month, cell.day), day)  # noqa: DTZ001
                else:
                    sheet.write(number, index, cell)
        if write:
            write(workbook, sheet)
    return out.getvalue()


def repacked(content: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, change(name, source.read(name)))
    return out.getvalue()


def refused(content: bytes) -> str:
    with pytest.raises(Invalid) as caught:
        read_sheet(content)
    assert caught.value.code == "unreadable_file"
    assert caught.value.extra["errors"] == [{"field": "file", "message": caught.value.detail}]
    return caught.value.detail


def cells(content: bytes, sheet: int = 0) -> list[list[Any]]:
    return [[cell.value for cell in row] for row in openpyxl.load_workbook(io.BytesIO(content)).worksheets[sheet].iter_rows()]


def test_rows_come_with_the_numbers_that_a_person_sees_and_cells_as_text():
    header = [" 姓名 ", "手机号", "入党\n时间", "备注", ""]
    content = book([], header, ["张三", 13800000000, date(2001, 7, 1), "　空格　", "无题"], [], ["李四", 1.5])
    assert read_sheet(content) == [
        (3, {"姓名": "张三", "手机号": "13800000000", "入党时间": "2001-07-01", "备注": "空格"}),
        (5, {"姓名": "李四", "手机号": "1.5", "入党时间": "", "备注": ""}),
    ]


def test_headers_are_taken_without_regard_to_width_and_spaces():
    assert read_sheet(book(["选项 Ａ", "单位／专委会"], ["甲", "乙"])) == [(2, {"选项A": "甲", "单位/专委会": "乙"})]


def test_truth_values_and_invisible_characters_become_what_is_read():
    rows = read_sheet(book(["答案", "备注"], [True, "\ufeff甲\u200b乙"], [False, ""]))
    assert rows == [(2, {"答案": "对", "备注": "甲乙"}), (3, {"答案": "错", "备注": ""})]


def test_only_the_first_sheet_is_read():
    content = book(["姓名"], ["张三"], write=lambda workbook, _: workbook.add_worksheet("别的").write(0, 0, "不读"))
    assert read_sheet(content) == [(2, {"姓名": "张三"})]


def test_an_empty_sheet_and_a_header_alone_have_no_rows():
    assert read_sheet(book()) == []
    assert read_sheet(book(["姓名"])) == []


def test_a_formula_is_never_evaluated_only_its_stored_value_read():
    content = book(["数"], write=lambda _, sheet: sheet.write_formula(1, 0, "=1+1", None, 7))
    assert read_sheet(content) == [(2, {"数": "7"})]


def test_doubled_headers_are_refused_by_name():
    assert "姓名" in refused(book(["姓名", " 姓 名"], ["张三", "李四"]))


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04broken", b"\xd0\xcf\x11\xe0" + bytes(600), b"\x00" * 1000])
def test_what_is_no_xlsx_is_refused_in_chinese(content: bytes):
    assert "xlsx" in refused(content)


def test_a_docx_or_an_ods_is_no_xlsx():
    for name in ("word/document.xml", "content.xml"):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr(name, "<a/>")
        assert "xlsx" in refused(out.getvalue())


def test_a_truncated_and_a_damaged_file_are_refused():
    content = book(["姓名"], ["张三"])
    refused(content[: len(content) // 2])
    refused(repacked(content, lambda name, part: part[:-20] if "sheet1" in name else part))


def test_a_file_over_five_megabytes_is_refused():
    assert "5 MB" in refused(b"PK" + bytes(5 * 1024 * 1024))


def test_a_zip_bomb_is_refused_before_it_is_read():
    bomb = repacked(book(["姓名"]), lambda name, part: part + b" " * 101 * 1024 * 1024 if "sharedStrings" in name else part)
    assert len(bomb) < 5 * 1024 * 1024
    assert "过大" in refused(bomb)


def test_a_zip_bomb_that_lies_about_its_size_is_refused():
    honest = repacked(book(["姓名"]), lambda name, part: part + b" " * 101 * 1024 * 1024 if "sharedStrings" in name else part)
    with zipfile.ZipFile(io.BytesIO(honest)) as archive:
        size = next(entry.file_size for entry in archive.infolist() if "sharedStrings" in entry.filename)
    refused(honest.replace(size.to_bytes(4, "little"), (500).to_bytes(4, "little")))


@pytest.mark.parametrize("place", [(1_048_575, 16_383), (19_000, 16_383), (1_048_575, 0), (0, 100), (20_001, 0)])
def test_one_far_cell_does_not_end_the_process(place: tuple[int, int]):
    assert "100 列" in refused(book(["姓名"], write=lambda _, sheet: sheet.write(*place, "远")))


def test_twenty_thousand_rows_are_read():
    rows = read_sheet(book(["姓名"], *([f"某{n}"] for n in range(20_000))))
    assert (len(rows), rows[-1]) == (20_000, (20_001, {"姓名": "某19999"}))


def test_entities_in_a_sheet_are_refused():
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    refused(repacked(book(["姓名"]), lambda name, part: part.replace(b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>', bomb)))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_a_formula(text: str):
    content = write_book([Sheet(text, [Column(text)], [[text]], Chart(text, 0, 0))])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert "<c:tx><c:rich>" in archive.read("xl/charts/chart1.xml").decode()
    sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    for cell in (sheet["A1"], sheet["A2"]):
        assert cell.data_type == "s"
        assert cell.value.startswith("'")
        assert cell.value[1:].strip() == "".join(c for c in text if c >= " ").strip()


def test_a_text_without_danger_comes_back_unchanged():
    texts = ["张三", "1=1", "第一行\n第二行", "a'b", "13800000000", "https://example.invalid/"]
    assert [row[0] for row in cells(write_book([Sheet("表", [Column("题")], [[text] for text in texts])]))[1:]] == texts


def test_control_characters_surrogates_and_overlong_texts_do_not_break_a_book():
    written = cells(write_book([Sheet("表", [Column("题")], [["a\x00\x0b\ud800b"], ["长" * 40_000]])]))
    assert written[1][0] == "a\ufffdb"
    assert len(written[2][0]) == 32_767 and written[2][0].endswith("…")


def test_numbers_rates_and_days_are_written_as_such():
    columns = [Column("数", 8, "integer"), Column("率", 8, "percent"), Column("日", 12, "date"), Column("空"), Column("是否")]
    content = write_book([Sheet("表", columns, [[3, 0.5, date(2023, 2, 13), None, True]])])
    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    assert [cell.value for cell in sheet[2]] == [3, 0.5, datetime(2023, 2, 13), None, "是"]  # noqa: DTZ001
    assert [cell.number_format for cell in sheet[2]][:3] == ["0", "0.0%", "yyyy-mm-dd"]
    assert sheet.freeze_panes == "A2"


def test_a_chart_is_native_and_names_its_cells():
    columns = [Column("方面"), Column("覆盖率", 8, "percent")]
    content = write_book([Sheet("按方面", columns, [["一", 0.5], ["二", 1]], Chart("覆盖率", 0, 1, "bar"))])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        chart = archive.read("xl/charts/chart1.xml").decode()
    assert "<c:barChart>" in chart and "按方面'!$B$2:$B$3" in chart.replace("按方面!", "按方面'!")


def test_sheet_names_that_excel_refuses_are_made_fit():
    content = write_book([Sheet(title, [], []) for title in ("a/b:[c]*?\\", "长" * 40, "'")])
    assert openpyxl.load_workbook(io.BytesIO(content)).sheetnames == ["a b  c", "长" * 31, "表"]


def test_an_empty_form_has_drop_downs_over_a_thousand_rows_and_a_second_sheet():
    content = template(("姓名", "身份"), {"身份": ["正式党员", "会员"]}, [("张示例", "会员")], "党员名册")
    workbook = openpyxl.load_workbook(io.BytesIO(content))
    assert workbook.sheetnames == ["党员名册", "说明"]
    (rule,) = workbook.worksheets[0].data_validations.dataValidation
    assert (str(rule.sqref), rule.formula1) == ("B2:B1001", '"正式党员,会员"')
    assert ["张示例", "会员"] in [row[:2] for row in cells(content, 1)]
    assert read_sheet(content) == []


def test_a_list_too_long_for_a_drop_down_is_taken_from_the_second_sheet():
    committees = [f"第{n}个名称很长的专业委员会，用于测试" for n in range(40)]
    content = template(("专委会",), {"专委会": committees}, [], "党员名册")
    (rule,) = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0].data_validations.dataValidation
    assert rule.formula1 == "说明!$B$6:$AO$6"
    assert cells(content, 1)[5][1:41] == committees
