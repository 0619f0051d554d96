"""What can go wrong with the sandbox on purpose: fault rules and named scenarios, as a client over HTTP meets them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sandbox_remote import LI, ZHANG, Remote, bytes_of, login_query, remote_sandbox
from sandbox_server import APPID, SECRET

from backend.wechat.sandbox import SandboxState
from backend.wechat.sandbox.paths import LOGIN, PHONE_NUMBER, STABLE_TOKEN, SUBSCRIBE_SEND, TEXT_CHECK
from backend.wechat.sandbox.scenarios import SCENARIOS


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


async def rule(remote: Remote, do: dict[str, Any], *, path: Any = STABLE_TOKEN, **rest: Any) -> None:
    match = {"path": path, **rest.pop("match", {})}
    assert "faults" in await remote.post("/control/faults", {"match": match, "do": do, **rest})


async def errcodes(remote: Remote, count: int) -> list[int]:
    return [(await remote.stable()).get("errcode", 0) for _ in range(count)]


async def lost(remote: Remote, js_code: str) -> bytes:
    return await asyncio.to_thread(bytes_of, remote.base_url, LOGIN, login_query(js_code))


@pytest.mark.parametrize(
    "mistaken",
    [
        {"match": {"path": "*"}, "do": {"explode": True}},
        {"match": {"path": "*"}, "do": {}},
        {"match": {"path": "*"}},
        {"match": {"path": "*", "host": "x"}, "do": {"close": True}},
        {"match": {"path": []}, "do": {"close": True}},
        {"match": {"path": "*"}, "when": {"nth": 0}, "do": {"close": True}},
        {"match": {"path": "*"}, "when": {"probability": 1.5}, "do": {"close": True}},
        {"match": {"path": "*"}, "when": {"from_s": "now"}, "do": {"close": True}},
        {"match": {"path": "*"}, "do": {"close": "yes"}},
        {"match": {"path": "*"}, "do": {"errcode": "40029"}},
        {"match": {"path": "*"}, "do": {"errmsg": "alone"}},
        {"match": {"path": "*"}, "do": {"close": True}, "times": -1},
        {"match": {"path": "*"}, "do": {"duplicate": 2}},
        {"match": {"path": "push"}, "do": {"errcode": -1}},
        {"rule": {}},
    ],
)
async def test_a_rule_that_is_not_understood_is_refused_whole(remote: Remote, state: SandboxState, mistaken: dict[str, Any]) -> None:
    sound = {"match": {"path": "*"}, "do": {"close": True}}
    assert (await remote.post("/control/faults", {"rules": [sound, mistaken]}))["errcode"] == 47001
    assert state.faults == []


async def test_a_rule_acts_on_the_path_method_person_and_app_it_names_and_on_nobody_else(remote: Remote) -> None:
    await rule(remote, {"errcode": -1}, path="/sns/*", match={"openid": ZHANG, "method": "get", "appid": APPID})
    assert (await remote.login(await remote.code_of(LI))).get("errcode", 0) == 0
    assert (await remote.post(LOGIN))["errcode"] == 43001
    assert (await remote.stable()).get("errcode", 0) == 0
    assert (await remote.login(await remote.code_of(ZHANG), appid="wx_other"))["errcode"] == 40013
    assert (await remote.login(await remote.code_of(ZHANG)))["errcode"] == -1


async def test_the_app_behind_an_access_token_and_the_person_in_the_body_are_known_too(remote: Remote) -> None:
    token = await remote.token()
    await rule(remote, {"errcode": 45011}, path=PHONE_NUMBER, match={"appid": APPID, "openid": LI})
    answers = [await remote.post(PHONE_NUMBER, {"code": "x", "openid": openid}, access_token=token) for openid in (ZHANG, LI)]
    assert [answer["errcode"] for answer in answers] == [40029, 45011]
    button = (await remote.order("phone_button", openid=LI))["code"]
    assert (await remote.post(PHONE_NUMBER, {"code": button}, access_token=token))["errcode"] == 45011


async def test_the_first_rule_that_fits_acts_alone(remote: Remote) -> None:
    await rule(remote, {"errcode": 1}, times=1)
    await rule(remote, {"errcode": 2}, when={"nth": 2})
    assert await errcodes(remote, 4) == [1, 0, 2, 0]


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({"nth": 3}, [0, 0, -1, 0, 0, 0]),
        ({"first": 2}, [-1, -1, 0, 0, 0, 0]),
        ({"every": 3}, [0, 0, -1, 0, 0, -1]),
        ({"every": 2, "first": 4}, [0, -1, 0, -1, 0, 0]),
        ({"probability": 0.0}, [0] * 6),
        ({"probability": 1.0}, [-1] * 6),
    ],
)
async def test_a_rule_acts_when_it_says(remote: Remote, when: dict[str, Any], expected: list[int]) -> None:
    await rule(remote, {"errcode": -1}, when=when)
    assert await errcodes(remote, 6) == expected


async def test_a_window_is_measured_on_the_sandboxs_clock_from_the_rule_on(remote: Remote) -> None:
    await remote.order("clock", freeze=True)
    await rule(remote, {"errcode": -1}, when={"from_s": 10, "to_s": 20})
    seen = []
    for _ in range(5):
        seen += await errcodes(remote, 1)
        await remote.order("clock", advance_s=5)
    assert seen == [0, 0, -1, -1, 0]


async def test_the_dice_are_seeded_and_disturb_no_code(remote: Remote) -> None:
    runs = []
    for _ in range(2):
        await remote.post("/control/reset")
        await remote.order("users", openid=ZHANG)
        await rule(remote, {"errcode": -1}, when={"probability": 0.3})
        runs.append((await errcodes(remote, 200), await remote.code_of(ZHANG)))
    assert runs[0] == runs[1] and 40 <= runs[0][0].count(-1) <= 80
    await remote.post("/control/reset")
    await remote.order("users", openid=ZHANG)
    assert SandboxState(APPID, SECRET, seed=1).dice.random() != SandboxState(APPID, SECRET, seed=1).rng.random()


async def test_a_gateway_answers_with_a_page_and_a_lone_errcode_with_json(remote: Remote) -> None:
    await rule(remote, {"http_status": 502}, times=1)
    await rule(remote, {"errcode": 40001, "errmsg": "made up", "errcode_as_string": True}, times=1)
    status, content_type, body = await remote.raw("POST", STABLE_TOKEN, json={})
    assert (status, content_type) == (502, "text/html") and body.startswith(b"<html>")
    answer = await remote.stable()
    assert answer["errcode"] == "40001" and answer["errmsg"].startswith("made up rid: ")
    assert [item["status"] for item in (await remote.get("/control/requests"))["items"]] == [502, 200]


async def test_a_closed_and_a_reset_connection_have_had_no_effect(remote: Remote, state: SandboxState) -> None:
    await rule(remote, {"close": True}, path=LOGIN, times=1)
    await rule(remote, {"reset": True}, path=LOGIN, times=1)
    js_code = state.wx_login(ZHANG)
    assert await lost(remote, js_code) == b""
    with pytest.raises(ConnectionResetError):
        await lost(remote, js_code)
    assert (await remote.login(js_code))["openid"] == ZHANG


async def test_a_lost_answer_has_had_its_effect(remote: Remote, state: SandboxState) -> None:
    await rule(remote, {"close_after_effect": True}, path=LOGIN, when={"nth": 1})
    js_code = state.wx_login(ZHANG)
    assert await lost(remote, js_code) == b""
    assert (await remote.login(js_code))["errcode"] == 40163


async def test_a_late_answer_has_had_its_effect_even_if_nobody_waits_for_it(remote: Remote, state: SandboxState) -> None:
    await rule(remote, {"delay_ms": 500}, path=LOGIN, times=2)
    began = time.monotonic()
    assert (await remote.login(state.wx_login(ZHANG)))["openid"] == ZHANG and time.monotonic() - began >= 0.5
    js_code = state.wx_login(ZHANG)
    with pytest.raises(TimeoutError):
        await asyncio.to_thread(bytes_of, remote.base_url, LOGIN, login_query(js_code), timeout_s=0.3)
    assert (await remote.login(js_code))["errcode"] == 40163


async def test_an_answer_can_be_torn_garbled_and_marked(remote: Remote, state: SandboxState) -> None:
    for action in ("truncate", "garbage", "bom", "errcode_as_string"):
        await rule(remote, {action: True}, path=LOGIN, times=1)
    head, _, torn = (await lost(remote, state.wx_login(ZHANG))).partition(b"\r\n\r\n")
    promised = int(head.lower().partition(b"content-length: ")[2].split()[0])
    assert torn.startswith(b"{") and len(torn) == promised // 2
    garbled = (await lost(remote, state.wx_login(ZHANG))).partition(b"\r\n\r\n")[2]
    with pytest.raises(UnicodeDecodeError):
        garbled.decode("utf-8")
    marked = (await lost(remote, state.wx_login(ZHANG))).partition(b"\r\n\r\n")[2]
    assert marked.startswith(b"\xef\xbb\xbf{") and json.loads(marked.decode("utf-8-sig"))["openid"] == ZHANG
    assert (await remote.login(state.wx_login(ZHANG)))["errcode"] == "0"


async def test_a_session_key_can_change_behind_everybodys_back(remote: Remote, state: SandboxState) -> None:
    keys = {openid: (await remote.login(state.wx_login(openid)))["session_key"] for openid in (ZHANG, LI)}
    await rule(remote, {"rotate_session_key": True, "errcode": -1}, path=LOGIN, match={"openid": ZHANG})
    await remote.login(state.wx_login(ZHANG))
    assert state.user(ZHANG).session_key != keys[ZHANG] and state.user(LI).session_key == keys[LI]


async def scene(remote: Remote, name: str) -> None:
    assert (await remote.order("scenario", name=name))["name"] == name


async def test_an_unknown_scenario_is_refused_and_a_known_one_replaces_what_was_there(remote: Remote, state: SandboxState) -> None:
    await rule(remote, {"errcode": 1})
    assert (await remote.order("scenario", name="earthquake"))["errcode"] == 47001 and len(state.faults) == 1
    await scene(remote, "expired_code")
    assert (await errcodes(remote, 1), (await remote.get("/control/health"))["scenario"]) == ([0], "expired_code")
    await remote.http.delete(f"{remote.base_url}/control/faults")
    assert (await remote.get("/control/health"))["scenario"] == "" and state.faults == []


async def test_the_named_scenarios_are_those_of_the_specification() -> None:
    assert set(SCENARIOS) == set(
        "expired_code reused_code rate_limited busy_30pct token_killed_once token_killed_forever refused_all no_recent_visit "
        "down_10min slow_5s lost_answers ip_not_whitelisted secret_frozen".split()
    )


@pytest.mark.parametrize(
    ("name", "login", "token", "phone", "check", "send"),
    [
        ("expired_code", 40029, 0, 40029, 40001, 40001),
        ("reused_code", 40163, 0, 40163, 40001, 40001),
        ("rate_limited", 45011, 0, 45011, 45011, 45011),
        ("token_killed_forever", 0, 0, 40001, 40001, 40001),
        ("refused_all", 0, 0, 40001, 40001, 43101),
        ("no_recent_visit", 0, 0, 40001, 61010, 40001),
        ("ip_not_whitelisted", 0, 40164, 40001, 40001, 40001),
        ("secret_frozen", 40243, 40243, 40001, 40001, 40001),
    ],
)
async def test_a_scenario_answers_with_its_errcode_and_leaves_the_rest_alone(
    remote: Remote, name: str, login: int, token: int, phone: int, check: int, send: int
) -> None:
    await scene(remote, name)
    seen = [(await remote.login(await remote.code_of(ZHANG))).get("errcode", 0), (await remote.stable()).get("errcode", 0)]
    seen += [(await remote.post(path, {}, access_token="FAKE_unknown"))["errcode"] for path in (PHONE_NUMBER, TEXT_CHECK, SUBSCRIBE_SEND)]
    assert seen == [login, token, phone, check, send]


async def phone(remote: Remote) -> int:
    """One careless client's way to a phone number: a token, then the call."""
    code = (await remote.order("phone_button", openid=ZHANG))["code"]
    return (await remote.post(PHONE_NUMBER, {"code": code}, access_token=await remote.token()))["errcode"]


async def test_a_token_killed_once_is_replaced_and_one_killed_forever_never_helps(remote: Remote) -> None:
    before = await remote.token()
    await scene(remote, "token_killed_once")
    assert [await phone(remote), await phone(remote)] == [40001, 0]
    assert await remote.token() != before
    await scene(remote, "token_killed_forever")
    tokens = set()
    for _ in range(3):
        tokens.add(await remote.token())
        assert await phone(remote) == 40001
    assert len(tokens) == 3


async def test_wechat_is_down_for_ten_minutes_of_the_sandboxs_clock(remote: Remote) -> None:
    await remote.order("clock", freeze=True)
    await scene(remote, "down_10min")
    statuses = []
    for advance_s in (0, 599, 1):
        await remote.order("clock", advance_s=advance_s)
        statuses.append((await remote.raw("GET", LOGIN))[0])
    assert statuses == [502, 502, 200]


async def test_a_busy_wechat_is_busy_three_times_in_ten(remote: Remote) -> None:
    await scene(remote, "busy_30pct")
    assert 40 <= (await errcodes(remote, 200)).count(-1) <= 80


async def test_lost_answers_are_those_that_must_not_be_asked_for_again(remote: Remote, state: SandboxState) -> None:
    await scene(remote, "lost_answers")
    js_code = state.wx_login(ZHANG)
    assert await lost(remote, js_code) == b"" and state.js_codes[js_code].used_at is not None
    assert await errcodes(remote, 1) == [0]


async def test_a_slow_wechat_answers_after_five_seconds_what_it_did_at_once(remote: Remote, state: SandboxState) -> None:
    await scene(remote, "slow_5s")
    assert SCENARIOS["slow_5s"]["do"] == {"delay_ms": 5000}
    js_code = state.wx_login(ZHANG)
    with pytest.raises(TimeoutError):
        await asyncio.to_thread(bytes_of, remote.base_url, LOGIN, login_query(js_code), timeout_s=0.4)
    assert state.js_codes[js_code].used_at is not None
