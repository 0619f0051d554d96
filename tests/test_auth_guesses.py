"""Guessing names, codes and phones: five tries, counted across connections and kept though each request fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from door import Door
from people import Cast
from wechat_user import WeChatUser, add_member, from_elsewhere, invite, new_phone, wechat_user

from backend import auth_binding, guesses
from backend.kernel import clock
from backend.kernel.database import fetch, transactional
from backend.kernel.errors import TooMany
from models.auth import Guess


def wrong(cast: Cast, count: int) -> list[str]:
    """Codes that nobody was given, of this test alone: codes are counted too."""
    return [f"{cast.branch.id}-WRNG-{n:04d}" for n in range(count)]


@pytest.fixture
async def near(door: Door) -> AsyncIterator[Door]:
    async with from_elsewhere(door) as elsewhere:
        yield elsewhere


@pytest.fixture
async def somebody(near: Door, sandbox: tuple[Any, str]) -> WeChatUser:
    user = wechat_user(sandbox[0], phone=new_phone())
    await user.sign_in(near)
    return user


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that were really compared with the roster."""
    names: list[str] = []
    real = auth_binding._matching

    async def counted(plain_name: str, proof: Any) -> Any:
        names.append(plain_name)
        return await real(plain_name, proof)

    monkeypatch.setattr(auth_binding, "_matching", counted)
    return names


async def test_a_burst_of_wrong_guesses_at_a_name_is_judged_five_times(near: Door, cast: Cast, somebody: WeChatUser, judged: list[str]):
    member = await add_member(cast.branch, f"林青{cast.branch.id}")
    replies = await asyncio.gather(*(somebody.bind(near, member.name, code=code) for code in wrong(cast, 100)))
    statuses = [reply.status for reply in replies]
    assert (statuses.count(404), statuses.count(429)) == (5, 95)
    assert len(judged) == 5
    refused = next(reply for reply in replies if reply.status == 429)
    assert refused.code == "too_many_attempts" and 600 < int(refused.headers["Retry-After"]) <= 1200
    # Not even the right code opens a locked name; another way in is open.
    assert (await somebody.bind(near, member.name, code=await invite(member))).status == 429


async def test_who_is_locked_out_of_the_code_has_the_phone_and_the_other_way_round(near: Door, cast: Cast, sandbox: tuple[Any, str]):
    for locked_by_phone in (False, True):
        name = f"林青{cast.branch.id}{'甲' if locked_by_phone else '乙'}"
        owner, attacker = [wechat_user(sandbox[0], phone=new_phone()) for _ in range(2)]
        member = await add_member(cast.branch, name, phone=sandbox[0].users[owner.openid].phone)
        code = await invite(member)
        for user in (owner, attacker):
            await user.sign_in(near)
        for n in range(6):
            reply = await attacker.bind(near, name, code=None if locked_by_phone else wrong(cast, 6)[n])
            assert reply.status == (404 if n < 5 else 429)
        locked = await owner.bind(near, name, code=None if locked_by_phone else code)
        open_ = await owner.bind(near, name, code=code if locked_by_phone else None)
        assert (locked.status, open_.status) == (429, 200)


async def test_one_code_is_tried_with_five_names_from_however_many_addresses(door: Door, cast: Cast, somebody: WeChatUser):
    code = await invite(await add_member(cast.branch, "林青"))
    statuses = []
    for n in range(7):
        async with from_elsewhere(door) as elsewhere:
            statuses.append((await somebody.bind(elsewhere, f"某人{cast.branch.id}{n}", code=code)).status)
    assert statuses == [404] * 5 + [429] * 2


async def test_an_address_fails_twenty_times_and_a_forged_header_changes_nothing(near: Door, door: Door, cast: Cast, somebody: WeChatUser):
    async def guess(n: int, **headers: str) -> int:
        body = {"name": f"某人{cast.branch.id}{n}", "invite_code": wrong(cast, 32)[n]}
        return (await near.post("/auth/bind", somebody, body, headers=headers)).status

    statuses = await asyncio.gather(*(guess(n) for n in range(30)))
    assert (statuses.count(404), statuses.count(429)) == (20, 10)
    assert await guess(31, **{"X-Forwarded-For": "203.0.113.7", "X-Real-IP": "203.0.113.7", "Forwarded": "for=203.0.113.7"}) == 429
    member = await add_member(cast.branch, "林青")
    code = await invite(member)
    assert (await somebody.bind(near, "林青", code=code)).status == 429
    async with from_elsewhere(door) as elsewhere:
        assert (await somebody.bind(elsewhere, "林青", code=code)).status == 200


async def test_a_room_full_of_people_binds_from_one_address_at_once(near: Door, cast: Cast, sandbox: tuple[Any, str]):
    people = [(wechat_user(sandbox[0]), await add_member(cast.branch, f"林{n}{cast.branch.id}")) for n in range(40)]
    codes = [await invite(member) for _, member in people]
    await asyncio.gather(*(user.sign_in(near) for user, _ in people))
    tries = [user.bind(near, member.name, code=code) for (user, member), code in zip(people, codes, strict=True)]
    assert {reply.status for reply in await asyncio.gather(*tries)} == {200}
    names = [f"林{n}{cast.branch.id}" for n in range(40)]
    subjects = {guesses.target("invite_name", name).subject for name in names}
    assert not await Guess.filter(subject__in=list(subjects)).exists()


async def test_a_success_uses_up_no_attempt_and_clears_none(near: Door, cast: Cast, sandbox: tuple[Any, str]):
    name = f"林青{cast.branch.id}"
    users = [wechat_user(sandbox[0]) for _ in range(2)]
    for user in users:
        await user.sign_in(near)
    for code in wrong(cast, 4):
        assert (await users[0].bind(near, name, code=code)).status == 404
    assert (await users[0].bind(near, name, code=await invite(await add_member(cast.branch, name)))).status == 200
    assert [(await users[1].bind(near, name, code=code)).status for code in wrong(cast, 6)[4:]] == [404, 429]


async def test_a_lock_ends_after_fifteen_to_twenty_minutes_and_no_window_edge_gives_more(door: Door):
    text = f"姓名{clock.now()}"

    @transactional
    async def attempt() -> bool:
        target = guesses.target("invite_name", text)
        await guesses.refuse_excess(target)
        await guesses.count_failure(target)
        return True

    # Late in a step of the count, where a window that is too short would show.
    start = clock.at(clock.today(), 0, 4)
    made = []
    for minute in range(0, 61):
        with clock.shifted(start + timedelta(minutes=minute, seconds=30)):
            for _ in range(3):
                try:
                    made.append((minute, await attempt()))
                except TooMany as error:
                    retry_after = int(error.headers["Retry-After"])
                    assert 0 < retry_after <= 1200
    minutes = [minute for minute, _ in made]
    assert len(made) >= 15
    assert all(sum(at <= minute < at + 15 for minute in minutes) <= 5 for at in range(61))


async def test_addresses_are_kept_hashed_and_ipv6_counts_by_network(door: Door):
    assert guesses.address("2001:db8:1:2::1") == guesses.address("2001:0db8:1:2:ffff::9") != guesses.address("2001:db8:1:3::1")
    assert guesses.address("192.0.2.1") != guesses.address("192.0.2.2")
    assert "192.0.2.1" not in guesses.address("192.0.2.1").subject and len(guesses.address("").subject) == 64


async def test_old_counts_are_forgotten(door: Door):
    old = await Guess.create(kind="invite_name", subject=f"{clock.now()}", window_starts_at=clock.now() - timedelta(days=2), count=1)
    new = await Guess.create(kind="invite_name", subject=f"{clock.now()}!", window_starts_at=clock.now(), count=1)
    await guesses.forget_old(now=clock.now())
    left = await fetch("SELECT id FROM guess WHERE id IN ($1, $2)", old.id, new.id)
    assert [row["id"] for row in left] == [new.id]
