"""The first page moves by itself: within a process, across processes, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from desk import Desk
from door import Door
from people import Cast, add_plan, whole_day
from waiting import until

from backend import sessions
from backend.kernel import clock, live, redis
from backend.kernel.errors import Unavailable
from backend.kernel.live import Hub
from console.http import SESSION

DEADLINE_S = 10.0


@asynccontextmanager
async def stream(door: Door, desk: Desk) -> AsyncIterator[object]:
    """The lines of the page's stream, once it is open."""
    headers = {"Cookie": f"{SESSION}={desk.cookies[SESSION]}"}
    async with door.session.get(f"{door.base}/console/today/live", headers=headers) as reply:
        assert (reply.status, reply.content_type) == (200, "text/event-stream")
        assert await asyncio.wait_for(reply.content.readline(), DEADLINE_S) == b"retry: 3000\n"
        yield reply.content


async def event(lines: object) -> bytes:
    """The next event's first line; b"" at the end of the stream."""
    async with asyncio.timeout(DEADLINE_S):
        while (line := await lines.readline()) in (b"\n", b": .\n"):
            pass
        return line


async def test_a_check_in_is_told_to_the_pages_of_its_branch(door: Door, desk: Desk, cast: Cast) -> None:
    [task] = await add_plan(cast, days=[clock.today()])
    await desk.enter(cast.secretary)
    async with stream(door, desk) as lines:
        shown = (await door.get(f"/tasks/{task.id}", cast.alice)).json
        assert (await door.post(f"/tasks/{task.id}/check-in", cast.alice, json=whole_day(shown))).status == 201
        assert await event(lines) == b"event: changed\n"
    board = (await desk.see("/today/board")).body.decode()
    assert "1</a><span> / 5 人</span>" in board and cast.alice.name not in board and "<html" not in board


async def test_another_branch_hears_nothing_of_it() -> None:
    hub = Hub()
    with hub.listening(1) as ours, hub.listening(2) as theirs:
        hub.moved(1)
        hub.moved(1)
        assert await ours.wait(DEADLINE_S) and not ours.moved.is_set() and not theirs.moved.is_set()


async def test_what_one_process_commits_the_others_hear_through_redis(redis_url: str) -> None:
    clients, hubs = [redis.connect(redis_url) for _ in range(2)], [Hub(), Hub()]
    for hub, client in zip(hubs, clients, strict=True):
        hub.start(client, shared=True)
    try:
        await until(lambda: not any(hub.is_blind for hub in hubs))
        with hubs[1].listening(7) as listener:
            hubs[0].moved(7)
            assert await listener.wait(DEADLINE_S)
    finally:
        for hub, client in zip(hubs, clients, strict=True):
            await hub.close()
            await client.aclose()


async def test_without_redis_the_listener_knows_that_it_may_miss_something() -> None:
    client, hub = redis.connect("redis://127.0.0.1:9/0"), Hub()
    hub.start(client, shared=True)
    try:
        with hub.listening(7) as listener:
            assert listener.is_blind
            hub.moved(7)
            assert await listener.wait(DEADLINE_S)
    finally:
        await hub.close()
        await client.aclose()


async def test_a_stream_ends_with_its_session_and_with_the_process(
    door: Door, desk: Desk, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.enter(cast.secretary)
    async with stream(door, desk) as lines:
        await sessions.end_all(member_id=cast.secretary.id)
        live.hub.moved(cast.branch.id)
        assert await event(lines) == b""
    await desk.enter(cast.secretary)
    async with stream(door, desk) as lines:
        monkeypatch.setattr(live.hub, "is_closed", True)
        live.hub.moved(cast.branch.id)
        assert await event(lines) == b""
        assert (await desk.see("/today/live")).status == 503


async def test_more_pages_than_a_process_can_keep_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_LISTENERS", 2)
    hub = Hub()
    with hub.listening(1), hub.listening(1):
        with pytest.raises(Unavailable), hub.listening(2):
            pass
    with hub.listening(2):
        pass


class Stubborn:
    """A Redis whose driver swallows the first cancellation that meets it, as redis-py may."""

    def __init__(self) -> None:
        self.asked, self.swallowed = asyncio.Event(), 0

    @asynccontextmanager
    async def pubsub(self) -> AsyncIterator[Stubborn]:
        yield self

    async def subscribe(self, channel: str) -> None:
        pass

    async def get_message(self, **_: object) -> None:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.swallowed += 1
            if self.swallowed > 1:
                raise


async def test_a_stop_is_not_held_up_by_a_driver_that_swallows_its_cancellation() -> None:
    hub, stubborn = Hub(), Stubborn()
    hub.start(stubborn, shared=True)
    await asyncio.wait_for(stubborn.asked.wait(), DEADLINE_S)
    await asyncio.wait_for(hub.close(), DEADLINE_S)
    assert stubborn.swallowed == 2
