"""AC-06: four processes with fifty calls each meet a token that is missing, run out, killed, dead for ever: `make trust-06`."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from typing import Any

import servers
from sandbox_server import APPID, serve_sandbox
from sandbox_server import SECRET as APP_SECRET
from test_wechat_processes import CALLS, KEY, NO_REDIS, PROCESSES, crew_of
from trust.report import Run
from wechat_world import wechat_world

from backend.kernel.redis import connect
from backend.wechat.sandbox import SandboxState
from backend.wechat.sandbox.tokens import invalidate


async def events(address: str, most: int) -> dict[str, Any]:
    state = SandboxState(APPID, APP_SECRET)
    passing, told = Counter({"pass": PROCESSES * CALLS}), []
    async with serve_sandbox(state) as base_url, wechat_world((state, base_url)) as world, crew_of(world) as crew:
        told.append(("cold", *await crew.event(redis=address)))
        world.state.set_clock(advance_s=7300)
        told.append(("expired", *await crew.event(shift_s=7300)))
        invalidate(world.state.apps[APPID])
        told.append(("killed", *await crew.event()))
        world.scenario("token_killed_forever")
        told.append(("dead", *await crew.event()))
    for name, fetched, tried, verdicts, _ in told:
        assert fetched <= most and tried <= 2, f"{name}: {fetched} token calls, {tried} tries of one call"
        assert verdicts == (passing if name != "dead" else Counter({"unknown": PROCESSES * CALLS})), (name, verdicts)
    alarmed = [after > before for before, after in zip(told[2][4], told[3][4], strict=True)]
    assert all(alarmed), "a process raised no alarm"
    return {"calls": PROCESSES * CALLS * len(told), "token_calls": max(t[1] for t in told), "tries": max(t[2] for t in told),
            "alarms": sum(alarmed)}  # fmt: skip


async def round_of(name: str) -> dict[str, Any]:
    redis_url, stop = servers.start_redis()
    try:
        client = connect(redis_url)
        await client.delete(KEY, f"{KEY}:renewal")
        await client.aclose()
        return await events(redis_url if name.startswith("redis") else NO_REDIS, 1 if name.startswith("redis") else PROCESSES)
    finally:
        stop()


def main() -> int:
    run = Run.of("AC-06", "token races", rounds=5)
    for name in run.left(f"{kind}-{n}" for kind in ("redis", "alone") for n in range(run.given.rounds)):
        with run.piece(name) as found:
            found |= asyncio.run(round_of(name))
    return run.conclude(calls=sum, token_calls=max, tries=max, alarms=sum)


if __name__ == "__main__":
    sys.exit(main())
