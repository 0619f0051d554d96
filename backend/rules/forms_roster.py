"""Rows of the roster form: 姓名 手机号 专委会 身份 类别 职务 入党时间 备注. No ID-card number is ever taken."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from backend.rules import names, phones

TITLE = "党员名册"
COLUMNS = ("姓名", "手机号", "专委会", "身份", "类别", "职务", "入党时间", "备注")
UNIT_COLUMNS = ("专委会", "单位/专委会", "专业委员会", "党小组")
# Columns that many lists carry and nothing is taken from.
LEFT_ASIDE = ("序号",)
STATUSES = {"正式党员": "full", "预备党员": "probationary", "入党积极分子": "activist", "会员": "associate"}
TIERS = {"领导干部": "leader", "专家学者": "expert", "先进人物": "exemplar", "会员": "peer"}
CHOICES = {"身份": list(STATUSES), "类别": list(TIERS)}
EXAMPLES = (
    ("张示例", "13800000001", "焊接专业委员会", "正式党员", "专家学者", "副主任委员", "2001-07-01", ""),
    ("李示例", "", "铸造专业委员会", "会员", "", "", "", "手机号可以不填"),
)
_ID_NUMBER = re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)", re.ASCII)
_ID_SPACED = re.compile(r"(?<!\d)(\d{6})[\s-]+((?:19|20)\d{6})[\s-]*(\d{3}[\dXx])(?!\d)", re.ASCII)
_DATE = re.compile(r"(\d{4})(?:[-./年](\d{1,2})(?:[-./月](\d{1,2})日?|月)?|年)?|(\d{4})(\d{2})(\d{2})", re.ASCII)
# No one joined before the Party was founded.
FIRST_YEAR, LAST_YEAR = 1921, 2100
NO_ID_NUMBERS = "不得收集身份证号，请删去"


@dataclass(frozen=True, slots=True)
class RosterDraft:
    """One sound row. `phone`: eleven digits; `unit`: its name; `party_joined_on`: 入党时间, never the day of joining the branch."""

    name: str
    phone: str | None
    unit: str | None
    status: str
    tier: str
    post: str
    party_joined_on: date | None
    note: str


def roster_sheet(rows: Sequence[tuple[int, Mapping[str, str]]]) -> tuple[list[tuple[int, RosterDraft]], list[tuple[int, str]]]:
    """The sound rows with their numbers, and (row number, reason in Chinese) for each fault; row 1 stands for the header.

    A number that two rows share is a fault of the second. The mapping of 身份 and 类别, and an empty cell's meaning, are those of the form
    (see the second sheet of the template): 会员 for both.
    """
    if not rows:
        return [], [(1, "表中没有内容。")]
    headers = set(rows[0][1])
    faults = [(1, "缺少“姓名”一列。")] if "姓名" not in headers else []
    faults += [(1, f"{NO_ID_NUMBERS}“{header}”一列。") for header in sorted(headers) if _is_id_column(header)]
    known = {*COLUMNS, *UNIT_COLUMNS, *LEFT_ASIDE}
    faults += [(1, f"不认识的列：{header}。") for header in sorted(headers - known) if not _is_id_column(header)]
    if faults:
        return [], faults
    drafts: list[tuple[int, RosterDraft]] = []
    first_rows: dict[str, int] = {}
    for number, cells in rows:
        draft, reasons = roster_row(cells)
        if draft and draft.phone in first_rows:
            reasons = [f"手机号与第 {first_rows[draft.phone]} 行相同。"]
        if reasons or draft is None:
            faults += [(number, reason) for reason in reasons]
            continue
        if draft.phone:
            first_rows[draft.phone] = number
        drafts.append((number, draft))
    return drafts, faults


def roster_row(cells: Mapping[str, str]) -> tuple[RosterDraft | None, list[str]]:
    """One row: the draft, or every reason why it is not sound."""
    text = {name: unicodedata.normalize("NFKC", value).strip() for name, value in cells.items()}
    reasons: list[str] = []
    if any(_ID_NUMBER.search(value) or _ID_SPACED.search(value) for value in text.values()):
        reasons.append(f"{NO_ID_NUMBERS}。")
    name = names.tidy(text.get("姓名", ""))
    if not 2 <= len(name) <= 30:
        reasons.append("姓名应为 2 到 30 个字。")
    phone = phones.plain(text.get("手机号", ""))
    if text.get("手机号") and phone is None:
        reasons.append("手机号应为 11 位数字。")
    status, tier = text.get("身份", "") or "会员", text.get("类别", "") or "会员"
    if status not in STATUSES:
        reasons.append(f"身份应为{'、'.join(STATUSES)}之一。")
    if tier not in TIERS:
        reasons.append(f"类别应为{'、'.join(TIERS)}之一。")
    party_joined_on = _date(text.get("入党时间", ""))
    if text.get("入党时间") and party_joined_on is None:
        reasons.append("入党时间应为日期，如 2001-07-01、2001年7月、2001。")
    unit = next((text[column] for column in UNIT_COLUMNS if text.get(column)), None)
    for column, limit in (("职务", 100), ("备注", 500)):
        if len(text.get(column, "")) > limit:
            reasons.append(f"{column}不能超过 {limit} 个字。")
    if unit and len(unit) > 100:
        reasons.append("专委会名称不能超过 100 个字。")
    if reasons:
        return None, reasons
    draft = RosterDraft(name, phone, unit, STATUSES[status], TIERS[tier], text.get("职务", ""), party_joined_on, text.get("备注", ""))
    return draft, []


def _date(text: str) -> date | None:
    """2001-07-01, 2001.7, 2001年7月1日, 20010701, 2001: a missing month or day is the first. None for anything else."""
    found = _DATE.fullmatch(text)
    if not found:
        return None
    year, month, day = (int(found[n] or found[n + 3] or 1) for n in (1, 2, 3))
    try:
        return date(year, month, day) if FIRST_YEAR <= year <= LAST_YEAR else None
    except ValueError:
        return None


def _is_id_column(header: str) -> bool:
    return "身份证" in header or "证件号" in header
