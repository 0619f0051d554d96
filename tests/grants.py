"""Members with WeChat who have agreed to be reminded: the sandbox knows them, the template and the page that a reminder opens."""

from __future__ import annotations

from typing import Any

from conftest import APPID, REMINDER
from door import Door
from people import Person

from backend.wechat.sandbox.records import Template


def on_wechat(state: Any, *people: Person) -> None:
    """These people have WeChat in the sandbox, which knows the template and the page."""
    app = state.apps[APPID]
    app.pages = tuple(dict.fromkeys((*app.pages, "pages/today/today")))
    app.templates[REMINDER] = Template(REMINDER, "学习提醒", {"thing1": "学习内容", "date2": "学习日期", "thing3": "温馨提示"})
    for person in people:
        state.add_user(openid=person.openid)


async def grant(door: Door, state: Any, *people: Person, times: int = 1) -> None:
    """They accept the prompt on the phone, which reports it."""
    on_wechat(state, *people)
    for person in people:
        for number in range(times):
            state.users[person.openid].grants[REMINDER] = state.users[person.openid].grants.get(REMINDER, 0) + 1
            body = {"prompt": f"p{number}", "results": {REMINDER: "accept"}}
            assert (await door.post("/me/subscriptions", person, body)).status == 200
