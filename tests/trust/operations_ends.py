"""make trust-operations: stops at every early moment, a killed supervisor, a request that hangs. Half a minute on each database."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import pytest
from door import Door
from held_up import held_up
from people import Cast
from process import DEADLINE_S, free_port, running
from test_stop import a_day, ended, service
from test_workers import end_group, env, group_gone, many, until

from backend.kernel.settings import Settings

__all__ = ["env", "service"]


@pytest.mark.parametrize("after_s", [0.0, 0.1, 0.2, 0.3, 0.5, 1.0, 1.5, 2.0, 3.0])
async def test_a_stop_in_the_first_moments_ends_all_the_same(cast: Cast, env: dict[str, str], tmp_path: Path, after_s: float):
    """Sanic's own manager hangs for ever then (sanic#2997)."""
    words = [sys.executable, "-m", "backend", "serve", "--workers", many(), "--port", str(free_port())]
    process = subprocess.Popen(words, env=env, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        await asyncio.sleep(after_s)
        process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(process.wait, DEADLINE_S)
        # Before it listens to signals at all, the signal itself ends it.
        assert code in (0, -signal.SIGTERM)
        await until(lambda: group_gone(process))
        assert list((tmp_path / "shared").iterdir()) == []
    finally:
        end_group(process)


async def test_workers_whose_supervisor_was_killed_stop_and_leave_nothing(cast: Cast, env: dict[str, str], tmp_path: Path):
    """With one process there is nobody above: what is killed is gone."""
    async with running("serve", "--workers", many(), env=env, cwd=tmp_path) as (_, process):
        process.kill()
        process.wait(5)
        await until(lambda: group_gone(process))
    assert list((tmp_path / "shared").iterdir()) == []


async def test_a_request_that_hangs_is_cut_off_when_its_time_is_over(door: Door, cast: Cast, settings: Settings, service: tuple):
    own, process, _ = service
    path, day = await a_day(door, cast)
    async with held_up(settings):
        under_way = asyncio.create_task(own.post(path, cast.alice, day))
        await asyncio.sleep(0.5)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code = await ended(process, 30)
        assert 3 <= time.monotonic() - began < 3 + 8 + 2
        assert code == 0
        with pytest.raises(aiohttp.ClientError):
            await under_way
