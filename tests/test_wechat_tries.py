"""The retry table, row by row: how often WeChat is asked, what the caller is told, what raises an alarm, what opens a circuit."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sandbox_server import settings_for
from waiting import until
from wechat_world import CURT, FAST_USER, PAGE, ZHANG, Server, World, outcome, wechat_world

from backend.kernel import clock, metrics, metrics_wechat
from backend.kernel.errors import TooMany, Unavailable
from backend.kernel.redis import connect
from backend.wechat import outward, tries
from backend.wechat.answers import KINDS, Kind
from backend.wechat.client import CODE_IMAGE, LOGIN, PHONE_NUMBER, STABLE_TOKEN, TEXT_CHECK, WeChat
from backend.wechat.texts import Scene, TextCheck, Verdict


@pytest.fixture
async def world(wechat_server: Server) -> AsyncIterator[World]:
    async with wechat_world(wechat_server) as world:
        yield world


@pytest.fixture
async def curt(wechat_server: Server) -> AsyncIterator[World]:
    async with wechat_world(wechat_server, user=CURT) as world:
        yield world


def counted(name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0.0


UNAVAILABLE, REFUSED = "503 wechat_unavailable", "400 phone_code_refused"
CONTENT = (47001, 47003, 41030, 40037, 40129, 40169, 44002, 43002, 43302)
CREDENTIALS = (40013, 40125, 41002, 41004, 40164, 40243, 48001, 89503)

# errcode of every answer; requests, what the caller is told, whether an alarm is raised, whether the circuit is open.
TABLE = [
    (-1, 3, UNAVAILABLE, False, False),
    *[(errcode, 2, UNAVAILABLE, True, True) for errcode in (40001, 40014, 42001)],
    (41001, 1, UNAVAILABLE, True, False),
    *[(errcode, 1, REFUSED, False, False) for errcode in (40029, 40163, 40003)],
    *[(errcode, 1, "429 wechat_busy", False, False) for errcode in (45011, 45009)],
    *[(errcode, 1, UNAVAILABLE, True, False) for errcode in (40226, 43101, 61010, 99999)],
    *[(errcode, 1, UNAVAILABLE, True, False) for errcode in CONTENT],
    *[(errcode, 1, UNAVAILABLE, True, True) for errcode in CREDENTIALS],
]


@pytest.mark.parametrize(("errcode", "requests", "told", "alarm", "is_open"), TABLE)
async def test_each_row_of_the_table_holds(
    world: World, caplog: pytest.LogCaptureFixture, errcode: int, requests: int, told: str, alarm: bool, is_open: bool
) -> None:
    kind = KINDS.get(errcode, Kind.OTHER)
    before = [counted("daka_wechat_calls_total", endpoint=PHONE_NUMBER, result=kind), counted("daka_wechat_alarms_total", **_of(kind))]
    world.fault(PHONE_NUMBER, {"errcode": errcode})
    assert await outcome(world.phone()) == told
    assert world.asked(PHONE_NUMBER) == requests and world.wechat.degraded is is_open
    after = [counted("daka_wechat_calls_total", endpoint=PHONE_NUMBER, result=kind), counted("daka_wechat_alarms_total", **_of(kind))]
    assert [b - a for a, b in zip(before, after, strict=True)] == [requests, int(alarm)]
    assert ("alarm" in caplog.text) is alarm


def _of(kind: Kind) -> dict[str, str]:
    return {"endpoint": PHONE_NUMBER, "kind": kind}


@pytest.mark.parametrize(
    ("do", "again", "result"),
    [
        ({"http_status": 502}, True, "server_error"),
        ({"reset": True}, True, "lost"),
        ({"close": True}, True, "lost"),
        ({"truncate": True}, True, "lost"),
        ({"close_after_effect": True}, True, "lost"),
        ({"hang": True}, True, "lost"),
        ({"garbage": True}, False, "garbage"),
        ({"http_status": 302}, False, "garbage"),
        ({"http_status": 200}, False, "garbage"),
    ],
)
async def test_what_may_have_arrived_is_repeated_unless_it_may_be_done_once_only(
    world: World, do: dict[str, Any], again: bool, result: str
) -> None:
    await world.login()
    await world.wechat.access_token()  # the connections are open: a broken one must not be tried again behind our back
    if "hang" in do:
        world.wechat.user = CURT
    code_image = lambda: world.wechat.mini_program_code("s", PAGE)  # noqa: E731
    for path, call, most in ((LOGIN, world.login, 1), (CODE_IMAGE, code_image, 3 if again else 1)):
        world.fault(path, do)
        asked, count = world.asked(path), counted("daka_wechat_calls_total", endpoint=path, result=result)
        assert await outcome(call()) == UNAVAILABLE
        made = world.asked(path) - asked
        # Of what hangs, the time may be over before the third try.
        assert made == most or ("hang" in do and made == most - 1 > 0)
        assert counted("daka_wechat_calls_total", endpoint=path, result=result) - count == made


async def test_a_busy_wechat_is_asked_again_even_about_a_code(world: World) -> None:
    world.fault(LOGIN, {"errcode": -1}, times=2)
    assert await world.login() == ZHANG and world.asked(LOGIN) == 3


async def test_two_failures_and_a_dead_token_are_four_requests_and_no_more(world: World) -> None:
    world.fault(CODE_IMAGE, {"http_status": 502}, times=1)
    world.fault(CODE_IMAGE, {"invalidate_token": True}, times=1)
    world.fault(CODE_IMAGE, {"http_status": 502}, times=1)
    assert (await world.wechat.mini_program_code("s", PAGE)).content
    assert world.asked(CODE_IMAGE) == 4
    world.fault(CODE_IMAGE, {"http_status": 502})
    assert await outcome(world.wechat.mini_program_code("s", PAGE)) == UNAVAILABLE and world.asked(CODE_IMAGE) == 7


def test_the_figures_are_those_of_the_table() -> None:
    assert (outward.USER.connect_s, outward.USER.read_s, outward.USER.waits_s) == (1.0, 2.0, (0.2, 0.8))
    # Three seconds for the person, of which our own work takes a part.
    assert 2.5 <= outward.USER.total_s < 3.0 and tries.JITTER == (0.8, 1.2)


def test_no_label_can_be_anything_but_a_word_that_is_written_down() -> None:
    assert metrics_wechat.WECHAT_ENDPOINTS == outward.ENDPOINTS and set(metrics_wechat.WECHAT_RESULTS) == set(Kind)
    metrics_wechat.wechat_call(f"{LOGIN}?secret=canary-label", "canary-label", 0.1)
    metrics_wechat.wechat_refused("canary-label", "canary-label")
    metrics_wechat.wechat_circuit("canary-label", is_open=False)
    metrics_wechat.wechat_alarm("canary-label", "canary-label")
    metrics_wechat.wechat_token("canary-label")
    assert b"canary-label" not in metrics.text() and b'endpoint="unlisted"' in metrics.text()


async def test_whatever_hangs_the_caller_is_answered_in_time(curt: World) -> None:
    for path in (STABLE_TOKEN, PHONE_NUMBER):
        curt.state.faults.clear()
        curt.fault(path, {"hang": True})
        began = time.monotonic()
        assert await outcome(curt.phone()) == UNAVAILABLE
        assert time.monotonic() - began < CURT.total_s + 2
    # The whole time binds too, where a single answer might take longer.
    curt.wechat.user = replace(CURT, read_s=5.0, total_s=0.2)
    curt.fault(LOGIN, {"hang": True})
    began = time.monotonic()
    assert await outcome(curt.login()) == UNAVAILABLE and time.monotonic() - began < 4


async def test_no_try_is_begun_that_could_not_end_in_time(world: World) -> None:
    world.wechat.user = replace(FAST_USER, total_s=0.3, waits_s=(0.01, 0.6))
    world.fault(CODE_IMAGE, {"http_status": 502})
    await world.wechat.access_token()
    assert await outcome(world.wechat.mini_program_code("s", PAGE)) == UNAVAILABLE
    assert world.asked(CODE_IMAGE) == 2


async def test_a_limit_lasts_until_the_next_minute_or_shanghai_day(world: World) -> None:
    with clock.shifted(datetime(2026, 3, 1, 15, 59, 20, tzinfo=UTC)):  # 23:59:20 in Shanghai
        for path, errcode, call in (
            (LOGIN, 45011, world.login),
            (LOGIN, 45009, world.login),
            (CODE_IMAGE, 45009, lambda: world.wechat.mini_program_code("s", PAGE)),  # of this one WeChat says: per minute
        ):
            world.state.faults.clear()
            world.fault(path, {"errcode": errcode})
            with pytest.raises(TooMany) as error:
                await call()
            assert 30 <= int(error.value.headers["Retry-After"]) <= 40
    with clock.shifted(datetime(2026, 3, 1, 16, 0, 5, tzinfo=UTC)):
        world.fault(PHONE_NUMBER, {"errcode": 45009})
        with pytest.raises(TooMany) as error:
            await world.phone()
        assert 86_000 < int(error.value.headers["Retry-After"]) < 86_400


async def test_those_beyond_the_bound_are_told_at_once_and_the_others_have_their_turn(wechat_server: Server) -> None:
    async with wechat_world(wechat_server, user=replace(CURT, crowd=3)) as world:
        world.fault(LOGIN, {"hang": True}, times=3)
        waiting = [asyncio.create_task(world.login()) for _ in range(3)]
        await until(lambda: world.asked(LOGIN) == 3)
        refused = counted("daka_wechat_refused_total", endpoint=LOGIN, reason="crowd")
        assert await outcome(world.login()) == UNAVAILABLE and not any(task.done() for task in waiting)
        assert counted("daka_wechat_refused_total", endpoint=LOGIN, reason="crowd") == refused + 1 and world.asked(LOGIN) == 3
        assert await outcome(world.phone()) == "ok"  # another endpoint
        await asyncio.gather(*waiting, return_exceptions=True)
        assert await world.login() == ZHANG


async def test_background_calls_beyond_the_bound_wait_their_turn_until_their_time_is_over(wechat_server: Server) -> None:
    async with wechat_world(wechat_server, background=replace(CURT, crowd=2, takes_turns=True, read_s=2.0, total_s=2.0)) as world:
        world.fault(TEXT_CHECK, {"delay_ms": 30})

        def check() -> Awaitable[TextCheck]:
            return world.wechat.check_text("学习心得", openid=ZHANG, scene=Scene.LOG)

        checks = await asyncio.gather(*(check() for _ in range(8)))
        assert {each.verdict for each in checks} == {Verdict.PASS} and not world.wechat.degraded
        world.state.faults.clear()
        world.fault(TEXT_CHECK, {"hang": True})
        world.wechat.background = replace(world.wechat.background, total_s=0.2)
        began, asked = time.monotonic(), world.asked(TEXT_CHECK)
        assert {each.reason for each in await asyncio.gather(*(check() for _ in range(4)))} == {"unavailable"}
        assert time.monotonic() - began < 1.5 and world.asked(TEXT_CHECK) == asked + 2


async def test_a_caller_who_hangs_up_frees_the_place_and_is_counted(wechat_server: Server) -> None:
    async with wechat_world(wechat_server, user=replace(CURT, crowd=1)) as world:
        world.fault(LOGIN, {"hang": True}, times=1)
        before = counted("daka_wechat_calls_total", endpoint=LOGIN, result="cancelled")
        caller = asyncio.create_task(world.login())
        await until(lambda: world.asked(LOGIN) == 1)
        caller.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await caller
        assert counted("daka_wechat_calls_total", endpoint=LOGIN, result="cancelled") == before + 1
        assert await world.login() == ZHANG


async def test_a_refused_connection_is_tried_again_even_for_a_code(world: World) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    wechat = WeChat(settings_for(f"http://127.0.0.1:{port}/sandbox"), connect(""))
    await wechat.start()
    login = asyncio.create_task(wechat.code_to_openid(world.state.wx_login(ZHANG)))
    await asyncio.sleep(0.1)
    target = int(world.base_url.split(":")[2].split("/")[0])

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", target)
        upstream.write(await reader.read(65536))
        writer.write(await upstream_reader.read(65536))
        await writer.drain()
        upstream.close()
        writer.close()

    late = await asyncio.start_server(forward, "127.0.0.1", port)
    assert await login == ZHANG
    late.close()
    await wechat.close()


async def test_a_failure_carries_nothing_of_the_library_that_met_it(world: World) -> None:
    world.fault(LOGIN, {"reset": True})
    with pytest.raises(Unavailable) as error:
        await world.login()
    assert error.value.__cause__ is None and error.value.__context__ is None
