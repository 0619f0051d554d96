"""Rows of the roster form: `backend/rules/forms_roster.py`."""

from __future__ import annotations

from datetime import date

import pytest

from backend.rules.forms_roster import COLUMNS, EXAMPLES, RosterDraft, roster_row, roster_sheet


def row(**given: str) -> dict[str, str]:
    return {**dict.fromkeys(COLUMNS, ""), "姓名": "张三", **given}


def draft(**given: str) -> RosterDraft:
    found, reasons = roster_row(row(**given))
    assert reasons == [] and found is not None
    return found


def reasons(**given: str) -> list[str]:
    found, why = roster_row(row(**given))
    assert found is None and why
    return why


def test_a_full_row_becomes_a_draft():
    written = {"手机号": "138 0000-0001", "专委会": "焊接专委会", "身份": "正式党员", "类别": "专家学者"}
    found = draft(**written, 职务="副主任委员", 入党时间="2001年7月1日", 备注="无")
    assert found == RosterDraft("张三", "13800000001", "焊接专委会", "full", "expert", "副主任委员", date(2001, 7, 1), "无")


def test_a_name_alone_is_an_associate_and_a_peer():
    assert draft() == RosterDraft("张三", None, None, "associate", "peer", "", None, "")


@pytest.mark.parametrize(
    "text, status",
    [("正式党员", "full"), ("预备党员", "probationary"), ("入党积极分子", "activist"), ("会员", "associate"), ("", "associate")],
)
def test_each_status_of_the_form_has_its_word(text: str, status: str):
    assert draft(身份=text).status == status


@pytest.mark.parametrize(
    "text, tier", [("领导干部", "leader"), ("专家学者", "expert"), ("先进人物", "exemplar"), ("会员", "peer"), ("", "peer")]
)
def test_each_tier_of_the_form_has_its_word(text: str, tier: str):
    assert draft(类别=text).tier == tier


@pytest.mark.parametrize("column", ["专委会", "单位/专委会", "专业委员会", "党小组"])
def test_the_unit_is_taken_from_each_name_of_its_column(column: str):
    cells = {"姓名": "张三", column: "焊接专业委员会"}
    assert roster_sheet([(2, cells)])[0][0][1].unit == "焊接专业委员会"


@pytest.mark.parametrize(
    "text", ["13800000001", "+86 138 0000 0001", "86-13800000001", "008613800000001", "１３８０００００００１", "138-0000-0001"]
)
def test_a_phone_number_is_normalised(text: str):
    assert draft(手机号=text).phone == "13800000001"


@pytest.mark.parametrize("text", ["1380000000", "138000000011", "12800000001", "025-8888888", "无"])
def test_what_is_no_mobile_number_is_a_fault(text: str):
    assert reasons(手机号=text) == ["手机号应为 11 位数字。"]


@pytest.mark.parametrize(
    "text, day",
    [
        ("2001-07-01", (2001, 7, 1)), ("2001-7-1", (2001, 7, 1)), ("2001.7.1", (2001, 7, 1)), ("2001/7/1", (2001, 7, 1)),
        ("2001-07", (2001, 7, 1)), ("2001.7", (2001, 7, 1)), ("2001年7月", (2001, 7, 1)), ("2001年7月12日", (2001, 7, 12)),
        ("20010712", (2001, 7, 12)), ("2001", (2001, 1, 1)), ("2001年", (2001, 1, 1)), ("２００１．７", (2001, 7, 1)),
    ],
)  # fmt: skip
def test_the_day_of_joining_the_party_is_read_as_people_write_it(text: str, day: tuple[int, int, int]):
    assert draft(入党时间=text).party_joined_on == date(*day)


@pytest.mark.parametrize("text", ["2001-13-01", "2001-02-30", "七月", "1900-01-01", "9999", "37073", "01-07-2001"])
def test_what_is_no_day_is_a_fault(text: str):
    assert "入党时间" in reasons(入党时间=text)[0]


@pytest.mark.parametrize("name", ["", "张", "长" * 31])
def test_a_name_has_two_to_thirty_characters(name: str):
    assert reasons(姓名=name) == ["姓名应为 2 到 30 个字。"]


def test_a_name_is_stored_tidy():
    assert draft(姓名=" 张　三\u200b ").name == "张 三"


def test_unknown_words_and_overlong_texts_are_all_named():
    assert len(reasons(身份="党员", 类别="专家", 职务="长" * 101, 备注="长" * 501, 专委会="长" * 101, 手机号="1")) == 6


ID_NUMBERS = [
    "320102199001011234", "32010219900101123X", "证号320102199001011234。", "320102 19900101 1234", "３２０１０２１９９００１０１１２３４",
]  # fmt: skip


@pytest.mark.parametrize("text", ID_NUMBERS)
@pytest.mark.parametrize("column", ["备注", "职务", "姓名", "手机号"])
def test_an_id_card_number_anywhere_is_refused(text: str, column: str):
    assert "不得收集身份证号，请删去。" in reasons(**{column: text})


def test_a_phone_number_and_a_day_are_no_id_card_number():
    assert draft(手机号="13800000001", 备注="13800000002 20010701").note


@pytest.mark.parametrize("header", ["身份证", "身份证号", "身份证号码", "证件号码"])
def test_a_column_for_id_card_numbers_refuses_the_whole_file(header: str):
    drafts, faults = roster_sheet([(2, row() | {header: ""})])
    assert drafts == [] and faults == [(1, f"不得收集身份证号，请删去“{header}”一列。")]


def test_a_phone_number_that_two_rows_share_is_a_fault_of_the_second():
    drafts, faults = roster_sheet([(2, row(手机号="13800000001")), (3, row(姓名="李四", 手机号="138 0000 0001")), (5, row(姓名="王五"))])
    assert [number for number, _ in drafts] == [2, 5]
    assert faults == [(3, "手机号与第 2 行相同。")]


def test_missing_and_unknown_columns_are_faults_of_the_header():
    assert roster_sheet([(2, {"手机号": "1", "性别": ""})]) == ([], [(1, "缺少“姓名”一列。"), (1, "不认识的列：性别。")])
    assert roster_sheet([]) == ([], [(1, "表中没有内容。")])
    assert roster_sheet([(2, {"序号": "1", "姓名": "张三"})])[1] == []


def test_the_examples_of_the_form_are_sound():
    assert roster_sheet([(n, dict(zip(COLUMNS, example, strict=True))) for n, example in enumerate(EXAMPLES, start=2)])[1] == []
