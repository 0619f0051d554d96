"""The circuit of one endpoint: what opens it, what it does while open, and how it closes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from waiting import until
from wechat_world import CURT, FAST_USER, PAGE, Server, World, outcome, wechat_world

from backend.kernel import metrics
from backend.kernel.errors import Unavailable
from backend.wechat.breaker import OPEN_S, WITHIN_S
from backend.wechat.client import CODE_IMAGE, LOGIN, PHONE_NUMBER, STABLE_TOKEN

UNAVAILABLE = "503 wechat_unavailable"


@pytest.fixture
async def world(wechat_server: Server) -> AsyncIterator[World]:
    async with wechat_world(wechat_server) as world:
        yield world


@pytest.fixture
async def curt(wechat_server: Server) -> AsyncIterator[World]:
    async with wechat_world(wechat_server, user=CURT) as world:
        yield world


async def fail(world: World, times: int) -> None:
    for _ in range(times):
        assert await outcome(world.login()) == UNAVAILABLE


async def open_login(world: World) -> None:
    world.fault(LOGIN, {"http_status": 502})
    await fail(world, 5)
    assert world.wechat.degraded


def shown(endpoint: str) -> float | None:
    return metrics.registry.get_sample_value("daka_wechat_circuit_open", {"endpoint": endpoint})


async def test_five_failures_in_ten_seconds_open_it_and_four_do_not(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.fault(LOGIN, {"http_status": 502})
    await fail(world, 4)
    assert not world.wechat.degraded and "alarm" not in caplog.text
    world.watch.time += WITHIN_S
    await fail(world, 1)
    assert world.wechat.degraded and "alarm: /sns/jscode2session" in caplog.text and shown(LOGIN) == 1


async def test_failures_further_apart_do_not(world: World) -> None:
    world.fault(LOGIN, {"http_status": 502})
    for _ in range(12):
        await fail(world, 1)
        world.watch.time += WITHIN_S / 4 + 0.01
    assert not world.wechat.degraded


async def test_an_answer_among_them_shows_that_wechat_lives(world: World) -> None:
    world.fault(LOGIN, {"http_status": 502}, when={"every": 2})
    assert [await outcome(world.login()) for _ in range(20)] == ["ok", UNAVAILABLE] * 10
    assert not world.wechat.degraded


async def test_a_call_counts_once_whatever_the_number_of_its_tries(world: World) -> None:
    await world.wechat.access_token()
    world.fault(CODE_IMAGE, {"http_status": 502})
    for _ in range(4):
        await outcome(world.wechat.mini_program_code("s", PAGE))
    assert world.asked(CODE_IMAGE) == 12 and not world.wechat.degraded
    await outcome(world.wechat.mini_program_code("s", PAGE))
    assert world.wechat.degraded


async def test_refusals_of_a_person_or_a_quota_are_answers(world: World) -> None:
    for errcode in (40029, 45011, 40226):
        world.state.faults.clear()
        world.fault(LOGIN, {"errcode": errcode})
        assert UNAVAILABLE not in [await outcome(world.login()) for _ in range(6)]
    assert not world.wechat.degraded


async def test_while_it_is_open_nothing_goes_out_there_and_everything_elsewhere(world: World) -> None:
    await open_login(world)
    world.state.faults.clear()
    world.watch.time += 4.2
    refused = metrics.registry.get_sample_value("daka_wechat_refused_total", {"endpoint": LOGIN, "reason": "circuit"}) or 0
    with pytest.raises(Unavailable) as error:
        await world.login()
    assert error.value.headers["Retry-After"] == "11" and world.asked(LOGIN) == 5
    assert metrics.registry.get_sample_value("daka_wechat_refused_total", {"endpoint": LOGIN, "reason": "circuit"}) == refused + 1
    assert await world.phone() == "13800000001"


async def test_a_call_under_way_is_not_tried_again_once_it_is_open(world: World) -> None:
    await world.wechat.access_token()
    world.fault(CODE_IMAGE, {"http_status": 502}, times=14)
    world.fault(CODE_IMAGE, {"garbage": True})
    for _ in range(4):
        await outcome(world.wechat.mini_program_code("s", PAGE))
    world.wechat.user = replace(FAST_USER, waits_s=(0.01, 0.8))
    early = asyncio.create_task(outcome(world.wechat.mini_program_code("s", PAGE)))
    await until(lambda: world.asked(CODE_IMAGE) == 14)  # it waits for its third try
    await outcome(world.wechat.mini_program_code("s", PAGE))
    assert world.wechat.degraded and await early == UNAVAILABLE and world.asked(CODE_IMAGE) == 15


async def test_after_fifteen_seconds_one_probe_goes_out_and_closes_it(world: World) -> None:
    await open_login(world)
    world.state.faults.clear()
    world.fault(LOGIN, {"delay_ms": 50})
    world.watch.time += OPEN_S
    assert not world.wechat.degraded
    outcomes = await asyncio.gather(*(outcome(world.login()) for _ in range(20)))
    assert outcomes.count("ok") == 1 and world.asked(LOGIN) == 6
    assert await outcome(world.login()) == "ok" and shown(LOGIN) == 0


async def test_a_probe_that_fails_is_one_request_and_opens_it_for_another_fifteen_seconds(world: World) -> None:
    world.fault(LOGIN, {"errcode": -1})
    await fail(world, 5)
    asked = world.asked(LOGIN)
    world.watch.time += OPEN_S
    await fail(world, 2)
    assert world.asked(LOGIN) == asked + 1 and world.wechat.degraded
    world.watch.time += OPEN_S - 0.1
    assert world.wechat.degraded
    world.state.faults.clear()
    world.watch.time += 0.1
    assert await outcome(world.login()) == "ok"


async def test_a_probe_whose_caller_hangs_up_leaves_its_turn_to_the_next(curt: World) -> None:
    await open_login(curt)
    curt.state.faults.clear()
    curt.fault(LOGIN, {"hang": True}, times=1)
    curt.watch.time += OPEN_S
    probe = asyncio.create_task(curt.login())
    await until(lambda: curt.asked(LOGIN) == 6)
    probe.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await probe
    assert await outcome(curt.login()) == "ok"


async def test_what_was_sent_before_the_opening_and_answered_after_it_closes_nothing(world: World) -> None:
    world.fault(LOGIN, {"delay_ms": 300}, times=1)
    early = asyncio.create_task(world.login())
    await until(lambda: world.asked(LOGIN) == 1)
    world.wechat._tries.circuits[LOGIN].trip()
    assert await outcome(early) == "ok" and world.wechat.degraded


async def test_a_wrong_secret_opens_it_at_once_with_one_alarm_for_all(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.fault(LOGIN, {"errcode": 40125, "delay_ms": 50})
    assert set(await asyncio.gather(*(outcome(world.login()) for _ in range(10)))) == {UNAVAILABLE}
    assert world.wechat.degraded and caplog.text.count("alarm") == 1
    await fail(world, 3)
    assert world.asked(LOGIN) == 10
    world.watch.time += OPEN_S
    await fail(world, 3)
    assert world.asked(LOGIN) == 11 and world.wechat.degraded


async def test_credentials_refused_at_the_token_stop_the_token_alone(world: World) -> None:
    world.scenario("ip_not_whitelisted")
    assert [await outcome(world.phone()) for _ in range(3)] == [UNAVAILABLE] * 3
    assert (world.asked(STABLE_TOKEN), world.asked(PHONE_NUMBER)) == (1, 0)
    assert await outcome(world.login()) == "ok"
    world.state.faults.clear()
    world.watch.time += OPEN_S
    assert await outcome(world.phone()) == "ok" and not world.wechat.degraded


async def test_five_who_wait_in_vain_for_one_token_open_its_circuit(world: World) -> None:
    world.fault(STABLE_TOKEN, {"http_status": 502, "delay_ms": 20})
    assert set(await asyncio.gather(*(outcome(world.phone()) for _ in range(5)))) == {UNAVAILABLE}
    assert world.asked(STABLE_TOKEN) == 3 and world.wechat.degraded
    await outcome(world.phone())
    assert world.asked(STABLE_TOKEN) == 3
