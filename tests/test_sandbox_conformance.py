"""Whether the sandbox behaves as WeChat is known to: twelve points, each its own test. wechatpy 1.8.18 is the client that is not ours.

`make conformance` runs them with 10,000 requests in the last one; the default suite with fewer (DAKA_SOAK_REQUESTS).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sandbox_remote import ZHANG, Remote, bytes_of, login_query, read_code, remote_sandbox
from sandbox_server import AES_KEY, APPID, PUSH_TOKEN, SECRET, Foreigner, settings_for
from sandbox_soak import SOAK_REQUESTS, restarted_transcripts, soak, talk
from wechatpy.crypto import WeChatCrypto, WeChatWxaCrypto
from wechatpy.exceptions import WeChatClientException
from wechatpy.utils import check_signature, check_wxa_signature

from backend.kernel.errors import Unauthorised
from backend.kernel.redis import connect
from backend.wechat.client import WeChat
from backend.wechat.sandbox.accounts import session_signature
from backend.wechat.sandbox.paths import LOGIN, PHONE_NUMBER, STABLE_TOKEN, SUBSCRIBE_SEND, TEXT_CHECK
from backend.wechat.sandbox.sealing import sealed, signature

TEMPLATE, DATA = "template-study", {"thing1": {"value": "每日学习"}}
LEGACY = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET}


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Remote]:
    async with remote_sandbox() as remote:
        yield remote


@pytest.fixture
async def remote(served: Remote) -> Remote:
    served.start_anew()
    templates = {TEMPLATE: {"title": "学习提醒", "fields": {"thing1": "内容"}}}
    await served.order("apps", pages=["pages/today/today"], templates=templates)
    return served


async def phone_code(remote: Remote) -> str:
    return (await remote.order("phone_button", openid=ZHANG))["code"]


async def phone(remote: Remote, token: str, code: str = "x") -> int:
    """40029 for the code x where the token is good."""
    return (await remote.post(PHONE_NUMBER, {"code": code}, access_token=token))["errcode"]


def test_point_1_wechats_published_vectors() -> None:
    assert signature("AAAAA", "1714036504", "1514711492") == "f464b24fc39322e44b38aa78f5edd27bd1441696"
    assert signature("AAAAA", "1714037059", "486452656") == "899cf89e464efb63f54ddac96b0a0a235f53aa78"
    key = "o0q0otL8aEzpcZL/FT9WsQ=="
    assert session_signature(key, b'{"foo":"bar"}') == "654571f79995b2ce1e149e53c0a33dc39c0a74090db514261454e8dbe432aa0b"
    assert session_signature(key) == "46e043c5525c2d817c44be603d30837a808a1d930d038f6fdc3e62a201fed128"


def test_point_1_the_library_that_opens_what_wechat_sends_agrees_with_the_published_samples() -> None:
    raw = (
        '{"nickName":"Band","gender":1,"language":"zh_CN","city":"Guangzhou","province":"Guangdong","country":"CN","avatarUrl":'
        '"http://wx.qlogo.cn/mmopen/vi_32/1vZvI39NWFQ9XM4LtQpFrQJ1xlgZxx3w7bQxKARol6503Iuswjjn6nIGBiaycAjAtpujxyzYsrztuuICqIM5ibXQ/0"}'
    )
    check_wxa_signature("HyVFkGl5F5OQWJZZaNzBBg==", raw, "75e81ceda165f4ffa64f4068af58c64b8f54b88c")
    encrypted = (
        "CiyLU1Aw2KjvrjMdj8YKliAjtP4gsMZMQmRzooG2xrDcvSnxIMXFufNstNGTyaGS9uT5geRa0W4oTOb1WT7fJlAC+oNPdbB+3hVbJSRgv+4lGOETKUQz6OYStslQ142d"
        "NCuabNPGBzlooOmB231qMM85d2/fV6ChevvXvQP8Hkue1poOFtnEtpyxVLW1zAo6/1Xx1COxFvrc2d7UL/lmHInNlxuacJXwu0fjpXfz/YqYzBIBzD6WUfTIF9GRHpOn"
        "/Hz7saL8xz+W//FRAUid1OksQaQx4CMs8LOddcQhULW4ucetDf96JcR3g0gfRK4PC7E/r7Z6xNrXd2UIeorGj5Ef7b1pJAYB6Y5anaHqZ9J6nKEBvB4DnNLIVWSgARns"
        "/8wR2SiRS7MNACwTyrGvt9ts8p12PKFdlqYTopNHR1Vf7XjfhQlVsAJdNiKdYmYVoKlaRv85IfVunYzO0IKXsyl7JCUjCpoG20f0a04COwfneQAGGwd5oa+T8yO5hzuy"
        "Db/XcxxmK01EpqOyuxINew=="
    )
    crypto = WeChatWxaCrypto("tiihtNczf5v6AKRyjwEUhQ==", "r7BXXKkLb8qrSNn05n0qiA==", "wx4f4bc4dec97d474b")
    assert crypto.decrypt_message(encrypted)["nickName"] == "Band"


async def test_point_2_wechatpy_signs_in_and_survives_a_stale_token(remote: Remote) -> None:
    foreigner = Foreigner(remote.base_url)
    js_code = await remote.code_of(ZHANG)
    assert (await foreigner.ask(lambda client: client.wxa.code_to_session(js_code)))["openid"] == ZHANG
    with pytest.raises(WeChatClientException) as refusal:
        await foreigner.ask(lambda client: client.wxa.code_to_session(js_code))
    assert refusal.value.errcode == 40163
    await remote.order("scenario", name="token_killed_once")
    foreigner.client.auto_retry = True
    url, code = f"https://api.weixin.qq.com{PHONE_NUMBER}", await phone_code(remote)
    found = await foreigner.ask(lambda client: client.post(url, data={"code": code}))
    assert found["phone_info"]["purePhoneNumber"] == "13800000001"
    asked = [(item["path"], item["errcode"]) for item in (await remote.get("/control/requests"))["items"][-3:]]
    assert asked == [(PHONE_NUMBER, 40001), ("/cgi-bin/token", 0), (PHONE_NUMBER, 0)]


async def test_point_2_wechatpy_gets_a_code_to_scan_sends_a_message_and_has_a_text_checked(remote: Remote) -> None:
    foreigner = Foreigner(remote.base_url)
    image = await foreigner.ask(lambda client: client.wxa.get_wxa_code_unlimited("k1", page="pages/today/today"))
    assert read_code(image.content) == "k1"
    send = lambda client: client.wxa.send_subscribe_message(ZHANG, TEMPLATE, DATA, "pages/today/today")  # noqa: E731
    with pytest.raises(WeChatClientException) as refusal:
        await foreigner.ask(send)
    assert refusal.value.errcode == 43101
    await remote.order("subscribe", openid=ZHANG, template_id=TEMPLATE)
    assert (await foreigner.ask(send))["errcode"] == 0
    assert (await foreigner.ask(lambda client: client.wxa.check_text_security("学习")))["errcode"] == 0
    with pytest.raises(WeChatClientException) as refusal:
        await foreigner.ask(lambda client: client.wxa.check_text_security("[[risky]]"))
    assert refusal.value.errcode == 87014


@pytest.mark.parametrize("xml", [False, True])
async def test_point_2_wechatpy_opens_what_the_sandbox_pushes(remote: Remote, xml: bool) -> None:
    state = remote.state
    fields = {"ToUserName": "gh_1", "MsgType": "event", "Event": "user_authorization_revoke", "OpenID": ZHANG, "RevokeInfo": "8"}
    query, body = sealed(state, state.apps[APPID], fields, secure=True, xml=xml)
    check_signature(PUSH_TOKEN, query["signature"], query["timestamp"], query["nonce"])
    crypto = WeChatCrypto(PUSH_TOKEN, AES_KEY, APPID)
    given = body.decode() if xml else json.loads(body)
    opened = crypto.decrypt_message(given, query["msg_signature"], query["timestamp"], query["nonce"])
    assert (f"<OpenID><![CDATA[{ZHANG}]]></OpenID>" in opened) if xml else (json.loads(opened) == fields)


async def test_point_3_our_client_signs_in_meets_a_stale_token_and_gets_a_phone_number(remote: Remote) -> None:
    redis = connect("")
    await redis.flushall()
    wechat = WeChat(settings_for(remote.base_url), redis)
    await wechat.start()
    try:
        js_code = await remote.code_of(ZHANG)
        assert await wechat.code_to_openid(js_code) == ZHANG
        with pytest.raises(Unauthorised):
            await wechat.code_to_openid(js_code)
        await remote.order("scenario", name="token_killed_once")
        assert await wechat.phone_number(await phone_code(remote), openid=ZHANG) == "13800000001"
    finally:
        await wechat.close()
        await redis.aclose()
    asked = [item["path"] for item in (await remote.get("/control/requests"))["items"]]
    assert asked == [LOGIN, LOGIN, STABLE_TOKEN, PHONE_NUMBER, STABLE_TOKEN, PHONE_NUMBER]


@pytest.mark.parametrize("overlap_s", [300, 0])
async def test_point_4_the_first_of_two_legacy_tokens_is_dead_after_the_overlap(remote: Remote, overlap_s: int) -> None:
    await remote.order("clock", freeze=True)
    await remote.order("options", overlap_s=overlap_s)
    first, second = [(await remote.get("/cgi-bin/token", **LEGACY))["access_token"] for _ in range(2)]
    stable = await remote.token()
    if overlap_s:
        await remote.order("clock", advance_s=overlap_s - 1)
        assert await phone(remote, first) == 40029
        await remote.order("clock", advance_s=1)
    assert [await phone(remote, token) for token in (first, second, stable)] == [40001, 40029, 40029]
    await remote.order("clock", advance_s=7200)
    assert [await phone(remote, token) for token in (second, stable)] == [42001, 42001]


async def test_point_5_a_hundred_calls_at_once_get_one_stable_token(remote: Remote) -> None:
    answers = await asyncio.gather(*[remote.stable() for _ in range(100)])
    assert len({answer["access_token"] for answer in answers}) == 1


async def test_point_6_the_twenty_first_forced_refresh_of_a_day_is_refused(remote: Remote) -> None:
    await remote.order("clock", set=1_700_006_400, freeze=True)
    tokens = [(await remote.stable())["access_token"]]
    for _ in range(21):
        tokens.append((await remote.stable(force_refresh=True))["access_token"])
        assert (await remote.stable(force_refresh=True))["access_token"] == tokens[-1]  # within 30 s of the last
        await remote.order("clock", advance_s=30)
    assert len(set(tokens[:21])) == 21 and tokens[21] == tokens[20]
    await remote.order("clock", advance_s=86_400 - 21 * 30)
    assert (await remote.stable(force_refresh=True))["access_token"] not in tokens


@pytest.mark.parametrize(("age_s", "errcode"), [(299, 0), (300, 0), (301, 40029)])
async def test_point_7_a_code_lives_five_minutes_and_works_once(remote: Remote, age_s: int, errcode: int) -> None:
    await remote.order("clock", freeze=True)
    js_code, code = await remote.code_of(ZHANG), await phone_code(remote)
    await remote.order("clock", advance_s=age_s)
    token = await remote.token()
    assert [(await remote.login(js_code)).get("errcode", 0), await phone(remote, token, code)] == [errcode, errcode]
    again = [(await remote.login(js_code)).get("errcode", 0), await phone(remote, token, code)]
    assert again == ([40163, 40163] if errcode == 0 else [40029, 40029])


async def test_point_8_of_a_hundred_messages_at_once_as_many_arrive_as_were_granted(remote: Remote) -> None:
    for _ in range(37):
        await remote.order("subscribe", openid=ZHANG, template_id=TEMPLATE)
    body, token = {"touser": ZHANG, "template_id": TEMPLATE, "data": DATA}, await remote.token()
    answers = await asyncio.gather(*[remote.post(SUBSCRIBE_SEND, body, access_token=token) for _ in range(100)])
    codes = [answer["errcode"] for answer in answers]
    assert (codes.count(0), codes.count(43101)) == (37, 63)
    inbox = await remote.get("/control/messages", openid=ZHANG)
    assert len(inbox["items"]) == 37 and [grant["left"] for grant in inbox["grants"]] == [0]


async def test_point_10_a_login_whose_answer_was_lost_has_spent_its_code(remote: Remote) -> None:
    await remote.order("scenario", name="lost_answers")
    js_code = await remote.code_of(ZHANG)
    assert await asyncio.to_thread(bytes_of, remote.base_url, LOGIN, login_query(js_code)) == b""
    await remote.http.delete(f"{remote.base_url}/control/faults")
    assert (await remote.login(js_code))["errcode"] == 40163


async def test_point_11_a_restart_with_the_same_seed_gives_the_same_bytes() -> None:
    one, same = await restarted_transcripts(7, 7)
    async with remote_sandbox(seed=8) as elsewhere:
        other = await talk(elsewhere.base_url, elsewhere.http)
    assert one == same and one != other and one.count(b"\n") == other.count(b"\n") == 60
    print(f"transcript of seed 7: {len(one)} bytes, sha256 {hashlib.sha256(one).hexdigest()[:16]}")


async def test_point_12_thousands_of_requests_of_every_kind_meet_no_error_of_the_sandboxs_own(remote: Remote) -> None:
    began = time.monotonic()
    tally = await soak(remote, SOAK_REQUESTS, seed=12)
    took = time.monotonic() - began
    print(f"soak: {sum(tally.statuses.values())} requests in {took:.1f} s, statuses {dict(tally.statuses)}, {len(tally.errcodes)} errcodes")
    assert tally.statuses == {200: SOAK_REQUESTS}
    assert len(tally.errcodes) >= 15 and tally.errcodes[0] > SOAK_REQUESTS / 20
    health: dict[str, Any] = await remote.get("/control/health")
    assert health["ok"] and (await remote.login(await remote.code_of(ZHANG)))["openid"] == ZHANG
    assert (await remote.post(TEXT_CHECK, {"content": "学习"}, access_token=await remote.token()))["errcode"] == 0
