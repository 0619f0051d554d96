"""The demo's WeChat: the sandbox set up as somebody would set up the mini-program in WeChat's console."""

from __future__ import annotations

from backend.kernel import clock
from backend.kernel.settings import Settings
from backend.wechat.sandbox import SandboxState
from backend.wechat.sandbox.records import Template

# The pages the phone page shows; what a message or a scanned code opens.
PAGES = ("pages/today/today", "pages/calendar/calendar", "pages/progress/progress", "pages/me/me")

REMINDER = "DEMO_TEMPLATE_STUDY_REMINDER_00000000000000"


def sandbox_state(settings: Settings) -> SandboxState:
    """The sandbox for the demo's app. A code made by it leads to the phone page, for want of a mini-program."""
    state = SandboxState(
        appid=settings.wechat_appid,
        secret=settings.wechat_secret,
        push_url=f"{settings.public_url}/wechat/push",
        push_token=settings.wechat_push_token,
        push_aes_key=settings.wechat_push_aes_key,
        phone_page=f"{settings.public_url}/sandbox/",
    )
    app = state.apps[settings.wechat_appid]
    app.pages = PAGES
    app.templates = {template.template_id: template for template in _templates()}
    return state


def _templates() -> tuple[Template, ...]:
    """What a society would choose from WeChat's library; the samples are dated today."""
    today = f"{clock.today():%Y年%m月%d日}"
    return (
        Template(
            REMINDER,
            "学习提醒",
            {"thing1": "学习内容", "date2": "学习日期", "thing3": "温馨提示"},
            samples={"thing1": "党的二十大报告每日学习", "date2": today, "thing3": "示例：今天的学习待完成"},
        ),
        Template(
            "DEMO_TEMPLATE_MEETING_NOTICE_00000000000000",
            "会议通知",
            {"thing1": "会议名称", "time2": "会议时间", "thing3": "会议地点"},
            samples={"thing1": "支部党员大会", "time2": f"{today} 15:00", "thing3": "示例：学会会议室"},
        ),
    )
