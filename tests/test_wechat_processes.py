"""One token call for many processes: four real ones with fifty calls each, over a real Redis and without one."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sandbox_server import APPID, SECRET
from wechat_world import ZHANG, Server, World, wechat_world

from backend.kernel.redis import aioredis, connect
from backend.wechat.client import STABLE_TOKEN, TEXT_CHECK
from backend.wechat.sandbox.tokens import invalidate

# Starts whole processes, again and again: see `make test-long`.
pytestmark = pytest.mark.long

PROCESSES, CALLS = 4, 50
KEY = f"wechat:token:{APPID}"
NO_REDIS = "redis://127.0.0.1:9/0"


class Crew:
    """The processes; an order goes to all of them at once."""

    def __init__(self, world: World, processes: list[asyncio.subprocess.Process]) -> None:
        self.world, self.processes = world, processes
        self.events = 0

    async def order(self, **order: Any) -> list[dict[str, Any]]:
        return await asyncio.gather(*(self._ask(process, order) for process in self.processes))

    async def _ask(self, process: asyncio.subprocess.Process, order: dict[str, Any]) -> dict[str, Any]:
        if "call" in order:
            order = {**order, "call": {**order["call"], "name": f"{order['call']['name']} of {process.pid}"}}
        process.stdin.write(json.dumps(order).encode() + b"\n")
        return json.loads(await asyncio.wait_for(process.stdout.readline(), 30))

    async def event(self, **order: Any) -> tuple[int, int, Counter[str], list[float]]:
        """Fifty calls of each process: token calls, tries of the most tried call, verdicts, alarms so far by process."""
        self.events += 1
        self.world.state.requests.clear()
        self.world.state.users[ZHANG].last_visit_at = self.world.state.now()
        answers = await self.order(**order, call={"times": CALLS, "name": f"event {self.events}", "openid": ZHANG})
        texts = Counter(record["body"]["content"] for record in self.world.state.requests if record["path"] == TEXT_CHECK)
        # The circuit may open before the last of them has gone out.
        assert len(texts) == PROCESSES * CALLS or self.world.state.scenario
        verdicts = sum((Counter(answer["verdicts"]) for answer in answers), Counter())
        return self.world.asked(STABLE_TOKEN), max(texts.values()), verdicts, [answer["alarms"] for answer in answers]


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[aioredis.Redis]:
    client = connect(redis_url)
    await client.delete(KEY, f"{KEY}:renewal")
    yield client
    await client.delete(KEY, f"{KEY}:renewal")
    await client.aclose()


@asynccontextmanager
async def crew_of(world: World) -> AsyncIterator[Crew]:
    script = Path(__file__).with_name("token_process.py")
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, str(script), world.base_url, APPID, SECRET),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=script.parent.parent,
            env={"PYTHONPATH": str(script.parent.parent)},
        )
        for _ in range(PROCESSES)
    ]
    try:
        yield Crew(world, processes)
    finally:
        for process in processes:
            process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), 5)
            except TimeoutError:
                process.kill()
                await process.wait()


async def test_four_processes_ask_for_one_token_at_each_event(redis: aioredis.Redis, redis_url: str, wechat_server: Server) -> None:
    passing = Counter({"pass": PROCESSES * CALLS})
    async with wechat_world(wechat_server) as world, crew_of(world) as crew:
        for address, most in ((redis_url, 1), (NO_REDIS, PROCESSES)):
            world.scenario("")
            fetched, tried, verdicts, _ = await crew.event(redis=address)
            assert (fetched <= most, tried, verdicts) == (True, 1, passing), f"cold start: {fetched}"
            # Time passes for WeChat and for us: the token has run out for both.
            world.state.set_clock(advance_s=7300)
            fetched, tried, verdicts, _ = await crew.event(shift_s=7300)
            assert (fetched <= most, tried, verdicts) == (True, 1, passing), f"expiry: {fetched}"
            invalidate(world.state.apps[APPID])
            fetched, tried, verdicts, before = await crew.event()
            assert (fetched <= most, tried <= 2, verdicts) == (True, True, passing), f"after a kill: {fetched}, {tried}"
            world.scenario("token_killed_forever")
            fetched, tried, verdicts, after = await crew.event()
            assert (fetched <= most, tried <= 2) == (True, True), f"dead for ever: {fetched}, {tried}"
            assert verdicts == Counter({"unknown": PROCESSES * CALLS})
            assert all(b > a for a, b in zip(before, after, strict=True)), "each process raises the alarm"
