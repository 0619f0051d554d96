"""The sandbox's levers: apps and people, the clock, and pushes with everything that can go wrong with them on their way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sandbox_remote import LI, ZHANG, Remote, remote_sandbox
from sandbox_server import AES_KEY, APPID, PUSH_TOKEN, in_use, serve, settings_for
from sanic import Request, Sanic
from sanic.response import HTTPResponse, text
from waiting import until

from backend.kernel.errors import DakaError
from backend.wechat.push import PushEvent, open_push, verify_url
from backend.wechat.sandbox.paths import LOGIN

REVOKED, CANCELLED = "user_authorization_revoke", "user_authorization_cancellation"


class Receiver:
    """Our side's reading of every push. `statuses`: what to answer, one after another; 200 after them. delay_s: before each answer."""

    def __init__(self) -> None:
        self.start_anew()

    def start_anew(self) -> None:
        self.seen: list[PushEvent | str] = []
        self.statuses: list[int] = []
        self.delay_s = 0.0

    async def receive(self, request: Request) -> HTTPResponse:
        await asyncio.sleep(self.delay_s)
        query = {name: request.args.get(name) for name in request.args}
        try:
            if request.method == "GET":
                return text(verify_url(query))
            self.seen.append(open_push(query, request.body))
        except DakaError as error:
            self.seen.append(error.code)
            return text("no", status=error.status)
        return text("success", status=self.statuses.pop(0) if self.statuses else 200)


@pytest.fixture(scope="module")
def receiving() -> Receiver:
    return Receiver()


@pytest.fixture
def receiver(receiving: Receiver) -> Receiver:
    receiving.start_anew()
    return receiving


@pytest.fixture
def remote(served: Remote) -> Remote:
    served.start_anew()
    return served


@pytest.fixture(scope="module")
async def served(receiving: Receiver) -> AsyncIterator[Remote]:
    app = Sanic("push-target", configure_logging=False)
    app.config.TOUCHUP = False
    app.add_route(receiving.receive, "/wechat/push", methods=["GET", "POST"])
    async with serve(app) as address, remote_sandbox(push_url=f"{address}/wechat/push") as remote:
        yield remote


async def spoil(remote: Remote, times: int = 1, **do: Any) -> None:
    assert "faults" in await remote.post("/control/faults", {"match": {"path": "push"}, "do": do, "times": times})


async def revoke(remote: Remote, info: str = "8", **order: Any) -> list[dict[str, Any]]:
    return (await remote.order("revoke", **{"openid": ZHANG, "RevokeInfo": info, **order}))["deliveries"]


def details(receiver: Receiver) -> list[str]:
    return [event.detail if isinstance(event, PushEvent) else event for event in receiver.seen]


@pytest.mark.parametrize(
    ("lever", "order"),
    [
        ("wx_login", {"openid": "o_nobody_here"}),
        ("visit", {"openid": "o_nobody_here"}),
        ("phone_button", {"openid": LI, "code": "x"}),
        ("users", {"opnid": "typo"}),
        ("users", {"phone": 13800000001}),
        ("users", {"risk_blocked": "yes"}),
        ("users", {"openid": "o_new_person", "appid": "wx_nobodys"}),
        ("users", {"openid": "a b"}),
        ("apps", {"appid": "wx_new"}),
        ("apps", {"pages": "pages/today"}),
        ("apps", {"ip_whitelist": "127.0.0.1"}),
        ("apps", {"entity": "company"}),
        ("apps", {"templates": {"t": {"fields": {"smell1": "气味"}}}}),
        ("apps", {"templates": {"t": {"fields": {}}}}),
        ("apps", {"templates": {"t": {"fields": {"thing1": "x"}, "kind": "twice"}}}),
        ("apps", {"push": {"adress": "typo"}}),
        ("subscribe", {"openid": ZHANG, "template_id": "unknown"}),
        ("message", {"openid": ZHANG, "template_id": "unknown"}),
        ("revoke", {"openid": ZHANG}),
        ("push", {"openid": ZHANG}),
        ("push", {"openid": ZHANG, "event": "x", "mode": "loud"}),
        ("push", {"openid": ZHANG, "event": "x", "times": 0}),
        ("push_verify", {"appid": "wx_nobodys"}),
        ("cancel_account", {"openid": "o_nobody_here"}),
        ("clock", {"advance_s": "soon"}),
        ("clock", {"freeze": 1}),
        ("scenario", {"nme": "busy_30pct"}),
    ],
)
async def test_a_mistaken_order_does_not_pass_for_success(remote: Remote, lever: str, order: dict[str, Any]) -> None:
    assert (await remote.order(lever, **order))["errcode"] in (40003, 40037, 47001)


async def test_a_phone_without_a_number_gives_no_code(remote: Remote) -> None:
    user = await remote.order("users", name="安敏")
    assert len(user["openid"]) == 28 and user["openid"].startswith("o")
    assert (await remote.order("phone_button", openid=user["openid"]))["errcode"] == 1400001


async def test_only_what_is_named_changes_in_an_app_and_in_a_person(remote: Remote) -> None:
    await remote.order("apps", pages=["pages/a"], templates={"t": {"title": "某", "fields": {"thing1": "某项"}}})
    assert await remote.order("apps", frozen=True) == {"appid": APPID, "pages": ["pages/a"], "templates": ["t"], "entity": "organisation"}
    assert (await remote.stable())["errcode"] == 40243
    await remote.order("apps", frozen=False, ip_whitelist=["203.0.113.7"])
    assert (await remote.stable())["errcode"] == 40164
    await remote.order("apps", ip_whitelist=None)
    assert "access_token" in await remote.stable()
    await remote.order("users", openid=ZHANG, risk_blocked=True, name="张伟")
    assert (await remote.login(await remote.code_of(ZHANG)))["errcode"] == 40226
    assert await remote.order("users", openid=ZHANG) == {"openid": ZHANG, "phone": "13800000001", "name": "张伟"}


async def test_a_made_up_message_needs_a_grant_like_any_other(remote: Remote) -> None:
    template = {"title": "学习提醒", "fields": {"thing1": "内容"}, "samples": {"thing1": "示例"}}
    await remote.order("apps", templates={"t": template})
    order = {"openid": ZHANG, "template_id": "t"}
    assert (await remote.order("message", **order))["errcode"] == 43101
    await remote.order("subscribe", **order)
    assert [(await remote.order("message", **order))["errcode"] for _ in range(2)] == [0, 43101]
    assert (await remote.get("/control/messages", openid=ZHANG))["items"][0]["fields"][0]["value"] == "示例"


async def test_the_list_of_requests_holds_what_was_sent_but_no_secret_and_no_token(remote: Remote) -> None:
    await remote.login("0" + "x" * 31)
    token = await remote.token()
    await remote.post("/wxa/msg_sec_check", {"content": "学习"}, access_token=token)
    kept = (await remote.get("/control/requests"))["items"]
    assert [(item["method"], item["errcode"], item["query"].get("secret")) for item in kept[:1]] == [("GET", 40029, "***")]
    assert kept[1]["body"]["secret"] == "***" and kept[2]["body"] == {"content": "学习"} and kept[2]["query"] == {"access_token": "***"}
    assert "canary" not in str(kept) and token not in str(kept)
    assert len((await remote.get("/control/requests", path=LOGIN))["items"]) == 1
    await remote.post("/control/reset")
    assert (await remote.get("/control/requests"))["items"] == []
    assert (await remote.get("/control/health"))["users"] == 0


async def test_the_push_address_is_checked_with_an_echo(remote: Remote, receiver: Receiver) -> None:
    assert (await remote.order("push_verify"))["accepted"] is True
    await spoil(remote, bad_signature=True)
    assert await remote.order("push_verify") == {"status": 403, "answer": "no", "accepted": False}
    await remote.order("apps", push={"url": "http://127.0.0.1:9/wechat/push"})
    assert await remote.order("push_verify") == {"status": None, "answer": "ClientConnectorError", "accepted": False}


@pytest.mark.parametrize("mode", ["plain", "secure"])
@pytest.mark.parametrize("form", ["json", "xml"])
async def test_a_withdrawn_authorisation_and_a_closed_account_are_told_in_every_form(
    remote: Remote, receiver: Receiver, mode: str, form: str
) -> None:
    js_code = await remote.code_of(ZHANG)
    await remote.order("apps", push={"mode": mode, "format": form})
    with in_use(settings_for(wechat_push_aes_key=AES_KEY if mode == "secure" else "", wechat_push_token=PUSH_TOKEN)):
        told = [*(await revoke(remote)), *(await remote.order("cancel_account", openid=ZHANG))["deliveries"]]
    assert [delivery["status"] for delivery in told] == ["accepted", "accepted"]
    assert [(event.kind, event.openid, event.detail) for event in receiver.seen] == [(REVOKED, ZHANG, "8"), (CANCELLED, ZHANG, "")]
    assert (await remote.order("wx_login", openid=ZHANG))["errcode"] == 40003
    assert (await remote.login(js_code))["errcode"] == 40029


async def test_an_answer_that_is_wrong_or_too_late_is_waited_for_three_times(remote: Remote, receiver: Receiver) -> None:
    receiver.statuses = [500, 500]
    assert [attempt["status"] for attempt in (await revoke(remote))[0]["attempts"]] == [500, 500, 200]
    await remote.order("options", push_answer_s=0.1)
    receiver.delay_s = 0.3
    late = (await revoke(remote))[0]
    assert late["status"] == "refused" and [attempt["answer"] for attempt in late["attempts"]] == ["TimeoutError"] * 3
    kept = (await remote.get("/control/pushes", openid=ZHANG))["items"]
    assert [(push["event"], push["status"], len(push["attempts"])) for push in kept] == [(REVOKED, "accepted", 3), (REVOKED, "refused", 3)]


@pytest.mark.parametrize(
    ("do", "seen"),
    [
        ({"bad_signature": True}, "bad_signature"),
        ({"wrong_appid": True}, "wrong_appid"),
        ({"old_timestamp": 3600}, "stale_push"),
    ],
)
@pytest.mark.parametrize("form", ["json", "xml"])
async def test_a_push_that_is_not_as_it_should_be_is_turned_away(
    remote: Remote, receiver: Receiver, do: dict[str, Any], seen: str, form: str
) -> None:
    await spoil(remote, **do)
    assert [delivery["status"] for delivery in await revoke(remote, format=form)] == ["refused"]
    assert receiver.seen == [seen] * 3
    assert (await revoke(remote, format=form))[0]["status"] == "accepted"


async def test_a_push_can_come_without_its_openid(remote: Remote, receiver: Receiver) -> None:
    await spoil(remote, omit_openid=True)
    await remote.order("push", openid=ZHANG, event="user_info_modified")
    assert [(event.kind, event.openid) for event in receiver.seen] == [("user_info_modified", "")]


async def test_a_push_can_come_several_times_under_one_key(remote: Remote, receiver: Receiver) -> None:
    await spoil(remote, duplicate=2)
    assert [delivery["status"] for delivery in await revoke(remote)] == ["accepted"] * 3
    assert len(receiver.seen) == 3 and len({event.key for event in receiver.seen}) == 1


async def test_the_next_push_can_overtake_one(remote: Remote, receiver: Receiver) -> None:
    await spoil(remote, times=0, reorder=True)
    assert [delivery["status"] for delivery in await revoke(remote, "6")] == ["held"] and receiver.seen == []
    assert [delivery["status"] for delivery in await revoke(remote, "8")] == ["accepted", "accepted"]
    assert details(receiver) == ["8", "6"]


async def test_a_push_can_be_late_on_the_sandboxs_clock(remote: Remote, receiver: Receiver) -> None:
    await remote.order("clock", freeze=True)
    await spoil(remote, late_s=300)
    assert await revoke(remote, "6") == [{"status": "waiting", "attempts": []}]
    await revoke(remote, "8")
    await remote.order("clock", advance_s=299)
    await asyncio.sleep(0.05)
    assert details(receiver) == ["8"]
    await remote.order("clock", advance_s=1)
    await until(lambda: len(receiver.seen) == 2)
    assert details(receiver) == ["8", "6"]
    created = [event.created_at for event in receiver.seen]
    assert created[0] == created[1]


async def test_a_fault_can_be_meant_for_one_person(remote: Remote, receiver: Receiver) -> None:
    rule = {"match": {"path": "push", "openid": LI}, "do": {"bad_signature": True}}
    await remote.post("/control/faults", rule)
    assert [(await revoke(remote, openid=openid))[0]["status"] for openid in (ZHANG, LI)] == ["accepted", "refused"]


async def test_a_fault_for_every_request_spoils_no_push_and_is_not_used_up_by_one(remote: Remote, receiver: Receiver) -> None:
    await remote.post("/control/faults", {"match": {"path": "*"}, "do": {"errcode": -1}, "times": 1})
    assert (await revoke(remote))[0]["status"] == "accepted"
    assert (await remote.stable())["errcode"] == -1
