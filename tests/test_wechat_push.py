"""Pushes: WeChat's own vectors, what the sandbox sends over HTTP, and everything that must be turned away."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from sandbox_server import AES_KEY, APPID, PUSH_TOKEN, SECRET, in_use, serve, serve_sandbox, settings_for
from sanic import Request, Sanic
from sanic.response import HTTPResponse, text
from wechatpy.crypto import WeChatCrypto

from backend.kernel import clock
from backend.kernel.errors import DakaError, Forbidden
from backend.wechat.push import PushEvent, open_push, verify_url
from backend.wechat.sandbox import SandboxState
from backend.wechat.sandbox.sealing import encrypt, sealed, signature

REVOKED = {
    "ToUserName": "gh_sandbox",
    "FromUserName": "oSandboxPlatformAccount00000",
    "CreateTime": 1714037059,
    "MsgType": "event",
    "Event": "user_authorization_revoke",
    "OpenID": "o_zhang_wei",
    "AppID": APPID,
    "RevokeInfo": "8",
}
SEALED = settings_for()
PLAIN = settings_for(wechat_push_aes_key="")


@pytest.fixture(autouse=True)
def at_the_vectors_time() -> Any:
    with in_use(SEALED), clock.shifted(datetime.fromtimestamp(1714037059, UTC)):
        yield


def delivery(fields: dict[str, Any] = REVOKED, *, secure: bool = True, xml: bool = False, **app: str) -> tuple[dict[str, str], bytes]:
    """Query and body as the sandbox would send them; `app` changes the sender's appid or secrets."""
    state = SandboxState(app.get("appid", APPID), SECRET, "", app.get("token", PUSH_TOKEN), app.get("aes_key", AES_KEY), seed=3)
    return sealed(state, state.apps[state.appid], fields, secure=secure, xml=xml)


def refusal(query: dict[str, str], body: bytes) -> str:
    with pytest.raises(DakaError) as error:
        open_push(query, body)
    assert error.value.status == (400 if error.value.code == "bad_push" else 403)
    return error.value.code


def test_wechats_vector_for_the_url_check_is_accepted() -> None:
    query = {
        "signature": "f464b24fc39322e44b38aa78f5edd27bd1441696",
        "timestamp": "1714036504",
        "nonce": "1514711492",
        "echostr": "4375120948345356249",
    }
    assert verify_url(query) == "4375120948345356249"
    for name in query:
        with pytest.raises(Forbidden) as error:
            verify_url({**query, name: "1"} if name != "echostr" else {k: v for k, v in query.items() if k != "signature"})
        assert error.value.code == "bad_signature"


def test_wechats_vector_for_a_plain_push_is_accepted() -> None:
    query = {"signature": "899cf89e464efb63f54ddac96b0a0a235f53aa78", "timestamp": "1714037059", "nonce": "486452656"}
    with in_use(PLAIN):
        assert open_push(query, json.dumps(REVOKED).encode()).kind == "user_authorization_revoke"


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("xml", [False, True])
def test_every_mode_and_format_gives_the_same_event(secure: bool, xml: bool) -> None:
    with in_use(SEALED if secure else PLAIN):
        event = open_push(*delivery(secure=secure, xml=xml))
    identity = b'["event","user_authorization_revoke","o_zhang_wei","1714037059","8",""]'
    assert event == PushEvent("user_authorization_revoke", "o_zhang_wei", 1714037059, "8", hashlib.sha256(identity).hexdigest(), APPID)


def test_what_wechatpy_seals_is_opened() -> None:
    envelope = WeChatCrypto(PUSH_TOKEN, AES_KEY, APPID).encrypt_message(json.dumps(REVOKED), "486452656", "1714037059")
    sign = envelope.split("<MsgSignature><![CDATA[")[1].split("]]")[0]
    query = {"encrypt_type": "aes", "msg_signature": sign, "timestamp": "1714037059", "nonce": "486452656"}
    assert open_push(query, envelope.encode()).openid == "o_zhang_wei"


def test_an_encrypted_echo_is_opened_and_answered() -> None:
    echo = encrypt("4375120948345356249", aes_key=AES_KEY, appid=APPID, prefix=b"0" * 16)
    query = {"timestamp": "1714037059", "nonce": "486452656", "echostr": echo}
    query["msg_signature"] = signature(PUSH_TOKEN, query["timestamp"], query["nonce"], echo)
    assert verify_url(query) == "4375120948345356249"


def test_a_repeated_delivery_has_the_same_key_and_another_event_another() -> None:
    first, again = (open_push(*delivery(xml=xml)) for xml in (False, True))
    assert first.key == again.key and len(first.key) == 64
    for change in ({"RevokeInfo": "6"}, {"OpenID": "o_li_na"}, {"CreateTime": 1714037060}, {"Event": "user_info_modified"}):
        assert open_push(*delivery({**REVOKED, **change})).key != first.key


def test_an_event_without_openid_is_tolerated_and_not_pinned_on_the_platform_account() -> None:
    fields = {name: value for name, value in REVOKED.items() if name != "OpenID"}
    event = open_push(*delivery({**fields, "OpenID": ""}))
    assert event.openid == "" and event.kind == "user_authorization_revoke"


def test_a_missing_or_wrong_signature_is_refused() -> None:
    query, body = delivery()
    flipped = ("0" if query["msg_signature"][0] != "0" else "1") + query["msg_signature"][1:]
    for name, value in (("msg_signature", flipped), ("msg_signature", "签名"), ("timestamp", "1714037060"), ("nonce", "1"), ("nonce", "")):
        assert refusal({**query, name: value}, body) == "bad_signature"
    assert refusal({}, body) == "bad_signature"
    assert refusal(*delivery(token="another")) == "bad_signature"
    envelope = json.loads(body)
    changed = json.dumps({**envelope, "Encrypt": envelope["Encrypt"][:-4] + "AAA="}).encode()
    assert refusal(query, changed) == "bad_signature"


def test_nothing_is_decrypted_before_the_signature_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_early(*_: object) -> str:
        raise AssertionError("decrypted")

    monkeypatch.setattr(WeChatCrypto, "decrypt_message", too_early)
    query, body = delivery()
    assert refusal({**query, "msg_signature": "0" * 40}, body) == "bad_signature"


def test_without_a_token_of_ours_nothing_is_believed() -> None:
    with in_use(dataclasses.replace(PLAIN, wechat_push_token="")):
        assert refusal(*delivery(secure=False, token="")) == "bad_signature"


@pytest.mark.parametrize(("age_s", "code"), [(-601, "stale_push"), (-599, None), (599, None), (602, "stale_push")])
def test_a_push_far_from_our_clock_is_refused(age_s: int, code: str | None) -> None:
    query, body = delivery()
    with clock.shifted(datetime.fromtimestamp(int(query["timestamp"]) + age_s, UTC)):
        if code:
            assert refusal(query, body) == code
        else:
            assert open_push(query, body).openid == "o_zhang_wei"


def test_another_apps_push_is_refused() -> None:
    assert refusal(*delivery(appid="wxfedcba9876543210")) == "wrong_appid"
    assert refusal(*delivery({**REVOKED, "AppID": "wxfedcba9876543210"})) == "wrong_appid"


def test_with_an_aes_key_set_a_plain_push_is_refused_and_without_one_a_sealed_push() -> None:
    assert refusal(*delivery(secure=False)) == "secure_mode_required"
    with in_use(PLAIN):
        assert refusal(*delivery(secure=True)) == "secure_mode_required"


BOMB = """<!DOCTYPE xml [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>
<xml><MsgType>event</MsgType><CreateTime>1</CreateTime><Event>&b;</Event></xml>"""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"text"',
        b"{",
        b"\xff\xfe",
        b"<xml>",
        b"<xml/>",
        b"<other><MsgType>event</MsgType></other>",
        BOMB.encode(),
        BOMB.encode("utf-16"),
        b"<!-- --><xml><MsgType>event</MsgType><CreateTime>1</CreateTime></xml>",
        b"<xml>" * 5000,
        b"[" * 60000,
        b'{"MsgType":{"a":1},"CreateTime":1}',
        b'{"MsgType":"event","CreateTime":"soon"}',
        b"<xml><MsgType>a</MsgType><MsgType>b</MsgType><CreateTime>1</CreateTime></xml>",
        json.dumps({**REVOKED, "Event": "e" * 61}).encode(),
        json.dumps({**REVOKED, "OpenID": "o'; DROP TABLE"}).encode(),
        json.dumps({**REVOKED, "Content": "x" * 70_000}).encode(),
    ],
)
def test_a_signed_but_unreadable_body_is_a_bad_push(body: bytes) -> None:
    query, _ = delivery(secure=False)
    with in_use(PLAIN):
        assert refusal(query, body) == "bad_push"


def test_an_envelope_with_entities_is_refused_before_any_signature() -> None:
    query, _ = delivery(secure=True)
    assert refusal(query, BOMB.replace("Event>", "Encrypt>").encode()) == "bad_push"


@pytest.mark.parametrize("inside", ["", "!", "QUJD", "A" * 64, "é"])
def test_signed_nonsense_in_the_envelope_is_no_server_error(inside: str) -> None:
    query, _ = delivery()
    query["msg_signature"] = signature(PUSH_TOKEN, query["timestamp"], query["nonce"], inside)
    assert refusal(query, json.dumps({"Encrypt": inside}).encode()) in ("bad_push", "bad_signature", "wrong_appid")


class Receiver:
    """A push address of an app: opens what comes and remembers it; answers as `answers` says, `success` at the end of that list."""

    def __init__(self) -> None:
        self.events: list[PushEvent] = []
        self.answers: list[int] = []

    async def receive(self, request: Request) -> HTTPResponse:
        self.events.append(open_push({name: request.args.get(name) for name in request.args}, request.body))
        status = self.answers.pop(0) if self.answers else 200
        return text("success" if status == 200 else "busy", status=status)


@pytest.fixture
async def push() -> AsyncIterator[tuple[Receiver, Callable[..., Any]]]:
    """A receiver, and the sandbox's push lever."""
    receiver = Receiver()
    app = Sanic("push-receiver", configure_logging=False)
    app.config.TOUCHUP = False
    app.add_route(receiver.receive, "/wechat/push", methods=["POST"])
    async with serve(app) as address:
        state = SandboxState(APPID, SECRET, f"{address}/wechat/push", PUSH_TOKEN, AES_KEY)
        state.add_user(openid="o_zhang_wei")
        async with serve_sandbox(state) as base_url, aiohttp.ClientSession() as http:

            async def lever(**order: Any) -> dict[str, Any]:
                async with http.post(f"{base_url}/control/push", json={"openid": "o_zhang_wei", **order}) as response:
                    return await response.json(content_type=None)

            yield receiver, lever


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_the_sandboxs_push_arrives_as_often_as_ordered_under_one_key(push: tuple[Receiver, Callable[..., Any]], form: str) -> None:
    receiver, lever = push
    answer = await lever(event="user_authorization_revoke", RevokeInfo="8", format=form, times=3)
    assert [delivered["attempts"][-1]["accepted"] for delivered in answer["deliveries"]] == [True] * 3
    assert len({event.key for event in receiver.events}) == 1 and len(receiver.events) == 3
    assert (receiver.events[0].openid, receiver.events[0].detail) == ("o_zhang_wei", "8")


async def test_the_sandbox_tries_three_times_and_no_more(push: tuple[Receiver, Callable[..., Any]]) -> None:
    receiver, lever = push
    receiver.answers = [500, 500]
    answer = await lever(event="user_authorization_cancellation")
    assert [attempt["status"] for attempt in answer["deliveries"][0]["attempts"]] == [500, 500, 200]
    receiver.answers = [500, 500, 500, 500]
    answer = await lever(event="user_authorization_cancellation")
    assert [attempt["accepted"] for attempt in answer["deliveries"][0]["attempts"]] == [False] * 3


async def test_the_sandbox_refuses_an_order_it_cannot_carry_out(push: tuple[Receiver, Callable[..., Any]]) -> None:
    _, lever = push
    for order in ({}, {"event": "x", "mode": "loud"}, {"event": "x", "times": 0}, {"event": "x", "format": "yaml"}):
        assert (await lever(**order))["errcode"] == 47001
    assert (await lever(openid="o_nobody_here", event="x"))["errcode"] == 40003
