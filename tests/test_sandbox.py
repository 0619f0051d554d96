"""The sandbox over HTTP, asked by wechatpy (a client that is not ours) and by plain requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import requests
from sandbox_server import APPID, SECRET, Foreigner, in_use, serve_sandbox, settings_for
from wechatpy.exceptions import WeChatClientException

from backend.wechat.sandbox import SandboxState, sandbox

PHONE_NUMBER = "/wxa/business/getuserphonenumber"
OTHER_APPID = "wxfedcba9876543210"


class Remote:
    """The sandbox as seen from outside: every answer is HTTP 200 with JSON."""

    def __init__(self, base_url: str, http: aiohttp.ClientSession) -> None:
        self.base_url = base_url
        self.http = http

    async def get(self, path: str, /, **query: Any) -> dict[str, Any]:
        return await self._ask("GET", path, params=query)

    async def post(self, path: str, body: Any = None, **query: Any) -> dict[str, Any]:
        return await self._ask("POST", path, params=query, json=body)

    async def _ask(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        async with self.http.request(method, self.base_url + path, **how) as response:
            assert response.status == 200
            return await response.json(content_type=None)

    async def login(self, js_code: str, *, appid: str = APPID, secret: str = SECRET) -> dict[str, Any]:
        query = {"appid": appid, "secret": secret, "js_code": js_code, "grant_type": "authorization_code"}
        return await self.get("/sns/jscode2session", **query)

    async def stable(self, **changes: Any) -> dict[str, Any]:
        return await self.post("/cgi-bin/stable_token", {"grant_type": "client_credential", "appid": APPID, "secret": SECRET, **changes})

    async def code_of(self, openid: str) -> str:
        return (await self.post("/control/wx_login", {"openid": openid}))["code"]


@pytest.fixture
async def state() -> AsyncIterator[SandboxState]:
    with in_use(settings_for()):
        yield SandboxState(APPID, SECRET, seed=1)


@pytest.fixture
async def remote(state: SandboxState) -> AsyncIterator[Remote]:
    async with serve_sandbox(state) as base_url, aiohttp.ClientSession() as http:
        yield Remote(base_url, http)


async def test_production_refuses_the_sandbox() -> None:
    with in_use(settings_for(env="production")), pytest.raises(RuntimeError, match="生产环境"):
        sandbox(SandboxState(APPID, SECRET))


async def test_a_login_code_gives_its_users_openid_once(remote: Remote) -> None:
    user = await remote.post("/control/users", {"openid": "o_zhang_wei", "name": "张伟", "phone": "13800000001"})
    js_code = await remote.code_of(user["openid"])
    assert len(js_code) == 32 and js_code.startswith("0")
    first, second = await remote.login(js_code), await remote.login(js_code)
    assert first["openid"] == "o_zhang_wei" and first["session_key"] and "errcode" not in first
    assert second["errcode"] == 40163 and "session_key" not in second
    assert (await remote.login("0" + "x" * 31))["errcode"] == 40029


@pytest.mark.parametrize(("age_s", "errcode"), [(299, 0), (300, 0), (301, 40029)])
async def test_a_code_lives_five_minutes(remote: Remote, age_s: int, errcode: int) -> None:
    await remote.post("/control/clock", {"freeze": True})
    await remote.post("/control/users", {"openid": "o_zhang_wei", "phone": "13800000001"})
    js_code = await remote.code_of("o_zhang_wei")
    phone_code = (await remote.post("/control/phone_button", {"openid": "o_zhang_wei"}))["code"]
    await remote.post("/control/clock", {"advance_s": age_s})
    token = (await remote.stable())["access_token"]
    assert (await remote.login(js_code)).get("errcode", 0) == errcode
    assert (await remote.post(PHONE_NUMBER, {"code": phone_code}, access_token=token))["errcode"] == errcode


async def test_another_apps_code_and_the_wrong_kind_of_code_are_unknown(remote: Remote, state: SandboxState) -> None:
    state.add_app(OTHER_APPID, "other-secret")
    state.add_user(openid="o_zhang_wei", phone="13800000001")
    js_code = await remote.code_of("o_zhang_wei")
    assert (await remote.login(js_code, appid=OTHER_APPID, secret="other-secret"))["errcode"] == 40029
    token = (await remote.stable())["access_token"]
    assert (await remote.post(PHONE_NUMBER, {"code": js_code}, access_token=token))["errcode"] == 40029
    phone_code = (await remote.post("/control/phone_button", {"openid": "o_zhang_wei"}))["code"]
    foreign = {"code": phone_code, "openid": "o_somebody_else"}
    assert (await remote.post(PHONE_NUMBER, foreign, access_token=token))["errcode"] == 40029
    own = await remote.post(PHONE_NUMBER, {"code": phone_code, "openid": "o_zhang_wei"}, access_token=token)
    assert own["phone_info"]["purePhoneNumber"] == "13800000001" and own["phone_info"]["watermark"]["appid"] == APPID


async def test_credentials_are_checked_in_wechats_order(remote: Remote, state: SandboxState) -> None:
    state.add_user(openid="o_zhang_wei")
    js_code = await remote.code_of("o_zhang_wei")
    assert (await remote.login(js_code, appid=""))["errcode"] == 41002
    assert (await remote.login(js_code, appid="wx_unknown"))["errcode"] == 40013
    assert (await remote.login(js_code, secret=""))["errcode"] == 41004
    assert (await remote.login(js_code, secret="wrong"))["errcode"] == 40125
    assert (await remote.login(""))["errcode"] == 41008
    assert (await remote.get("/cgi-bin/stable_token"))["errcode"] == 43002
    assert (await remote.post("/sns/jscode2session"))["errcode"] == 43001
    assert (await remote.post("/cgi-bin/stable_token"))["errcode"] == 44002
    assert (await remote.post("/cgi-bin/stable_token", ["no", "object"]))["errcode"] == 47001
    assert (await remote.stable(grant_type="password"))["errcode"] == 40002
    assert (await remote.post(PHONE_NUMBER, {"code": "x"}))["errcode"] == 41001
    assert (await remote.post(PHONE_NUMBER, {"code": "x"}, access_token="odd"))["errcode"] == 40014
    assert (await remote.post(PHONE_NUMBER, {"code": "x"}, access_token="FAKE_x"))["errcode"] == 40001
    state.apps[APPID].ip_whitelist = ("203.0.113.7",)
    assert (await remote.stable())["errcode"] == 40164
    state.apps[APPID].frozen = True
    assert (await remote.login(js_code))["errcode"] == 40243


async def test_a_blocked_user_and_the_hundred_and_first_login_in_a_minute_are_refused(remote: Remote, state: SandboxState) -> None:
    await remote.post("/control/clock", {"freeze": True})
    state.add_user(openid="o_zhang_wei").risk_blocked = True
    assert (await remote.login(await remote.code_of("o_zhang_wei")))["errcode"] == 40226
    state.user("o_zhang_wei").risk_blocked = False
    codes = [(await remote.login(state.wx_login("o_zhang_wei"))).get("errcode", 0) for _ in range(100)]
    assert codes == [0] * 99 + [45011]
    await remote.post("/control/clock", {"advance_s": 60})
    assert "openid" in await remote.login(state.wx_login("o_zhang_wei"))


async def test_a_stable_token_stays_the_same_until_its_last_five_minutes(remote: Remote) -> None:
    await remote.post("/control/clock", {"freeze": True})
    first = await remote.stable()
    assert first["expires_in"] == 7200 and len(first["access_token"]) >= 150
    await remote.post("/control/clock", {"advance_s": 6899})
    assert await remote.stable() == {"access_token": first["access_token"], "expires_in": 301}
    await remote.post("/control/clock", {"advance_s": 1})
    second = await remote.stable()
    assert second["access_token"] != first["access_token"] and second["expires_in"] == 7200
    old = await remote.post(PHONE_NUMBER, {"code": "x"}, access_token=first["access_token"])
    assert old["errcode"] == 40029  # the old token still opens the door: the code is what is wrong


async def test_forcing_a_token_works_twenty_times_a_day_and_thirty_seconds_apart(remote: Remote) -> None:
    await remote.post("/control/clock", {"set": 1_700_006_400, "freeze": True})
    values = {(await remote.stable(force_refresh=True))["access_token"], (await remote.stable(force_refresh=True))["access_token"]}
    assert len(values) == 1
    for _ in range(25):
        await remote.post("/control/clock", {"advance_s": 30})
        values.add((await remote.stable(force_refresh=True))["access_token"])
    assert len(values) == 20


async def test_forcing_a_token_ends_the_one_before_it_at_once(remote: Remote) -> None:
    dead, alive = (await remote.stable())["access_token"], (await remote.stable(force_refresh=True))["access_token"]
    codes = [(await remote.post(PHONE_NUMBER, {"code": "x"}, access_token=token))["errcode"] for token in (dead, alive)]
    assert codes == [40001, 40029]


async def test_each_legacy_token_ends_the_one_before_it_after_the_overlap(remote: Remote) -> None:
    query = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET}
    first, second = [(await remote.get("/cgi-bin/token", **query))["access_token"] for _ in range(2)]
    await remote.stable()

    async def refusal(token: str) -> int:
        return (await remote.post(PHONE_NUMBER, {"code": "x"}, access_token=token))["errcode"]

    assert [await refusal(first), await refusal(second)] == [40029, 40029]
    await remote.post("/control/clock", {"advance_s": 301})
    assert [await refusal(first), await refusal(second)] == [40001, 40029]
    await remote.post("/control/clock", {"advance_s": 7200})
    assert await refusal(second) == 42001


async def test_wechatpy_signs_a_user_in(remote: Remote) -> None:
    await remote.post("/control/users", {"openid": "o_zhang_wei"})
    js_code = await remote.code_of("o_zhang_wei")
    foreigner = Foreigner(remote.base_url)
    session = await foreigner.ask(lambda client: client.wxa.code_to_session(js_code))
    assert session["openid"] == "o_zhang_wei"
    with pytest.raises(WeChatClientException) as refusal:
        await foreigner.ask(lambda client: client.wxa.code_to_session(js_code))
    assert refusal.value.errcode == 40163


async def test_wechatpy_gets_a_phone_number_and_meets_a_stale_token(remote: Remote) -> None:
    await remote.post("/control/users", {"openid": "o_zhang_wei", "phone": "13800000001"})
    code = (await remote.post("/control/phone_button", {"openid": "o_zhang_wei"}))["code"]
    foreigner = Foreigner(remote.base_url)
    url = "https://api.weixin.qq.com/wxa/business/getuserphonenumber"
    await foreigner.ask(lambda client: client.access_token)
    await remote.post("/control/faults", {"match": {"path": PHONE_NUMBER}, "do": {"invalidate_token": True}, "times": 1})
    with pytest.raises(WeChatClientException) as refusal:
        await foreigner.ask(lambda client: client.post(url, data={"code": code}))
    assert refusal.value.errcode == 40001
    await foreigner.ask(lambda client: client.fetch_access_token())
    found = await foreigner.ask(lambda client: client.post(url, data={"code": code}))
    assert found["phone_info"]["purePhoneNumber"] == "13800000001"


async def test_a_lost_answer_has_had_its_effect(remote: Remote, state: SandboxState) -> None:
    state.add_user(openid="o_zhang_wei")
    js_code = await remote.code_of("o_zhang_wei")
    rule = {"match": {"path": "/sns/jscode2session"}, "when": {"nth": 1}, "do": {"close_after_effect": True}}
    assert await remote.post("/control/faults", rule) == {"faults": 1}
    # Not with aiohttp: that repeats a GET by itself when the connection breaks.
    query = {"appid": APPID, "secret": SECRET, "js_code": js_code, "grant_type": "authorization_code"}
    with pytest.raises(requests.ConnectionError):
        await asyncio.to_thread(requests.get, remote.base_url + "/sns/jscode2session", params=query, timeout=5)
    assert state.js_codes[js_code].used_at is not None
    assert (await remote.login(js_code))["errcode"] == 40163


async def test_a_mistaken_order_to_the_control_api_does_not_pass_for_success(remote: Remote) -> None:
    assert (await remote.post("/control/wx_login", {"openid": "o_nobody_here"}))["errcode"] == 40003
    assert (await remote.post("/control/users", {"opnid": "typo"}))["errcode"] == 47001
    assert (await remote.post("/control/faults", {"match": {"path": "*"}, "do": {"explode": True}}))["errcode"] == 47001
    assert (await remote.post("/control/clock", {"advance_s": "soon"}))["errcode"] == 47001
    user = await remote.post("/control/users", {"openid": "o_without_phone"})
    assert (await remote.post("/control/phone_button", {"openid": user["openid"]}))["errcode"] == 1400001


async def test_the_list_of_requests_holds_no_secret(remote: Remote) -> None:
    await remote.login("0" + "x" * 31)
    items = (await remote.get("/control/requests", path="/sns/jscode2session"))["items"]
    assert [(item["method"], item["errcode"], item["query"]["secret"]) for item in items] == [("GET", 40029, "***")]
    await remote.post("/control/reset")
    assert (await remote.get("/control/requests"))["items"] == []
    assert (await remote.get("/control/health"))["users"] == 0


async def test_the_same_seed_gives_the_same_codes_and_tokens() -> None:
    with in_use(settings_for()):
        transcripts = []
        for seed in (7, 7, 8):
            state = SandboxState(APPID, SECRET, seed=seed)
            transcripts.append((state.add_user().openid, state.wx_login(next(iter(state.users))), state.rid()))
    assert transcripts[0] == transcripts[1] != transcripts[2]
