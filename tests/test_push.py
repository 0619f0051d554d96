"""WeChat's push at /wechat/push: nothing without a signature, everything once, and what each event takes away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from door import Door, Reply
from people import Cast, Person, add_person
from queries import counting
from wechat_user import WeChatUser, from_elsewhere, invite, wechat_user

from backend import push
from backend.kernel import clock
from backend.wechat.sandbox.sealing import sealed, signature
from backend.wechat.sandbox.sender import push_event
from models.audit import AuditEntry
from models.auth import Account, Session
from models.members import Member
from models.push import PushEvent

CANCELLED, REVOKED = "user_authorization_cancellation", "user_authorization_revoke"


@pytest.fixture
def state(sandbox: tuple[Any, str], door: Door) -> Iterator[Any]:
    """The sandbox, pushing to the service under test."""
    target = sandbox[0].apps[sandbox[0].appid].push
    target.url = f"{door.base}/wechat/push"
    yield sandbox[0]
    target.url = ""


def delivery(
    state: Any, openid: str, event: str = CANCELLED, *, xml: bool = False, secure: bool = True, at: float | None = None, **more: str
) -> tuple[dict[str, str], bytes]:
    """Query and body of one delivery, as WeChat makes them."""
    fields = {
        "ToUserName": "gh_1", "FromUserName": "oPlatform", "CreateTime": int(at or clock.now().timestamp()), "MsgType": "event",
        "Event": event, "OpenID": openid, "AppID": state.appid, **more,
    }  # fmt: skip
    return sealed(state, state.apps[state.appid], fields, secure=secure, xml=xml)


async def knock(door: Door, query: dict[str, str], body: bytes) -> Reply:
    return await door.ask("POST", "/wechat/push", root=True, params=query, data=body)


async def audited(person: Person) -> list[tuple]:
    entries = AuditEntry.filter(subject="member", subject_id=person.id).order_by("id")
    return await entries.values_list("action", "actor_id", "branch_id", "fields_changed")


async def test_without_a_right_signature_nothing_happens(door: Door, cast: Cast, state: Any):
    query, body = delivery(state, cast.alice.openid)
    stale = signature("AAAAA", "1", query["nonce"], json.loads(body)["Encrypt"])
    plain = delivery(state, cast.alice.openid, secure=False)
    for wrong, content in (
        ({}, body),
        ({**query, "msg_signature": "0" * 40}, body),
        ({name: text for name, text in query.items() if name != "msg_signature"}, body),
        (query, body.replace(b'"Encrypt": "', b'"Encrypt": "A')),
        ({**query, "timestamp": "1", "msg_signature": stale}, body),
        plain,
    ):
        reply = await knock(door, wrong, content)
        assert reply.status == 403 and reply.headers["Content-Type"] == "application/problem+json", reply.body
    assert (await knock(door, {}, b"<!DOCTYPE x [<!ENTITY a 'b'>]>")).status == 403
    assert (await door.get("/me", cast.alice)).status == 200
    assert await Account.exists(openid=cast.alice.openid) and await audited(cast.alice) == []


async def test_the_address_check_answers_the_bare_echo(door: Door):
    stamp = str(int(clock.now().timestamp()))
    query = {"signature": signature("AAAAA", stamp, "77"), "timestamp": stamp, "nonce": "77", "echostr": "4375120948345356249"}
    reply = await door.get("/wechat/push", root=True, params=query)
    assert (reply.status, reply.body, reply.headers["Content-Type"]) == (200, b"4375120948345356249", "text/plain; charset=utf-8")
    for wrong in ({}, {**query, "signature": "0" * 40}, {**query, "nonce": "78"}):
        assert (await door.get("/wechat/push", root=True, params=wrong)).status == 403


@pytest.mark.parametrize("xml", [False, True])
async def test_a_cancelled_account_is_unbound_and_the_member_can_be_invited_again(door: Door, state: Any, cast: Cast, xml: bool):
    state.add_user(openid=cast.alice.openid)
    assert (await door.get("/me", cast.alice)).status == 200
    order = {"openid": cast.alice.openid, "event": CANCELLED, "format": "xml" if xml else "json"}
    [sent] = await push_event(state, order)
    assert sent["attempts"] == [{"status": 200, "answer": "success", "accepted": True}]
    assert (await door.get("/me", cast.alice)).status == 401
    assert not await Account.exists(openid=cast.alice.openid) and not await Session.exists(member_id=cast.alice.id)
    assert (await Member.get(id=cast.alice.id)).name == "安敏"
    assert await audited(cast.alice) == [("account:cancel", None, cast.branch.id, ["account"])]
    newly = wechat_user(state)
    async with from_elsewhere(door) as elsewhere:
        await newly.sign_in(elsewhere)
        assert (await newly.bind(elsewhere, "安敏", code=await invite(cast.alice))).status == 200


async def test_a_thousand_replays_of_one_event_have_one_effect(door: Door, cast: Cast, state: Any):
    query, body = delivery(state, cast.alice.openid, REVOKED, RevokeInfo="8")
    replies = []
    for _ in range(20):
        replies += await asyncio.gather(*(knock(door, query, body) for _ in range(50)))
    assert {(reply.status, reply.body) for reply in replies} == {(200, b"success")}
    assert await audited(cast.alice) == [("account:revoke", None, cast.branch.id, ["phone"])]


async def test_fifty_deliveries_at_once_unbind_once_and_spare_a_later_account(door: Door, cast: Cast, state: Any):
    state.add_user(openid=cast.bob.openid)
    at = clock.now().timestamp()
    deliveries = [delivery(state, cast.bob.openid, xml=n % 2 == 0, at=at) for n in range(50)]
    replies = await asyncio.gather(*(knock(door, *each) for each in deliveries))
    assert {reply.status for reply in replies} == {200}
    again = WeChatUser(state, cast.bob.openid)
    assert (await again.sign_in(door)).json["member"] is None
    assert (await knock(door, *delivery(state, cast.bob.openid, at=at))).body == b"success"
    assert await Account.filter(openid=cast.bob.openid).count() == 1 and (await door.get("/me/sessions", again)).status == 200
    assert [entry[0] for entry in await audited(cast.bob)] == ["account:cancel"]


async def test_a_revoked_authorisation_leaves_the_binding_and_the_roster_alone(door: Door, cast: Cast, state: Any):
    before = await Member.get(id=cast.alice.id).values()
    for revoked, fields in (("6,8", ["phone"]), ("6", ["profile"]), ("18", ["profile"])):
        assert (await knock(door, *delivery(state, cast.alice.openid, REVOKED, RevokeInfo=revoked))).body == b"success"
        assert (await audited(cast.alice))[-1] == ("account:revoke", None, cast.branch.id, fields)
    assert await Member.get(id=cast.alice.id).values() == before
    assert (await door.get("/me", cast.alice)).status == 200


async def test_unknown_events_unknown_people_and_unbound_accounts_are_answered_success(door: Door, cast: Cast, state: Any):
    stranger = wechat_user(state)
    deliveries = [
        delivery(state, cast.alice.openid, "user_info_modified"),
        delivery(state, cast.alice.openid, "something_new"),
        delivery(state, stranger.openid, CANCELLED),
        delivery(state, stranger.openid, REVOKED, RevokeInfo="8"),
        delivery(state, "", REVOKED, RevokeInfo="8"),
        delivery(state, cast.passer_by.openid, CANCELLED),
    ]
    for each in deliveries:
        reply = await knock(door, *each)
        assert (reply.status, reply.body) == (200, b"success")
    assert (await door.get("/me", cast.alice)).status == 200 and await audited(cast.alice) == []
    assert not await Account.exists(openid=cast.passer_by.openid)
    assert (await door.get("/me/sessions", cast.passer_by)).status == 401


async def test_an_effect_that_fails_leaves_the_event_to_the_next_delivery(
    door: Door, cast: Cast, state: Any, monkeypatch: pytest.MonkeyPatch
):
    person = await add_person(cast.branch, "新同志")
    query, body = delivery(state, person.openid)

    async def broken(event: Any) -> None:
        raise ConnectionError("the database went away")

    with monkeypatch.context() as patched:
        patched.setitem(push.EFFECTS, CANCELLED, broken)
        assert (await knock(door, query, body)).status >= 500
    assert await Account.exists(openid=person.openid)
    assert (await knock(door, query, body)).body == b"success"
    assert not await Account.exists(openid=person.openid)


async def test_a_repeat_costs_one_statement_and_the_store_names_nobody(door: Door, cast: Cast, state: Any):
    query, body = delivery(state, cast.alice.openid, REVOKED, RevokeInfo="8")
    await knock(door, query, body)
    with counting() as queries:
        await knock(door, query, body)
    assert len(queries) == 1
    assert not await PushEvent.filter(key__contains=cast.alice.openid).exists()
