"""Our client against the sandbox: sign-in and phone number, and what each refusal means."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sandbox_server import APPID, SECRET, serve, settings_for
from sanic import Request, Sanic
from sanic.response import HTTPResponse, raw
from wechat_world import ZHANG, Server, World, wechat_world

from backend.kernel.errors import BadRequest, DakaError, Forbidden, TooMany, Unauthorised, Unavailable
from backend.kernel.redis import connect
from backend.wechat.client import LOGIN, STABLE_TOKEN, WeChat


@pytest.fixture
async def world(wechat_server: Server) -> AsyncIterator[World]:
    async with wechat_world(wechat_server) as world:
        yield world


async def test_a_code_gives_the_openid_and_asks_for_no_access_token(world: World) -> None:
    assert await world.wechat.code_to_openid(world.state.wx_login(ZHANG)) == ZHANG
    assert world.asked(STABLE_TOKEN) == 0
    shown = repr(vars(world.wechat)) + repr([vars(part) for part in vars(world.wechat).values() if hasattr(part, "__dict__")])
    assert world.state.user(ZHANG).session_key not in shown and SECRET not in shown


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
