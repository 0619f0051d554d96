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
CORRECTIONS = {"roster": "名册信息", "record": "学习记录", "content": "学习内容", "other": "其他"}
LEAVE_STATES = {"asked": "待答复", "granted": "已准", "refused": "未准", "cancelled": "已撤回"}
REMINDER_STATES = {
    "sent": "已发出", "refused": "没有发出", "unknown": "结果未知", "sending": "正在发送", "waiting": "等待发送",
}  # fmt: skip
# The fields of a member, as changes of them are told.
FIELDS = {
    "name": "姓名", "phone": "手机号", "unit": "专委会", "tier": "类别", "status": "身份", "post": "职务",
    "party_joined_on": "入党时间", "note": "备注",
}  # fmt: skip

# What stands before the colon of an audited action, and every action: tests/test_console_audit.py compares.
SUBJECTS = {
    "member": "成员", "roster": "名册", "unit": "专委会", "branch": "支部", "leave": "请假", "checkin": "代录", "plan": "学习计划",
    "task": "每日任务", "calendar": "节假日", "text": "学习文本", "curriculum": "随附内容", "question": "题目",
    "reminder": "提醒", "correction": "更正申请", "feedback": "投诉建议", "console": "控制台", "second_factor": "动态口令",
    "account": "微信账号", "backup": "备份", "keys": "密钥",
}  # fmt: skip
ACTIONS = {
    "member:create": "新增成员", "member:change": "修改成员资料", "member:correct": "更正以往资料", "member:roles": "变更职责",
    "member:invite": "发出邀请", "member:bind": "绑定微信", "member:unbind": "解除微信绑定", "member:withdraw": "按本人要求清除个人信息",
    "roster:import": "导入名册", "roster:export": "导出名册", "unit:create": "新建专委会", "unit:rename": "专委会改名",
    "unit:move": "专委会换次序",
    "branch:create": "新建支部", "branch:rename": "支部改名", "leave:give": "登记请假", "leave:grant": "准假",
    "leave:refuse": "不准假或收回准假",
    "checkin:record": "代录", "plan:create": "新建学习计划", "plan:change": "修改学习计划", "plan:extend": "延长学习计划",
    "plan:remind": "设定每日提醒",
    "task:change": "修改每日任务", "calendar:replace": "修改节假日", "calendar:restore": "恢复官方节假日", "text:import": "导入学习文本",
    "curriculum:load": "载入随附内容", "question:add": "新建题目", "question:change": "修改题目", "question:import": "导入题目",
    "question:withdraw": "撤下题目", "question:restore": "恢复题目", "console:link": "发放控制台链接", "console:scan": "扫码确认进入控制台",
    "second_factor:add": "启用动态口令", "second_factor:remove": "停用动态口令", "second_factor:renew": "更换恢复码",
    "second_factor:recover": "使用恢复码", "account:cancel": "微信账号注销", "account:revoke": "微信撤回授权",
    "reminder:send": "发送提醒", "correction:answer": "答复更正申请", "feedback:answer": "答复投诉建议",
    "backup:restore": "恢复备份", "keys:rotate": "更换密钥",
}  # fmt: skip
# The names under which the audit log holds what was changed; the rest are counts and codes.
FIELDS |= {
    "joined_on": "加入日期", "left_on": "离开日期", "title": "标题", "guidance": "导语", "prompt": "思考题", "ends_on": "结束日期",
    "starts_on": "开始日期", "studied_on": "学习日期", "state": "状态", "reason": "事由", "member": "成员", "days": "日期",
    "parent": "上级", "account": "账号", "aspects": "方面", "units": "专委会", "tiers": "类别", "statuses": "身份", "weekdays": "星期",
    "skip_holidays": "节假日", "count_workdays": "调休上班日", "makeup_days": "补卡天数", "questions_per_day": "每日题数",
    "syllabus": "学习内容",
    "openid": "微信标识", "position": "次序", "warning": "提示",
}  # fmt: skip
