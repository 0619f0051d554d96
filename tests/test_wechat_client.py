"""Our client against the sandbox: sign-in, phone number, the retry rules, and silence about secrets."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sandbox_server import APPID, SECRET, in_use, serve, serve_sandbox, settings_for
from sanic import Request, Sanic
from sanic.response import HTTPResponse, raw

from backend.kernel.errors import BadRequest, DakaError, Forbidden, TooMany, Unauthorised, Unavailable
from backend.kernel.redis import connect
from backend.wechat.client import LOGIN, PHONE_NUMBER, STABLE_TOKEN, WeChat
from backend.wechat.sandbox import SandboxState
from backend.wechat.sandbox.faults import parse_fault

ZHANG = "o_zhang_wei"


class World:
    """The sandbox's state, its address, and a started client."""

    def __init__(self, state: SandboxState, base_url: str, wechat: WeChat) -> None:
        self.state, self.base_url, self.wechat = state, base_url, wechat

    def fault(self, path: str, do: dict[str, Any], **rest: Any) -> None:
        self.state.faults.append(parse_fault({"match": {"path": path}, "do": do, **rest}))

    def asked(self, path: str) -> int:
        return sum(record["path"] == path for record in self.state.requests)

    async def phone(self) -> str:
        return await self.wechat.phone_number(self.state.phone_button(ZHANG), openid=ZHANG)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    with in_use(settings_for()):
        state = SandboxState(APPID, SECRET)
        state.add_user(openid=ZHANG, phone="13800000001")
        async with serve_sandbox(state) as base_url:
            redis = connect("")
            await redis.flushall()
            wechat = WeChat(settings_for(base_url), redis)
            await wechat.start()
            yield World(state, base_url, wechat)
            await wechat.close()
            await redis.aclose()


async def test_a_code_gives_the_openid_and_asks_for_no_access_token(world: World) -> None:
    assert await world.wechat.code_to_openid(world.state.wx_login(ZHANG)) == ZHANG
    assert world.asked(STABLE_TOKEN) == 0
    assert world.state.user(ZHANG).session_key not in repr(vars(world.wechat))


async def test_a_used_an_old_and_an_unknown_code_mean_sign_in_again(world: World) -> None:
    used, old = world.state.wx_login(ZHANG), world.state.wx_login(ZHANG)
    await world.wechat.code_to_openid(used)
    world.state.set_clock(advance_s=301)
    for code in (used, old, "0" + "x" * 31, "", "中文", "a b", "x" * 513):
        with pytest.raises(Unauthorised) as error:
            await world.wechat.code_to_openid(code)
        assert error.value.code == "login_again"
    # The last four are no codes at all: WeChat is not asked.
    assert world.asked(LOGIN) == 4


@pytest.mark.parametrize(
    ("errcode", "kind", "code"),
    [
        (40226, Forbidden, "wechat_user_blocked"),
        (45011, TooMany, "wechat_busy"),
        (45009, TooMany, "wechat_busy"),
        (40164, Unavailable, "wechat_unavailable"),
        (40243, Unavailable, "wechat_unavailable"),
        (99999, Unavailable, "wechat_unavailable"),
    ],
)
async def test_each_refusal_has_its_own_error_and_is_not_tried_again(world: World, errcode: int, kind: type[DakaError], code: str) -> None:
    world.fault(LOGIN, {"errcode": errcode})
    with pytest.raises(kind) as error:
        await world.wechat.code_to_openid(world.state.wx_login(ZHANG))
    assert error.value.code == code and world.asked(LOGIN) == 1
    if errcode == 45009:
        assert 1 <= int(error.value.headers["Retry-After"]) <= 86400


async def test_a_wrong_secret_raises_the_alarm_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.state.apps[APPID].secret = "changed in the console"
    with pytest.raises(Unavailable):
        await world.wechat.code_to_openid(world.state.wx_login(ZHANG))
    assert "40125 (AppSecret 不正确), rid " in caplog.text and world.asked(LOGIN) == 1


async def test_without_an_appid_wechat_is_unavailable_and_says_why() -> None:
    wechat = WeChat(settings_for(wechat_appid="", wechat_secret=""), connect(""))
    for call in (wechat.code_to_openid("code"), wechat.phone_number("code", openid=ZHANG), wechat.access_token()):
        with pytest.raises(Unavailable) as error:
            await call
        assert (error.value.code, error.value.detail) == ("wechat_unavailable", "尚未配置微信小程序")


async def test_a_code_whose_answer_was_lost_is_not_sent_again(world: World) -> None:
    await world.wechat.code_to_openid(world.state.wx_login(ZHANG))  # the connection is open: the next call reuses it
    world.fault(LOGIN, {"close_after_effect": True}, times=1)
    with pytest.raises(Unavailable):
        await world.wechat.code_to_openid(world.state.wx_login(ZHANG))
    assert world.asked(LOGIN) == 2


@pytest.mark.parametrize("do", [{"http_status": 502}, {"http_status": 302}, {"http_status": 200}, {"hang": True}])
async def test_a_code_that_may_have_arrived_is_not_sent_again_and_the_answer_comes_in_time(world: World, do: dict[str, Any]) -> None:
    world.fault(LOGIN, do)
    began = time.monotonic()
    with pytest.raises(Unavailable) as error:
        await world.wechat.code_to_openid(world.state.wx_login(ZHANG))
    assert error.value.code == "wechat_unavailable" and world.asked(LOGIN) == 1
    assert time.monotonic() - began < 3.2


async def test_a_busy_wechat_is_asked_three_times_at_most(world: World) -> None:
    world.fault(LOGIN, {"errcode": -1}, times=2)
    assert await world.wechat.code_to_openid(world.state.wx_login(ZHANG)) == ZHANG
    assert world.asked(LOGIN) == 3
    world.fault(LOGIN, {"errcode": -1})
    with pytest.raises(Unavailable):
        await world.wechat.code_to_openid(world.state.wx_login(ZHANG))
    assert world.asked(LOGIN) == 6


async def test_a_refused_connection_is_tried_again_even_for_a_code(world: World) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    wechat = WeChat(settings_for(f"http://127.0.0.1:{port}/sandbox"), connect(""))
    await wechat.start()
    login = asyncio.create_task(wechat.code_to_openid(world.state.wx_login(ZHANG)))
    await asyncio.sleep(0.1)
    target = int(world.base_url.split(":")[2].split("/")[0])

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", target)
        upstream.write(await reader.read(65536))
        writer.write(await upstream_reader.read(65536))
        await writer.drain()
        upstream.close()
        writer.close()

    late = await asyncio.start_server(forward, "127.0.0.1", port)
    assert await login == ZHANG
    late.close()
    await wechat.close()


async def test_a_dead_server_is_given_up_within_three_seconds(world: World) -> None:
    world.fault(STABLE_TOKEN, {"http_status": 503})
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await world.phone()
    assert world.asked(STABLE_TOKEN) == 3 and 0.7 < time.monotonic() - began < 3.2


async def test_a_phone_code_gives_the_number_once_and_to_its_owner_alone(world: World) -> None:
    code = world.state.phone_button(ZHANG)
    with pytest.raises(BadRequest) as error:
        await world.wechat.phone_number(code, openid="o_somebody_else")
    assert error.value.code == "phone_code_refused"
    assert await world.wechat.phone_number(code, openid=ZHANG) == "13800000001"
    with pytest.raises(BadRequest):
        await world.wechat.phone_number(code, openid=ZHANG)


@pytest.mark.parametrize(
    ("answer", "openid"),
    [
        (b'\xef\xbb\xbf{"openid": "o_zhang_wei"}', ZHANG),
        (b'{"openid": "o_zhang_wei", "errcode": "0"}', ZHANG),
        (b'{"openid": "o_zhang_wei", "errcode": "forty"}', None),
        (b'{"openid": ["o_zhang_wei"]}', None),
        (b'{"openid": "o_zhang<script>"}', None),
        (b'{"openid": "o_zhang_wei"', None),
        (b"[]", None),
        (b"\xff\xfe\x00", None),
        (b'{"openid": "o_zhang_wei", "padding": "' + b"x" * 70_000 + b'"}', None),
    ],
)
async def test_wechats_answers_are_checked_like_anybodys_input(answer: bytes, openid: str | None) -> None:
    app = Sanic("odd-wechat", configure_logging=False)
    app.config.TOUCHUP = False

    async def odd(request: Request) -> HTTPResponse:
        return raw(answer, content_type="text/plain")

    app.add_route(odd, LOGIN)
    async with serve(app) as base_url:
        wechat = WeChat(settings_for(base_url), connect(""))
        await wechat.start()
        if openid:
            assert await wechat.code_to_openid("0abc") == openid
        else:
            with pytest.raises(Unavailable):
                await wechat.code_to_openid("0abc")
        await wechat.close()


def texts_of(error: BaseException | None) -> str:
    """Everything an error tracker would send: texts and arguments along the chain."""
    found = []
    while error:
        found += [str(error), repr(error), repr(error.args)]
        error = error.__cause__ or error.__context__
    return "\n".join(found)


async def test_no_secret_stands_in_any_log_or_error_whatever_happens(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    written = []

    async def attempt(call: Any) -> None:
        try:
            await call
        except DakaError as error:
            written.append(texts_of(error))

    try:
        await attempt(world.wechat.code_to_openid(world.state.wx_login(ZHANG)))
        token = await world.wechat.access_token()
        await attempt(world.phone())
        for path in (LOGIN, PHONE_NUMBER):
            for do in (
                {"errcode": -1},
                {"errcode": 40125, "errmsg": SECRET},
                {"http_status": 500},
                {"http_status": 302},
                {"close_after_effect": True},
            ):
                world.fault(path, do)
                await attempt(world.wechat.code_to_openid(world.state.wx_login(ZHANG)) if path == LOGIN else world.phone())
                world.state.faults.clear()
        world.fault(PHONE_NUMBER, {"invalidate_token": True})
        await attempt(world.phone())
        gone = WeChat(settings_for("http://127.0.0.1:9/sandbox"), connect(""))
        await gone.start()
        await attempt(gone.code_to_openid(world.state.wx_login(ZHANG)))
        await gone.close()
    finally:
        asyncio.get_running_loop().set_debug(False)
    everything = caplog.text + "\n".join(written) + repr(world.wechat)
    app = world.state.apps[APPID]
    canaries = [SECRET, token, world.state.user(ZHANG).session_key, *world.state.js_codes, *world.state.phone_codes, "13800000001"]
    canaries += [kept.value for kept in (app.stable.current, app.stable.previous) if kept]
    assert len(written) >= 10 and "wechat" in caplog.text
    assert [canary for canary in canaries if canary in everything] == []
