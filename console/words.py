"""How figures, days and roles read in Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

ROLES = {"secretary": "书记", "editor": "党建工作部", "unit_head": "专委会主任", "observer": "上级党委"}
TIERS = {"leader": "领导干部（领学）", "expert": "专家学者（导学）", "exemplar": "先进人物（促学）", "peer": "会员（互学）"}
STATUSES = {"full": "正式党员", "probationary": "预备党员", "activist": "入党积极分子", "associate": "会员"}
KINDS = {"single": "单选题", "multiple": "多选题", "true_false": "判断题", "blank": "填空题"}
LEVELS = {1: "容易", 2: "中等", 3: "较难"}
QUESTION_ACTIONS = {
    "question:add": "新建", "question:change": "修改", "question:withdraw": "撤下", "question:restore": "恢复",
}  # fmt: skip
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


def moment(instant: str) -> str:
    """2023-02-23T08:05:00+08:00 → 2月23日 08:05"""
    when = datetime.fromisoformat(instant)
    return f"{when.month}月{when.day}日 {when:%H:%M}"


def roles(held: frozenset[str]) -> str:
    return "、".join(word for role, word in ROLES.items() if role in held)


def audience(plan: Mapping[str, Any], units: Mapping[int, str]) -> str:
    """Who a plan is for: 甲专委会、乙专委会 · 正式党员; 全体 when it is for everybody."""
    chosen = (
        [units.get(unit, "") for unit in plan["units"]],
        [TIERS.get(tier, "") for tier in plan["tiers"]],
        [STATUSES.get(status, "") for status in plan["statuses"]],
    )
    return " · ".join("、".join(filter(None, some)) for some in chosen if some) or "全体"


def asked_by(batch: Mapping[str, Any]) -> str:
    """Who sent a batch of reminders: 陈书记; 郝主任（甲专委会）; 每天定时（学习计划）."""
    if batch["asked_by"]:
        return batch["asked_by"]["name"] + (f"（{batch['unit']['name']}）" if batch["unit"] else "")
    return f"每天定时（{batch['plan_title']}）"


LEAVE_REASONS = {"illness": "病假", "travel": "出差", "family": "家事", "work": "工作", "other": "其他"}
LEAVE_STATES = {"asked": "待答复", "granted": "已准", "refused": "未准", "cancelled": "已撤回"}
REMINDER_STATES = {
    "sent": "已发出", "refused": "没有发出", "unknown": "结果未知", "sending": "正在发送", "waiting": "等待发送",
}  # fmt: skip
# The fields of a member, as changes of them are told.
FIELDS = {
    "name": "姓名", "phone": "手机号", "unit": "专委会", "tier": "类别", "status": "身份", "post": "职务",
    "party_joined_on": "入党时间", "note": "备注",
}  # fmt: skip
