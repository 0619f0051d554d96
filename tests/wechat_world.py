"""The sandbox, its address and a started client of ours; and the short patience with which tests wait for what never comes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from sandbox_server import APPID, settings_for

from backend.kernel.errors import DakaError
from backend.kernel.redis import aioredis, connect
from backend.wechat.client import WeChat
from backend.wechat.outward import BACKGROUND, USER
from backend.wechat.sandbox import SandboxState
from backend.wechat.sandbox.faults import parse_fault
from backend.wechat.sandbox.records import Template
from backend.wechat.sandbox.scenarios import faults_of

ZHANG = "o_zhang_wei"
TEMPLATE = "daka_reminder_template"
PAGE = "pages/index/index"

# As many tries as in life, with pauses that no test needs to sit through.
BRISK = {"waits_s": (0.01, 0.02)}
FAST_USER = replace(USER, **BRISK)
FAST_BACKGROUND = replace(BACKGROUND, **BRISK)
# For what hangs: the answer is not coming.
CURT = replace(FAST_USER, read_s=0.4, total_s=0.9)


# The state of a sandbox that a test has to itself, and its address.
Server = tuple[SandboxState, str]


class Watch:
    """The circuits' clock, moved by hand."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


class World:
    """`watch` moves the circuits' clock of `wechat`."""

    def __init__(self, state: SandboxState, base_url: str, wechat: WeChat, watch: Watch) -> None:
        self.state, self.base_url, self.wechat, self.watch = state, base_url, wechat, watch

    def fault(self, path: str, do: dict[str, Any], **rest: Any) -> None:
        self.state.faults.append(parse_fault({"match": {"path": path}, "do": do, **rest}))

    def scenario(self, name: str) -> None:
        """A named scenario in the place of every fault; "" ends it."""
        self.state.faults[:] = faults_of(name, now=self.state.now()) if name else []
        self.state.scenario = name

    def asked(self, path: str) -> int:
        return sum(record["path"] == path for record in self.state.requests)

    async def login(self) -> str:
        return await self.wechat.code_to_openid(self.state.wx_login(ZHANG))

    async def phone(self) -> str:
        return await self.wechat.phone_number(self.state.phone_button(ZHANG), openid=ZHANG)


@asynccontextmanager
async def wechat_world(server: Server, redis: aioredis.Redis | None = None, **patience: Any) -> AsyncIterator[World]:
    """The sandbox at its first moment, with one person in it who has a phone and takes reminders; a client over `redis`, else its own."""
    state, base_url = server
    state.reset()
    state.add_user(openid=ZHANG, phone="13800000001").last_visit_at = state.now()
    state.apps[APPID].templates[TEMPLATE] = Template(TEMPLATE, "打卡提醒", {"thing1": "任务", "time2": "截止时间"})
    state.users[ZHANG].grants[TEMPLATE] = 100
    own = redis or connect("")
    if redis is None:
        await own.flushall()
    watch = Watch()
    given = {"user": FAST_USER, "background": FAST_BACKGROUND, **patience}
    wechat = WeChat(settings_for(base_url), own, monotonic=watch, **given)
    await wechat.start()
    try:
        yield World(state, base_url, wechat, watch)
    finally:
        await wechat.close()
        if redis is None:
            await own.aclose()


async def outcome(call: Any) -> str:
    """What became of a call: "ok", or the status and code of the error it ended with."""
    try:
        await call
    except DakaError as error:
        return f"{error.status} {error.code}"
    return "ok"
