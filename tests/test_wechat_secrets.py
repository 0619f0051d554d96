"""No AppSecret, access token, session_key, one-time code or number in any log line, error, figure or reply, whatever WeChat does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import outages
import pytest
from door import Door, Reply
from people import Cast
from sanic import Sanic
from wechat_user import add_member, from_elsewhere, new_phone, wechat_user
from wechat_world import CURT, FAST_USER, PAGE, TEMPLATE, Watch

from backend.kernel import logs
from backend.kernel.errors import DakaError
from backend.kernel.redis import connect
from backend.wechat.breaker import OPEN_S
from backend.wechat.client import WeChat
from backend.wechat.sandbox.faults import parse_fault
from backend.wechat.sandbox.records import Template
from backend.wechat.sandbox.scenarios import SCENARIOS
from backend.wechat.texts import Scene

CONTENT = "只有本人写得出的心得canary"
# A WeChat that tells us our own secret, in case somebody logs its texts.
ECHOES = ({"errcode": 40125}, {"errcode": 47003}, {"errcode": 99999}, {"errcode": 40001})


class Ear(logging.Handler):
    """Hears every record of every library, with the traceback that would be printed."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(f"{logging.Formatter().format(record)} {record.args!r}")


@contextmanager
def listening() -> Iterator[Ear]:
    """All logs at DEBUG, the product's and the libraries'; and the loop's own remarks."""
    root, ear = logging.getLogger(), Ear()
    logs.configure("DEBUG")
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    try:
        yield ear
    finally:
        asyncio.get_running_loop().set_debug(False)
        root.removeHandler(ear)
        logs.configure("WARNING")


def texts_of(error: BaseException | None) -> str:
    """Everything an error tracker would send: texts and arguments along the chain."""
    found = []
    while error:
        found += [str(error), repr(error), repr(error.args)]
        error = error.__cause__ or error.__context__
    return "\n".join(found)


class Canaries:
    """Every secret that the sandbox has ever given out, by what it is."""

    def __init__(self, state: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found: dict[str, str] = {state.apps[state.appid].secret: "AppSecret", CONTENT: "text"}
        for name, kind in (
            ("new_session_key", "session_key"),
            ("letters", "token"),
            ("wx_login", "js_code"),
            ("phone_button", "phone code"),
        ):
            monkeypatch.setattr(state, name, self._kept(getattr(state, name), kind))

    def _kept(self, make: Any, kind: str) -> Any:
        def made(*args: Any) -> str:
            value = make(*args)
            self.found[value] = kind
            return value

        return made


async def test_whatever_wechat_does_no_secret_is_written_anywhere(
    door: Door, cast: Cast, sandbox: tuple[Any, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    state, app, watch, redis = sandbox[0], Sanic.get_app("daka_tests"), Watch(), connect("")
    canaries = Canaries(state, monkeypatch)
    await redis.flushall()
    usual = app.ctx.wechat
    client = app.ctx.wechat = WeChat(app.ctx.settings, redis, user=FAST_USER, background=FAST_USER, monotonic=watch)
    await client.start()
    user = wechat_user(state, phone=new_phone())
    phone = state.users[user.openid].phone
    canaries.found[phone] = "number"
    await add_member(cast.branch, f"林{user.openid}", phone=phone)
    state.apps[state.appid].templates[TEMPLATE] = Template(TEMPLATE, "打卡提醒", {"thing1": "任务"})
    state.users[user.openid].grants[TEMPLATE] = 100
    replies: list[Reply] = []
    errors: list[str] = []

    async def everything(near: Door) -> None:
        """Each call once, behind a circuit that lets it pass."""
        for ask in (
            lambda: user.sign_in(near),
            lambda: user.bind(near, f"查无此人{user.openid}"),
            lambda: client.check_text(CONTENT, openid=user.openid, scene=Scene.LOG),
            lambda: client.send_subscribe_message(user.openid, TEMPLATE, PAGE, {"thing1": CONTENT[:20]}),
            lambda: client.mini_program_code("s", PAGE),
            lambda: client.access_token(),
        ):
            watch.time += OPEN_S
            try:
                answer = await ask()
            except DakaError as error:
                errors.append(texts_of(error))
                continue
            if isinstance(answer, Reply):
                replies.append(answer)
            elif not isinstance(answer, str):  # the token itself
                errors.append(repr(answer))

    with listening() as ear:
        try:
            async with from_elsewhere(door) as near:
                await everything(near)
                assert [reply.status for reply in replies] == [200, 404] and "sent" in "".join(errors)
                client.user = client.background = replace(CURT, read_s=0.1, total_s=0.25)
                for name in (*SCENARIOS, *outages.FORMS):
                    outages.rule(state, name)
                    await everything(near)
                for echo in ECHOES:
                    token = state.apps[state.appid].stable.current
                    errmsg = f"{state.apps[state.appid].secret} {token.value if token else ''} {phone}"
                    state.faults[:] = [parse_fault({"do": {**echo, "errmsg": errmsg}})]
                    await everything(near)
            figures = await door.get("/metrics", root=True)
        finally:
            outages.rule(state, "")
            await client.close()
            await redis.aclose()
            app.ctx.wechat = usual
    written = {
        "logs": "\n".join(ear.heard) + capfd.readouterr().out,
        "errors": "\n".join(errors) + repr(client) + repr(vars(client)) + repr(client._shelf.held),
        "replies": "".join(f"{reply.body.decode()} {dict(reply.headers)}" for reply in replies),
        "metrics": figures.body.decode(),
    }
    assert "/sns/jscode2session" in written["logs"] and "wechat_unavailable" in written["errors"]
    assert 'endpoint="/wxa/msg_sec_check",result="lost"' in written["metrics"]
    assert {reply.status for reply in replies} >= {200, 400, 401, 404, 429, 503}
    kinds = set(canaries.found.values())
    assert kinds == {"AppSecret", "session_key", "token", "js_code", "phone code", "number", "text"}
    hits = [(kind, where) for canary, kind in canaries.found.items() for where, text in written.items() if canary in text]
    assert hits == []
