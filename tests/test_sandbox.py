"""The sandbox over HTTP: who may start it, what its codes and tokens are worth, and in which order it refuses."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sandbox_remote import Remote, remote_sandbox
from sandbox_server import APPID, SECRET, in_use, settings_for
from sanic import Sanic

from backend.kernel import settings
from backend.wechat.sandbox import SandboxState, sandbox
from backend.wechat.sandbox.__main__ import main

PHONE_NUMBER = "/wxa/business/getuserphonenumber"
OTHER_APPID = "wxfedcba9876543210"


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Remote]:
    async with remote_sandbox() as remote:
        yield remote


@pytest.fixture
def remote(served: Remote) -> Remote:
    served.start_anew()
    return served


@pytest.fixture
def state(remote: Remote) -> SandboxState:
    return remote.state


async def test_production_refuses_the_sandbox() -> None:
    with in_use(settings_for(env="production")), pytest.raises(RuntimeError, match="生产环境"):
        sandbox(SandboxState(APPID, SECRET))


@pytest.mark.parametrize(
    ("words", "dotenv", "said"),
    [
        (["--host", "0.0.0.0"], "", "只应监听本机"),
        (["--host", "example.org"], "", "只应监听本机"),
        (["--host", "192.0.2.1"], "", "只应监听本机"),
        (["--host", "::1"], "DAKA_ENV=production", "生产环境"),
        (["--host", "0.0.0.0", "--i-know"], "DAKA_ENV=production", "生产环境"),
    ],
)
def test_the_sandbox_alone_binds_no_foreign_address_and_is_refused_in_production(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, words: list[str], dotenv: str, said: str
) -> None:
    """Also where no service has settings in use: then `.env` counts. Should it start all the same, the test ends and does not hang."""
    (tmp_path / ".env").write_text(dotenv)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings, "_current", None)
    monkeypatch.setattr(Sanic, "run", lambda *_, **__: pytest.fail("it started"))
    monkeypatch.setattr(sys, "argv", ["sandbox", "--appid", APPID, "--secret", SECRET, *words])
    assert main() == 2
    assert said in capsys.readouterr().err


def test_the_environment_alone_says_production_where_no_settings_are_in_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings, "_current", None)
    for env, refused in (("production", True), (" production ", True), ("development", False), ("", False)):
        monkeypatch.setenv("DAKA_ENV", env)
        assert settings.in_production() is refused


async def test_a_login_code_gives_its_users_openid_once(remote: Remote) -> None:
    user = await remote.post("/control/users", {"openid": "o_zhang_wei", "name": "张伟", "phone": "13800000001"})
    js_code = await remote.code_of(user["openid"])
    assert len(js_code) == 32 and js_code.startswith("0")
    first, second = await remote.login(js_code), await remote.login(js_code)
    assert first["openid"] == "o_zhang_wei" and first["session_key"] and "errcode" not in first
    assert second["errcode"] == 40163 and "session_key" not in second
    assert (await remote.login("0" + "x" * 31))["errcode"] == 40029


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


async def test_forcing_a_token_ends_the_one_before_it_at_once(remote: Remote) -> None:
    dead, alive = (await remote.stable())["access_token"], (await remote.stable(force_refresh=True))["access_token"]
    codes = [(await remote.post(PHONE_NUMBER, {"code": "x"}, access_token=token))["errcode"] for token in (dead, alive)]
    assert codes == [40001, 40029]
