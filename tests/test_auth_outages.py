"""Sign-in, binding and readiness while WeChat is in trouble, through the service's own door: the short form of `make scenarios`."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import outages
import pytest
from door import Door
from people import Cast
from sanic import Sanic
from wechat_user import WeChatUser, add_member, from_elsewhere, new_phone, wechat_user
from wechat_world import CURT, FAST_USER, Watch

from backend.kernel import clock
from backend.kernel.redis import connect
from backend.wechat.breaker import OPEN_S
from backend.wechat.client import LOGIN, PHONE_NUMBER, WeChat

CALLS = 12


class Trouble:
    """The service with a client of its own, in whose world one scenario rules at a time."""

    def __init__(self, door: Door, state: Any, cast: Cast, client: WeChat, watch: Watch) -> None:
        self.door, self.state, self.cast, self.client, self.watch = door, state, cast, client, watch

    async def people(self, count: int = CALLS) -> list[tuple[WeChatUser, str]]:
        """Signed in, on the roster with their number, not bound yet; with their names."""
        found = []
        for _ in range(count):
            user, name = wechat_user(self.state, phone=new_phone()), f"林{secrets.token_hex(4)}"
            await add_member(self.cast.branch, name, phone=self.state.users[user.openid].phone)
            assert (await user.sign_in(self.door)).status == 200
            found.append((user, name))
        return found

    async def sign_ins(self, count: int = CALLS, *, at_once: int = 4) -> outages.Cost:
        users = [wechat_user(self.state) for _ in range(count)]
        return await outages.cost(
            self.state, LOGIN, [lambda user=user: self._word(user.sign_in(self.door)) for user in users], at_once=at_once
        )

    async def bindings(self, people: list[tuple[WeChatUser, str]], *, at_once: int = 4) -> outages.Cost:
        calls = [lambda user=user, name=name: self._word(user.bind(self.door, name)) for user, name in people]
        return await outages.cost(self.state, PHONE_NUMBER, calls, at_once=at_once)

    async def degraded(self) -> list[str]:
        reply = await self.door.get("/readyz", root=True)
        assert reply.status == 200
        return reply.json["degraded"]

    @staticmethod
    async def _word(asked: Any) -> str:
        reply = await asked
        if reply.status == 503:
            assert int(reply.headers["Retry-After"]) > 0 and reply.code == "wechat_unavailable"
        return str(reply.status)


@pytest.fixture
async def trouble(request: pytest.FixtureRequest, door: Door, cast: Cast, sandbox: tuple[Any, str]) -> AsyncIterator[Trouble]:
    """With the patience that a test asks for."""
    app = Sanic.get_app("daka_tests")
    usual, watch, redis = app.ctx.wechat, Watch(), connect("")
    await redis.flushall()
    app.ctx.wechat = WeChat(app.ctx.settings, redis, user=getattr(request, "param", FAST_USER), monotonic=watch)
    await app.ctx.wechat.start()
    async with from_elsewhere(door) as near:
        yield Trouble(near, sandbox[0], cast, app.ctx.wechat, watch)
    outages.rule(sandbox[0], "")
    await app.ctx.wechat.close()
    await redis.aclose()
    app.ctx.wechat = usual


async def test_a_token_dead_for_ever_costs_two_requests_a_call_and_one_token(trouble: Trouble):
    people = await trouble.people()
    outages.rule(trouble.state, "token_killed_forever")
    signed_in, bound = await trouble.sign_ins(), await trouble.bindings(people, at_once=CALLS)
    assert (signed_in.replies, signed_in.token_calls) == ({"200": CALLS}, 0)
    assert bound.replies == {"503": CALLS} and bound.most <= 2 and bound.token_calls <= 2
    assert await trouble.degraded() == ["wechat"]
    outages.rule(trouble.state, "")
    assert (await trouble.bindings(people)).replies == {"503": CALLS}
    trouble.watch.time += OPEN_S
    with clock.shifted(clock.now() + timedelta(seconds=OPEN_S)):
        again = await trouble.bindings(people[:1])
        assert (again.replies, again.token_calls) == ({"200": 1}, 1)
        assert (await trouble.bindings(people[1:])).replies == {"200": CALLS - 1} and await trouble.degraded() == []


async def test_a_lost_answer_is_not_asked_for_twice(trouble: Trouble):
    people = await trouble.people(4)
    outages.rule(trouble.state, "lost_answers")
    for cost in (await trouble.sign_ins(4), await trouble.bindings(people)):
        assert cost.replies == {"503": 4} and cost.tries == [1] * 4


async def test_a_wechat_busy_three_times_in_ten_is_hardly_felt_and_opens_no_circuit(trouble: Trouble):
    people = await trouble.people(40)
    outages.rule(trouble.state, "busy_30pct")
    for cost in (await trouble.sign_ins(40), await trouble.bindings(people)):
        # 0.3³ of the calls find it busy three times.
        assert cost.most <= 3 and 1 < cost.mean < 2 and cost.replies["200"] >= 32 and cost.replies["200"] + cost.replies["503"] == 40
    assert trouble.client.degraded is False


@pytest.mark.parametrize("trouble", [CURT], indirect=True)
async def test_a_wechat_slower_than_our_patience_is_answered_for_in_time_and_left_alone(trouble: Trouble):
    outages.rule(trouble.state, "slow_5s")
    cost = await trouble.sign_ins(8, at_once=8)
    assert cost.replies == {"503": 8} and cost.most == 1 and cost.longest_s < CURT.total_s + 0.5
    later = await trouble.sign_ins(8, at_once=8)
    assert later.replies == {"503": 8} and later.tries == [] and await trouble.degraded() == ["wechat"]


@pytest.mark.parametrize("trouble", [replace(CURT, crowd=30)], indirect=True)
@pytest.mark.parametrize("form", ["down_10min", *outages.FORMS])
async def test_while_wechat_is_down_every_answer_is_a_503_in_time_and_afterwards_all_is_well(trouble: Trouble, form: str):
    people = await trouble.people(3)
    outages.rule(trouble.state, form)
    first = await trouble.sign_ins(40, at_once=40)
    assert first.replies == {"503": 40} and len(first.tries) <= 30 and first.longest_s < CURT.total_s + 0.5
    assert (await trouble.bindings(people)).replies == {"503": 3}
    # The circuit is open: nothing goes out, until a probe does.
    assert (await trouble.sign_ins()).tries == [] and await trouble.degraded() == ["wechat"]
    trouble.watch.time += OPEN_S
    assert sum((await trouble.sign_ins()).tries) == 1
    assert (await trouble.door.get("/me", trouble.cast.alice)).status == 200
    outages.rule(trouble.state, "")
    trouble.watch.time += OPEN_S
    assert (await trouble.sign_ins(1)).replies == {"200": 1}
    assert (await trouble.sign_ins()).replies == {"200": CALLS} and (await trouble.bindings(people)).replies == {"200": 3}
    assert await trouble.degraded() == []
