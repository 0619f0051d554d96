"""Conformance, point 9: every way of failing that a client must know can be brought about, by state or by a fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from sandbox_remote import LI, ZHANG, Remote, bytes_of, login_query, remote_sandbox
from sandbox_server import APPID, SECRET

from backend.wechat.sandbox.paths import CODE_IMAGE, LOGIN, PHONE_NUMBER, STABLE_TOKEN, SUBSCRIBE_SEND, TEXT_CHECK

Way = Callable[[Remote], Awaitable[dict[str, Any]]]
LEGACY = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET}


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Remote]:
    async with remote_sandbox() as remote:
        yield remote


@pytest.fixture
async def remote(served: Remote) -> Remote:
    served.start_anew()
    await served.order("apps", templates={"t": {"fields": {"thing1": "内容"}}})
    return served


async def call(remote: Remote, path: str, body: Any, token: str | None = None) -> dict[str, Any]:
    return await remote.post(path, body, access_token=await remote.token() if token is None else token)


async def old_token(remote: Remote) -> dict[str, Any]:
    token = await remote.token()
    await remote.order("clock", advance_s=7201)
    return await call(remote, TEXT_CHECK, {}, token)


async def used_code(remote: Remote) -> dict[str, Any]:
    js_code = await remote.code_of(ZHANG)
    await remote.login(js_code)
    return await remote.login(js_code)


async def too_often(remote: Remote) -> dict[str, Any]:
    await remote.order("clock", freeze=True)
    for _ in range(100):
        await remote.login(remote.state.wx_login(ZHANG))
    return await remote.login(await remote.code_of(ZHANG))


async def quota_spent(remote: Remote) -> dict[str, Any]:
    await remote.order("options", legacy_per_day=1)
    await remote.get("/cgi-bin/token", **LEGACY)
    return await remote.get("/cgi-bin/token", **LEGACY)


def after(lever: str, order: dict[str, Any], way: Way) -> Way:
    async def go(remote: Remote) -> dict[str, Any]:
        assert "errcode" not in await remote.order(lever, **order)
        return await way(remote)

    return go


async def sign_in(remote: Remote) -> dict[str, Any]:
    return await remote.login(await remote.code_of(ZHANG))


def fault(errcode: int) -> Way:
    return after("faults", {"match": {"path": LOGIN}, "do": {"errcode": errcode}}, sign_in)


def message(**changes: Any) -> Way:
    body = {"touser": ZHANG, "template_id": "t", "data": {"thing1": {"value": "学习"}}, **changes}
    return lambda remote: call(remote, SUBSCRIBE_SEND, body)


def text(**changes: Any) -> Way:
    return lambda remote: call(remote, TEXT_CHECK, {"version": 2, "scene": 2, "openid": ZHANG, "content": "学习", **changes})


async def phone(remote: Remote) -> dict[str, Any]:
    return await call(remote, PHONE_NUMBER, {"code": (await remote.order("phone_button", openid=ZHANG))["code"]})


BY_STATE: dict[int, Way] = {
    40001: lambda remote: call(remote, TEXT_CHECK, {}, "FAKE_replaced"),
    40014: lambda remote: call(remote, TEXT_CHECK, {}, "no token"),
    42001: old_token,
    41001: lambda remote: call(remote, TEXT_CHECK, {}, ""),
    40029: lambda remote: remote.login("0" + "x" * 31),
    40163: used_code,
    45011: too_often,
    45009: quota_spent,
    40226: after("users", {"openid": ZHANG, "risk_blocked": True}, sign_in),
    43101: message(),
    61010: text(openid=LI),
    40003: message(touser="o_nobody_here"),
    47001: lambda remote: call(remote, TEXT_CHECK, []),
    47003: message(data={"thing1": {"value": "习" * 21}}),
    41030: message(page="pages/none"),
    40037: message(template_id="unknown"),
    40129: text(scene=9),
    40169: lambda remote: call(remote, CODE_IMAGE, {"scene": "x" * 33}),
    44002: lambda remote: call(remote, TEXT_CHECK, None),
    43002: lambda remote: remote.get(STABLE_TOKEN),
    40013: lambda remote: remote.login("x", appid="wx_unknown"),
    40125: lambda remote: remote.login("x", secret="wrong"),
    41002: lambda remote: remote.login("x", appid=""),
    41004: lambda remote: remote.login("x", secret=""),
    40164: after("apps", {"ip_whitelist": []}, lambda remote: remote.stable()),
    40243: after("apps", {"frozen": True}, sign_in),
    48001: after("apps", {"entity": "personal"}, phone),
}
BY_FAULT: dict[int, Way] = {code: fault(code) for code in (-1, 43302, 89503)}


@pytest.mark.parametrize("errcode", [*BY_STATE, *BY_FAULT])
async def test_point_9_every_errcode_of_the_retry_table_can_be_met(remote: Remote, errcode: int) -> None:
    assert (await (BY_STATE | BY_FAULT)[errcode](remote))["errcode"] == errcode


async def test_point_9_so_can_a_server_error_a_time_out_and_a_connection_that_breaks(remote: Remote) -> None:
    met = []
    for do in ({"http_status": 503}, {"hang": True}, {"reset": True}, {"close": True}):
        await remote.post("/control/faults", {"match": {"path": LOGIN}, "do": do, "times": 1})
        if "http_status" in do:
            met.append((await remote.raw("GET", LOGIN))[0])
            continue
        try:
            met.append(await asyncio.to_thread(bytes_of, remote.base_url, LOGIN, login_query("x"), timeout_s=0.2))
        except (TimeoutError, ConnectionResetError) as error:
            met.append(type(error))
    assert met == [503, TimeoutError, ConnectionResetError, b""]
