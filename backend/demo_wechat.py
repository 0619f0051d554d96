"""The demo's WeChat: the sandbox set up as somebody would set up the mini-program in WeChat's console."""

from __future__ import annotations

from typing import Any

from backend import subscriptions
from backend.kernel import clock
from backend.kernel.access import Actor
from backend.kernel.database import fetch
from backend.kernel.settings import Settings
from backend.wechat.sandbox import SandboxState
from backend.wechat.sandbox.messages import answer_prompt
from backend.wechat.sandbox.records import Template

REMINDER = "DEMO_TEMPLATE_STUDY_REMINDER_00000000000000"
FIELDS = (("thing1", "title"), ("date2", "date"), ("thing3", "note"))

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


# What the bound people have answered to the prompt, in turns: twice yes, yes, no, never asked.
PROMPTED = ((True, True), (True,), (False,), ())

_BOUND = """
SELECT m.id, m.branch_id, a.openid, COALESCE(s.remaining, 0) AS remaining,
  EXISTS (SELECT 1 FROM grant_entry e WHERE e.member_id = m.id) AS was_asked
FROM member m JOIN account a ON a.member_id = m.id LEFT JOIN subscription s ON s.member_id = m.id AND s.template_id = $2
WHERE m.branch_id = $1 AND a.openid LIKE 'oDEMO%' ORDER BY m.id
"""


async def subscribe(state: SandboxState, branch_id: int) -> None:
    """Lets people answer the prompt on their phones, which report it, when the demo starts for the first time.

    The sandbox forgets when it stops: at later starts each has there what the ledger says is left.
    """
    people, template = await fetch(_BOUND, branch_id, REMINDER), state.apps[state.appid].templates[REMINDER]
    if not any(person["was_asked"] for person in people):
        for turn, person in enumerate(people):
            await _answer(state, person, template, PROMPTED[turn % len(PROMPTED)])
        return
    for person in people:
        for _ in range(person["remaining"]):
            answer_prompt(state.user(person["openid"]), template, accept=True)


async def _answer(state: SandboxState, person: dict[str, Any], template: Template, taps: tuple[bool, ...]) -> None:
    actor = Actor(session_id=0, member_id=person["id"], branch_id=person["branch_id"])
    for number, tap in enumerate(taps):
        result = answer_prompt(state.user(person["openid"]), template, accept=tap)
        await subscriptions.report(actor, prompt=f"demo-{number}", results={REMINDER: result})
