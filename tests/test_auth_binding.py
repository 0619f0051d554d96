"""Binding to the real-name roster: one answer for every mismatch, one success for every code, and no session survives it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from door import Door
from people import Cast, add_person
from wechat_user import WeChatUser, add_member, from_elsewhere, invite, new_phone, wechat_user

from backend.kernel import clock
from backend.kernel.database import fetch
from backend.wechat.sandbox.faults import parse_fault
from models.auth import Account
from models.members import Invite, Member


@pytest.fixture
async def near(door: Door) -> AsyncIterator[Door]:
    async with from_elsewhere(door) as elsewhere:
        yield elsewhere


@pytest.fixture
async def somebody(near: Door, sandbox: tuple[Any, str]) -> AsyncIterator[WeChatUser]:
    """Signed in, with a phone, on no roster."""
    user = wechat_user(sandbox[0], phone=new_phone())
    await user.sign_in(near)
    yield user
    sandbox[0].faults.clear()


def phone_of(user: WeChatUser) -> str:
    return user.state.users[user.openid].phone


async def test_a_stranger_cannot_bind(near: Door, cast: Cast):
    member = await add_member(cast.branch, "林青")
    reply = await near.post("/auth/bind", None, {"name": "林青", "invite_code": await invite(member)})
    assert reply.status == 401
    assert not await Account.exists(member_id=member.id)


async def test_name_and_invitation_bind_and_the_old_token_is_dead_at_once(near: Door, cast: Cast, somebody: WeChatUser):
    member = await add_member(cast.branch, "欧阳 青")
    typed = f" {(await invite(member)).lower().replace('-', ' ')} "
    old, other = somebody.token, WeChatUser(somebody.state, somebody.openid)
    await other.sign_in(near)
    assert (await near.get("/me/sessions", other)).status == 200
    reply = await somebody.bind(near, "　欧阳青", code=typed)
    assert reply.status == 200 and reply.json["member"]["id"] == member.id and reply.json["token"] not in (old, other.token)
    assert [(await near.get("/me/sessions", token)).status for token in (old, other.token)] == [401, 401]
    assert (await near.get("/me", reply.json["token"])).json == reply.json["member"]
    assert (await somebody.sign_in(near)).json["member"]["id"] == member.id
    [entry] = await fetch("SELECT action, actor_id, branch_id, fields_changed FROM audit_entry WHERE subject_id = $1", member.id)
    assert (entry["action"], entry["actor_id"], entry["branch_id"]) == ("member:bind", member.id, cast.branch.id)


async def test_name_and_phone_bind_and_the_pending_invitation_is_void(near: Door, cast: Cast, somebody: WeChatUser):
    member = await add_member(cast.branch, "林青", phone=phone_of(somebody))
    await invite(member)
    reply = await somebody.bind(near, "林青")
    assert reply.status == 200 and reply.json["member"]["id"] == member.id
    assert not await Invite.exists(member_id=member.id)
    assert phone_of(somebody) not in reply.body.decode()


async def test_every_mismatch_gets_the_same_answer(near: Door, cast: Cast, somebody: WeChatUser):
    # Names of this test alone: failures are counted by name, whichever branch.
    mine, today, own = phone_of(somebody), clock.today(), str(cast.branch.id)
    codes = {
        name: await invite(await add_member(cast.branch, name + own, **columns), days=days)
        for name, columns, days in (
            ("林青", {}, 7),
            ("过期者", {}, -1),
            ("已离者", {"left_on": today}, 7),
            ("未到者", {"joined_on": today + timedelta(days=1)}, 7),
            ("已清者", {"blanked_at": clock.now()}, 7),
        )
    }
    await add_member(cast.branch, "有手机" + own, phone=new_phone())
    await add_member(cast.branch, "手机主" + own, phone=mine)
    twins = wechat_user(somebody.state, phone=new_phone())
    await twins.sign_in(near)
    for branch in (cast.branch, cast.other):
        await add_member(branch, "同名人" + own, phone=phone_of(twins))
    replies = [
        await somebody.bind(near, "查无此人" + own, code=own + "AAAA"),
        await somebody.bind(near, "查无此人" + own, code=codes["林青"]),
        await somebody.bind(near, "林青" + own, code=own + "BBBB"),
        await somebody.bind(near, "林青" + own, code=codes["过期者"]),
        *[await somebody.bind(near, name + own, code=codes[name]) for name in ("过期者", "已离者", "未到者", "已清者")],
        await somebody.bind(near, "有手机" + own),
        await somebody.bind(near, "查无此人" + own),
        await twins.bind(near, "同名人" + own),
    ]
    shown = [{**reply.json, "request_id": ""} for reply in replies]
    assert (replies[0].status, replies[0].code) == (404, "not_on_roster")
    assert shown == [shown[0]] * len(shown)
    assert not await Account.exists(openid=somebody.openid, member_id__not_isnull=True)
    assert (await somebody.bind(near, "手机主" + own)).status == 200


async def test_of_two_binds_at_once_with_one_code_one_succeeds(near: Door, cast: Cast, sandbox: tuple[Any, str]):
    for round_ in range(5):
        member = await add_member(cast.branch, f"林青{cast.branch.id}之{round_}")
        code = await invite(member)
        rivals = [wechat_user(sandbox[0]) for _ in range(3)]
        await asyncio.gather(*(rival.sign_in(near) for rival in rivals))
        replies = await asyncio.gather(*(rival.bind(near, member.name, code=code) for rival in rivals))
        assert sorted(reply.status for reply in replies) == [200, 404, 404], [reply.body for reply in replies]


async def test_of_two_binds_at_once_one_by_code_and_one_by_phone_one_succeeds(near: Door, cast: Cast, sandbox: tuple[Any, str]):
    for round_ in range(5):
        rivals = [wechat_user(sandbox[0], phone=new_phone()) for _ in range(2)]
        member = await add_member(cast.branch, f"林青{cast.branch.id}之{round_}", phone=phone_of(rivals[0]))
        code = await invite(member)
        await asyncio.gather(*(rival.sign_in(near) for rival in rivals))
        replies = await asyncio.gather(rivals[0].bind(near, member.name), rivals[1].bind(near, member.name, code=code))
        assert sorted(reply.status for reply in replies) in ([200, 404], [200, 409])
        assert await Account.filter(member_id=member.id).count() == 1


async def test_two_phones_of_one_account_bind_it_once(near: Door, cast: Cast, somebody: WeChatUser):
    codes = {name: await invite(await add_member(cast.branch, name)) for name in ("林青", "林红")}
    other = WeChatUser(somebody.state, somebody.openid)
    await other.sign_in(near)
    replies = await asyncio.gather(somebody.bind(near, "林青", code=codes["林青"]), other.bind(near, "林红", code=codes["林红"]))
    assert 200 in [reply.status for reply in replies]
    # The loser is told so, or finds its session ended by the winner.
    assert [reply.status for reply in replies if reply.status != 200][0] in (401, 409)
    assert await Account.filter(openid=somebody.openid, member_id__not_isnull=True).count() == 1
    assert await Invite.filter(member__branch_id=cast.branch.id).count() == 1


async def test_a_bound_account_or_member_is_not_bound_again(near: Door, cast: Cast, somebody: WeChatUser):
    bound = WeChatUser(somebody.state, cast.alice.openid, cast.alice.token)
    assert (await bound.bind(near, "安敏", code="AAAA-BBBB-CCCC")).code == "already_bound"
    # Of the member it is told only to somebody who proves to be that member.
    taken = await add_person(cast.branch, f"白杰{cast.branch.id}")
    code = await invite(taken)
    assert (await somebody.bind(near, taken.name, code=f"{cast.branch.id}AAAA")).code == "not_on_roster"
    reply = await somebody.bind(near, taken.name, code=code)
    assert (reply.status, reply.code) == (409, "already_bound")
    assert await Invite.exists(member_id=taken.id)
    assert (await near.get("/me", taken)).status == 200


async def test_an_account_of_somebody_who_left_can_be_bound_again(near: Door, cast: Cast, sandbox: tuple[Any, str]):
    await Member.filter(id=cast.alice.id).update(left_on=clock.today())
    sandbox[0].add_user(openid=cast.alice.openid)
    alice = WeChatUser(sandbox[0], cast.alice.openid)
    await alice.sign_in(near)
    again = await add_member(cast.other, "安敏")
    reply = await alice.bind(near, "安敏", code=await invite(again))
    assert reply.status == 200 and reply.json["member"]["id"] == again.id


async def test_name_with_both_codes_or_neither_is_refused(near: Door, somebody: WeChatUser):
    for body in ({}, {"invite_code": "a", "phone_code": "b"}):
        reply = await near.post("/auth/bind", somebody, {"name": "林青", **body})
        assert (reply.status, reply.json["errors"][0]["field"]) == (422, "invite_code")


async def test_a_phone_code_is_good_once_and_for_its_owner_alone(near: Door, cast: Cast, somebody: WeChatUser):
    member = await add_member(cast.branch, "林青", phone=phone_of(somebody))
    code = somebody.state.phone_button(somebody.openid)
    thief = wechat_user(somebody.state)
    await thief.sign_in(near)
    for wrong in (await thief.bind(near, "林青", phone_code=code), await thief.bind(near, "林青", phone_code="0unknown")):
        assert (wrong.status, wrong.code) == (400, "phone_code_refused")
    assert (await somebody.bind(near, "林青", phone_code=code)).json["member"]["id"] == member.id


async def test_without_wechat_the_phone_way_says_so_and_the_invitation_works(near: Door, cast: Cast, somebody: WeChatUser):
    member = await add_member(cast.branch, "林青", phone=phone_of(somebody))
    code = await invite(member)
    somebody.state.faults.append(parse_fault({"match": {"path": "/wxa/business/getuserphonenumber"}, "do": {"http_status": 500}}))
    reply = await somebody.bind(near, "林青")
    assert (reply.status, reply.code) == (503, "wechat_unavailable")
    assert (await somebody.bind(near, "林青", code=code)).status == 200
