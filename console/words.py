"""How figures, days and roles read in Chinese."""

from __future__ import annotations

from datetime import date

ROLES = {"secretary": "书记", "editor": "党建工作部", "unit_head": "专委会主任", "observer": "上级党委"}
TIERS = {"leader": "领导干部（领学）", "expert": "专家学者（导学）", "exemplar": "先进人物（促学）", "peer": "会员（互学）"}
STATUSES = {"full": "正式党员", "probationary": "预备党员", "activist": "入党积极分子", "associate": "会员"}
WEEKDAYS = "一二三四五六日"
HIDDEN = "—"


def percent(rate: float | None) -> str:
    """0.8333 → 83.3%; a dash for None (nothing assigned, or hidden from an observer)."""
    return HIDDEN if rate is None else f"{rate * 100:.1f}%"


def number(count: int | None) -> str:
    return HIDDEN if count is None else f"{count}"


def day(when: date) -> str:
    """2023年2月23日 星期四"""
    return f"{when.year}年{when.month}月{when.day}日 星期{WEEKDAYS[when.weekday()]}"


def roles(held: frozenset[str]) -> str:
    return "、".join(word for role, word in ROLES.items() if role in held)


LEAVE_REASONS = {"illness": "病假", "travel": "出差", "family": "家事", "work": "工作", "other": "其他"}
LEAVE_STATES = {"asked": "待答复", "granted": "已准", "refused": "未准", "cancelled": "已撤回"}
# The fields of a member, as changes of them are told.
FIELDS = {
    "name": "姓名", "phone": "手机号", "unit": "专委会", "tier": "类别", "status": "身份", "post": "职务",
    "party_joined_on": "入党时间", "note": "备注",
}  # fmt: skip
