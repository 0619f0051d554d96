"""One process of several that share an access token: takes orders as JSON lines, answers each with a JSON line."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

from backend.kernel import clock, metrics
from backend.kernel.redis import connect
from backend.kernel.settings import Settings
from backend.wechat import renewal, token
from backend.wechat.client import TEXT_CHECK, WeChat
from backend.wechat.outward import USER
from backend.wechat.texts import Scene

# A machine that runs the whole suite is slow: what is looked at is how often WeChat is asked, not how long it takes.
renewal.NEIGHBOUR_S, token.LOCK_S = 10.0, 20.0
UNHURRIED = replace(USER, connect_s=10.0, read_s=15.0, total_s=20.0)


async def call(wechat: WeChat, *, times: int, name: str, openid: str) -> dict[str, Any]:
    """So many text checks at once, each with a text of its own."""
    began = time.monotonic()
    texts = [f"{name} {n}" for n in range(times)]
    # As impatient as users: all at once, none waits its turn.
    checks = await asyncio.gather(*(wechat.check_text(text, openid=openid, scene=Scene.LOG, patience=UNHURRIED) for text in texts))
    alarms = metrics.registry.get_sample_value("daka_wechat_alarms_total", {"endpoint": TEXT_CHECK, "kind": "token"})
    return {"verdicts": Counter(check.verdict for check in checks), "alarms": alarms or 0, "took_s": time.monotonic() - began}


async def main(base_url: str, appid: str, secret: str) -> None:
    settings = Settings(wechat_appid=appid, wechat_secret=secret, wechat_api_base=base_url)
    wechat = None
    with ExitStack() as stack:
        while line := await asyncio.to_thread(sys.stdin.readline):
            order = json.loads(line)
            if "redis" in order:
                wechat = WeChat(settings, connect(order["redis"]), user=UNHURRIED)
                await wechat.start()
            if "shift_s" in order:
                stack.enter_context(clock.shifted(clock.now() + timedelta(seconds=order["shift_s"])))
            answer = await call(wechat, **order["call"]) if "call" in order else {}
            print(json.dumps(answer), flush=True)


asyncio.run(main(*sys.argv[1:]))
