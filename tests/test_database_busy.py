"""Another process writes to the database (a command, a backup): the service waits its turn, and says so when that takes too long."""

from __future__ import annotations

import asyncio

import pytest
from door import Door
from held_up import held_up
from people import Cast, add_plan, whole_day

from backend.kernel import clock, database
from backend.kernel.settings import Settings


async def test_a_check_in_waits_for_its_turn(door: Door, cast: Cast, settings: Settings):
    [task] = await add_plan(cast, days=[clock.today()])
    day = whole_day((await door.get(f"/tasks/{task.id}", cast.alice)).json)
    async with held_up(settings):
        waiting = asyncio.create_task(door.post(f"/tasks/{task.id}/check-in", cast.alice, day))
        # Longer than any few quick tries would take; whoever only reads is answered meanwhile.
        await asyncio.sleep(0.9)
        assert (await door.get("/me", cast.bob)).status == 200
        assert not waiting.done(), waiting.result()
    assert (await waiting).status == 201


async def test_who_waited_too_long_for_an_sqlite_file_may_come_again(
    door: Door, cast: Cast, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """PostgreSQL waits for a lock as long as the request may take."""
    [task] = await add_plan(cast, days=[clock.today()])
    path, day = f"/tasks/{task.id}/check-in", whole_day((await door.get(f"/tasks/{task.id}", cast.alice)).json)
    monkeypatch.setattr(database, "BUSY_S", 0.2)
    async with held_up(settings):
        waiting = asyncio.create_task(door.post(path, cast.alice, day))
        await asyncio.wait([waiting], timeout=1.5)
        if settings.on_sqlite:
            assert (waiting.result().status, waiting.result().code) == (503, "database_busy")
            assert waiting.result().headers["Retry-After"] == "3"
    replies = [await waiting, await door.post(path, cast.alice, day)]
    assert sorted(reply.status for reply in replies) == ([201, 503] if settings.on_sqlite else [200, 201])
