"""The access token: one for many callers and processes, replaced when it dies, with Redis or without."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sandbox_server import APPID, settings_for
from waiting import until
from wechat_world import FAST_USER, ZHANG, Server, World, outcome, wechat_world

from backend.kernel import clock
from backend.kernel.errors import Unavailable
from backend.kernel.redis import aioredis, connect
from backend.wechat import renewal
from backend.wechat.breaker import OPEN_S
from backend.wechat.client import PHONE_NUMBER, STABLE_TOKEN, WeChat
from backend.wechat.sandbox.tokens import invalidate
from backend.wechat.token import Token

KEY = f"wechat:token:{APPID}"
LOCK = f"{KEY}:renewal"


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[aioredis.Redis]:
    client = connect(redis_url)
    await client.delete(KEY, LOCK)
    yield client
    await client.delete(KEY, LOCK)
    await client.aclose()


@pytest.fixture
async def world(wechat_server: Server, redis: aioredis.Redis) -> AsyncIterator[World]:
    async with wechat_world(wechat_server, redis) as world:
        yield world


async def another(world: World, redis: aioredis.Redis) -> WeChat:
    """A second client, as in a second process."""
    wechat = WeChat(settings_for(world.base_url), redis, user=FAST_USER)
    await wechat.start()
    return wechat


async def test_fifty_callers_at_a_cold_start_fetch_one_token(world: World) -> None:
    tokens = await asyncio.gather(*(world.wechat.access_token() for _ in range(50)))
    assert len(set(tokens)) == 1 and world.asked(STABLE_TOKEN) == 1


async def test_one_caller_that_hangs_up_does_not_take_the_token_from_the_others(world: World) -> None:
    world.fault(STABLE_TOKEN, {"delay_ms": 100})
    first, second = (asyncio.create_task(world.wechat.access_token()) for _ in range(2))
    await asyncio.sleep(0.03)
    first.cancel()
    assert (await second).startswith("FAKE_") and world.asked(STABLE_TOKEN) == 1


async def test_a_token_is_renewed_in_its_last_five_minutes(world: World) -> None:
    first = await world.wechat.access_token()
    start = clock.now()
    with clock.shifted(start + timedelta(seconds=6890)):
        assert await world.wechat.access_token() == first
        assert world.asked(STABLE_TOKEN) == 1
    with clock.shifted(start + timedelta(seconds=6970)):

        async def renewed() -> bool:
            return await world.wechat.access_token() != first

        await until(renewed)
        assert world.asked(STABLE_TOKEN) == 2


async def test_nobody_waits_for_a_renewal_while_the_old_token_is_good(world: World) -> None:
    first = await world.wechat.access_token()
    world.fault(STABLE_TOKEN, {"hang": True})
    with clock.shifted(clock.now() + timedelta(seconds=6970)):
        began = time.monotonic()
        assert await world.phone() == "13800000001" and await world.wechat.access_token() == first
        assert time.monotonic() - began < 1.5


async def test_a_renewal_that_fails_leaves_the_old_token_in_use_until_its_end(world: World, redis: aioredis.Redis) -> None:
    first = await world.wechat.access_token()
    start = clock.now()
    world.fault(STABLE_TOKEN, {"http_status": 503})
    with clock.shifted(start + timedelta(seconds=7100)):
        assert await world.wechat.access_token() == first
    with clock.shifted(start + timedelta(seconds=7201)), pytest.raises(Unavailable):
        await world.wechat.access_token()


async def test_a_token_short_lived_from_birth_is_not_fetched_again_for_every_call() -> None:
    token = Token.expiring("FAKE_", clock.now() + timedelta(seconds=200))
    assert not token.due and token.renew_at < token.expires_at


async def test_a_token_that_died_is_replaced_and_the_call_repeated_once(world: World) -> None:
    dead = await world.wechat.access_token()
    world.fault(PHONE_NUMBER, {"invalidate_token": True}, times=1)
    assert await world.phone() == "13800000001"
    assert (world.asked(PHONE_NUMBER), world.asked(STABLE_TOKEN)) == (2, 2)
    assert await world.wechat.access_token() != dead


async def test_a_token_that_dies_again_and_again_costs_two_calls_and_raises_the_alarm(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.fault(PHONE_NUMBER, {"invalidate_token": True})
    with pytest.raises(Unavailable) as error:
        await world.phone()
    assert error.value.code == "wechat_unavailable"
    assert (world.asked(PHONE_NUMBER), world.asked(STABLE_TOKEN)) == (2, 2)
    assert "40001 (换了新的访问令牌仍被拒绝)" in caplog.text


@pytest.mark.parametrize("errcode", [40014, 42001])
async def test_a_malformed_and_an_expired_token_are_replaced_too(world: World, errcode: int) -> None:
    world.fault(PHONE_NUMBER, {"errcode": errcode}, times=1)
    assert await world.phone() == "13800000001"
    assert world.asked(PHONE_NUMBER) == 2


async def test_a_dead_token_leaves_redis_but_a_newer_one_stays(world: World, redis: aioredis.Redis) -> None:
    dead = await world.wechat.access_token()
    assert json.loads(await redis.get(KEY))["value"] == dead
    await world.wechat._shelf.discard(dead)
    assert await redis.get(KEY) is None
    newer = await world.wechat.access_token()
    late = await another(world, redis)
    await late._shelf.discard("FAKE_an_older_token_of_ours")
    await late.close()
    assert json.loads(await redis.get(KEY))["value"] == newer


async def test_a_token_replaced_by_another_process_is_taken_from_redis(world: World, redis: aioredis.Redis) -> None:
    await world.wechat.access_token()
    neighbour = await another(world, redis)
    world.fault(PHONE_NUMBER, {"invalidate_token": True}, times=1)
    await neighbour.phone_number(world.state.phone_button(ZHANG), openid=ZHANG)
    asked = world.asked(STABLE_TOKEN)
    assert await world.phone() == "13800000001"
    assert world.asked(STABLE_TOKEN) == asked
    await neighbour.close()


async def test_without_redis_everything_works_and_a_dead_token_is_replaced_all_the_same(world: World) -> None:
    lonely = await another(world, connect("redis://127.0.0.1:9/0"))
    assert await lonely.phone_number(world.state.phone_button(ZHANG), openid=ZHANG) == "13800000001"
    world.fault(PHONE_NUMBER, {"invalidate_token": True}, times=1)
    assert await lonely.phone_number(world.state.phone_button(ZHANG), openid=ZHANG) == "13800000001"
    await lonely.close()


@pytest.mark.parametrize(
    "rubbish", ["", "{", "[]", '{"value": "FAKE_x"}', '{"value": "FAKE_x", "expires_at": "never"}', '{"value": "FAKE_x", "expires_at": 1}']
)
async def test_rubbish_in_redis_is_ignored(world: World, redis: aioredis.Redis, rubbish: str) -> None:
    await redis.set(KEY, rubbish)
    assert (await world.wechat.access_token()).startswith("FAKE_") and world.asked(STABLE_TOKEN) == 1


async def test_a_refused_token_that_redis_could_not_forget_is_not_taken_again(world: World, redis: aioredis.Redis) -> None:
    dead = await world.wechat.access_token()
    kept = await redis.get(KEY)
    await world.wechat._shelf.discard(dead)
    await redis.set(KEY, kept)
    asked = world.asked(STABLE_TOKEN)
    await world.wechat.access_token()
    assert world.asked(STABLE_TOKEN) == asked + 1


async def test_a_replacement_that_was_never_taken_is_not_replaced_in_its_turn(
    world: World, redis: aioredis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    await world.wechat.access_token()
    world.fault(PHONE_NUMBER, {"invalidate_token": True})
    assert await outcome(world.phone()) == "503 wechat_unavailable"
    neighbour = await another(world, redis)  # finds the replacement in Redis
    code = world.state.phone_button(ZHANG)
    assert await outcome(neighbour.phone_number(code, openid=ZHANG)) == "503 wechat_unavailable"
    assert (world.asked(PHONE_NUMBER), world.asked(STABLE_TOKEN)) == (3, 2) and caplog.text.count("alarm") == 2
    await neighbour.close()
    world.state.faults.clear()
    # By the time the circuits are half-open, it is old enough to be replaced.
    with clock.shifted(clock.now() + timedelta(seconds=OPEN_S)):
        world.watch.time += OPEN_S
        assert await world.phone() == "13800000001" and world.asked(STABLE_TOKEN) == 3


async def test_tokens_that_die_one_soon_after_the_other_are_each_replaced(world: World) -> None:
    await world.wechat.access_token()
    for n in range(1, 5):
        invalidate(world.state.apps[APPID])
        assert await world.phone() == "13800000001"
        assert (world.asked(PHONE_NUMBER), world.asked(STABLE_TOKEN)) == (2 * n, n + 1)


async def test_who_finds_the_lock_taken_waits_for_the_others_token(world: World, redis: aioredis.Redis) -> None:
    neighbour = await another(world, redis)
    world.fault(STABLE_TOKEN, {"delay_ms": 150})
    first, second = await asyncio.gather(world.wechat.access_token(), neighbour.access_token())
    assert first == second and world.asked(STABLE_TOKEN) == 1 and await redis.get(LOCK) is None
    await neighbour.close()


async def test_a_lock_that_nobody_gives_back_costs_a_moment_and_is_not_taken_away(
    world: World, redis: aioredis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "NEIGHBOUR_S", 0.15)
    await redis.set(LOCK, "a process that died", px=60_000)
    assert (await world.wechat.access_token()).startswith("FAKE_") and world.asked(STABLE_TOKEN) == 1
    assert await redis.get(LOCK) == "a process that died"


async def test_a_lock_that_has_gone_to_another_meanwhile_is_left_to_him(world: World, redis: aioredis.Redis) -> None:
    world.fault(STABLE_TOKEN, {"delay_ms": 200})
    slow = asyncio.create_task(world.wechat.access_token())
    await until(lambda: world.asked(STABLE_TOKEN) == 1)
    await redis.set(LOCK, "another process")
    assert (await slow).startswith("FAKE_") and await redis.get(LOCK) == "another process"


async def test_a_failed_renewal_gives_the_lock_back(world: World, redis: aioredis.Redis) -> None:
    world.fault(STABLE_TOKEN, {"http_status": 502})
    assert await outcome(world.wechat.access_token()) == "503 wechat_unavailable"
    assert await redis.get(LOCK) is None


async def test_a_redis_that_hangs_costs_a_moment(world: World) -> None:
    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    silent = await asyncio.start_server(silence, "127.0.0.1", 0)
    waiting = await another(world, connect(f"redis://127.0.0.1:{silent.sockets[0].getsockname()[1]}/0"))
    began = time.monotonic()
    assert (await waiting.access_token()).startswith("FAKE_") and time.monotonic() - began < FAST_USER.total_s
    await waiting.close()
    silent.close()
