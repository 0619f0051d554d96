"""`make scenarios`: the service and the client while WeChat is in trouble, with the patience and the clocks of real life. Prints a table.

The service runs as in production, two workers on PostgreSQL and Redis; WeChat is the sandbox. `--down-s`: how long each outage lasts.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import math
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import outages
import servers
from door import Door
from openpyxl import Workbook
from process import daka, environment, running
from sandbox_server import APPID, SECRET, serve, settings_for
from wechat_user import WeChatUser, new_phone, wechat_user
from wechat_world import PAGE, TEMPLATE

from backend.kernel import settings
from backend.kernel.errors import DakaError
from backend.kernel.redis import connect
from backend.wechat.client import CODE_IMAGE, LOGIN, MESSAGE, PHONE_NUMBER, TEXT_CHECK, WeChat
from backend.wechat.sandbox import SandboxState, build_app, wire
from backend.wechat.sandbox.records import Template
from backend.wechat.texts import Scene

NAMED = ("", "token_killed_forever", "lost_answers", "busy_30pct", "slow_5s")
DOWN = ("down_10min", "hang", "reset", "garbage")
CALLS, AT_ONCE, CROWD = 40, 10, 400
HEAD = ("情形", "调用", "次数", "上游请求/次 最多", "上游请求/次 平均", "取令牌", "最长答复 s", "答复")


class Bench:
    """The service, the sandbox that it takes for WeChat, a client beside it, and people whose numbers are on the roster."""

    def __init__(self, state: SandboxState, door: Door, client: WeChat, people: list[tuple[WeChatUser, str]]) -> None:
        self.state, self.door, self.client, self.people = state, door, client, people
        self.reader = wechat_user(state)
        state.users[self.reader.openid].grants[TEMPLATE] = 10_000
        self.under_way = self.most_under_way = 0

    async def sign_in(self) -> str:
        return await self._word(wechat_user(self.state).sign_in(self.door))

    async def check(self, text: str) -> str:
        self.state.users[self.reader.openid].last_visit_at = self.state.now()
        found = await self.client.check_text(text, openid=self.reader.openid, scene=Scene.LOG)
        return f"{found.verdict} {found.reason}".strip()

    async def send(self, name: str) -> str:
        try:
            sent = await self.client.send_subscribe_message(self.reader.openid, TEMPLATE, PAGE, {"thing1": name})
        except DakaError as error:
            return f"{error.status}"
        return f"{sent.outcome} {sent.reason}".strip()

    async def draw(self, scene: str) -> str:
        try:
            await self.client.mini_program_code(scene, PAGE)
        except DakaError as error:
            return f"{error.status}"
        return "image"

    @staticmethod
    async def _word(asked: Awaitable[Any]) -> str:
        reply = await asked
        return f"{reply.status}" if "Retry-After" in reply.headers or reply.status != 503 else "503 without Retry-After"

    async def scenario(self, name: str) -> None:
        """Every kind of call, so many times; one line for each kind."""
        crowd, self.people = self.people[:CALLS], self.people[CALLS:]
        for user, _ in crowd:
            assert (await user.sign_in(self.door)).status == 200
        outages.rule(self.state, name)
        kinds: tuple[tuple[str, str, list[Callable[[], Awaitable[str]]]], ...] = (
            ("登录", LOGIN, [self.sign_in] * CALLS),
            ("手机号绑定", PHONE_NUMBER, [lambda u=u, n=n: self._word(u.bind(self.door, n)) for u, n in crowd]),
            ("文本检测（后台）", TEXT_CHECK, [lambda n=n: self.check(f"{name} 心得 {n}") for n in range(CALLS)]),
            ("订阅消息（后台）", MESSAGE, [lambda n=n: self.send(f"提醒{n}") for n in range(CALLS)]),
            ("小程序码", CODE_IMAGE, [lambda n=n: self.draw(f"{len(self.state.requests)}.{n}") for n in range(CALLS)]),
        )
        for kind, path, calls in kinds:
            cost = await outages.cost(self.state, path, calls, at_once=AT_ONCE)
            figures = (cost.calls, cost.most, f"{cost.mean:.2f}", cost.token_calls, f"{cost.longest_s:.2f}")
            row(name or "（平静）", kind, *figures, spelt(cost.replies))
        outages.rule(self.state, "")
        await self.recovered(name)

    async def recovered(self, name: str) -> None:
        """Waits, without touching the service, until each kind of call has succeeded ten times in a row, in whatever process."""
        began = time.monotonic()
        for call, success in (
            (self.sign_in, "200"),
            (self.bind_a_spare, "200"),
            (lambda: self.check("平静"), "pass"),
            (lambda: self.send("平静"), "sent"),
            (lambda: self.draw("calm"), "image"),
        ):
            well = 0
            while well < 10:
                well = well + 1 if await call() == success else 0
                if time.monotonic() - began > 60:
                    raise RuntimeError(f"{name}: not recovered within 60 s")
                await asyncio.sleep(0 if well else 0.1)
        degraded = [(await self.door.get("/readyz", root=True)).json["degraded"] for _ in range(10)]
        assert degraded == [[]] * 10, degraded
        if name:
            print(f"\n{name}：解除后 {time.monotonic() - began:.0f} 秒内全部恢复，没有重启。\n", flush=True)

    async def bind_a_spare(self) -> str:
        user, person = self.people[-1]
        assert user.token or (await user.sign_in(self.door)).status == 200
        word = await self._word(user.bind(self.door, person))
        if word == "200":
            self.people.pop()
        return word

    async def outage(self, name: str, lasting_s: float) -> None:
        """Five sign-ins and five requests of somebody signed in a second while WeChat is down; the loop is asked how it is twenty times."""
        assert (await self.reader.sign_in(self.door)).status == 200
        outages.rule(self.state, name)
        until = time.monotonic() + lasting_s
        self.most_under_way, asked = 0, len(self.state.requests)
        if name == "hang":
            crowd = await outages.cost(self.state, LOGIN, [self.sign_in] * CROWD, at_once=CROWD)
            row(f"{name}，一拥而上", "登录", CROWD, crowd.most, f"{crowd.mean:.2f}", 0, f"{crowd.longest_s:.2f}", spelt(crowd.replies))
        signed, own, lag = await asyncio.gather(
            self._stream(self.sign_in, until, 0.2),
            self._stream(lambda: self._word(self.door.get("/me/sessions", self.reader)), until, 0.2),
            self._stream(lambda: self._word(self.door.get("/healthz", root=True)), until, 0.05),
        )
        requests = len(self.state.requests) - asked
        degraded = Counter([str((await self.door.get("/readyz", root=True)).json["degraded"]) for _ in range(10)])
        for kind, (replies, times) in (("登录", signed), ("已登录者的请求", own), ("/healthz", lag)):
            spread = f"p99 {1000 * sorted(times)[math.ceil(len(times) * 0.99) - 1]:.0f} ms"
            upstream = f"{requests / len(times):.2f}" if kind == "登录" else "–"
            row(f"{name} {lasting_s:.0f} s", kind, len(times), "–", upstream, "–", f"{max(times):.2f}（{spread}）", spelt(replies))
        print(f"\n{name}：同时在途的上游请求最多 {self.most_under_way} 个；/readyz：{dict(degraded)}\n")
        if name == "down_10min":
            self.state.set_clock(advance_s=600)  # its own end, by the sandbox's clock
        else:
            outages.rule(self.state, "")
        await self.recovered(name)

    @staticmethod
    async def _stream(call: Callable[[], Awaitable[str]], until: float, every_s: float) -> tuple[Counter[str], list[float]]:
        replies, times, tasks = Counter(), [], []

        async def one() -> None:
            began = time.monotonic()
            replies[await call()] += 1
            times.append(time.monotonic() - began)

        while time.monotonic() < until:
            tasks.append(asyncio.create_task(one()))
            await asyncio.sleep(every_s)
        await asyncio.gather(*tasks)
        return replies, times


def spelt(replies: Counter[str]) -> str:
    return "、".join(f"{word} × {count}" for word, count in sorted(replies.items()))


def row(*cells: Any) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


@asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[Bench]:
    state = SandboxState(APPID, SECRET)
    state.apps[APPID].templates[TEMPLATE] = Template(TEMPLATE, "打卡提醒", {"thing1": "任务"})
    settings.use(settings_for())
    people = [(wechat_user(state, phone=new_phone()), f"林{n:03d}") for n in range(CALLS * len(NAMED) + 20 * len(NAMED + DOWN))]
    (database_url, stop_postgres), (redis_url, stop_redis) = servers.start_postgres(), servers.start_redis()
    try:
        async with serve(build_app(state)) as address:
            env = environment(
                DATABASE_URL=database_url, REDIS_URL=redis_url, SECRET_KEY="0" * 64, WECHAT_APPID=APPID, WECHAT_SECRET=SECRET,
                WECHAT_API_BASE=f"{address}/sandbox", LOG_LEVEL="WARNING",
            )  # fmt: skip
            await asyncio.to_thread(prepare, folder, env, people)
            async with running("serve", "--workers", "2", env=env, cwd=folder) as (base, _):
                # A connection for each request: they reach both workers.
                async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True)) as session:
                    client = WeChat(settings_for(f"{address}/sandbox"), connect(redis_url))
                    await client.start()
                    made = Bench(state, Door(base, session), client, people)
                    count_under_way(made)
                    yield made
                    await client.close()
    finally:
        stop_redis()
        stop_postgres()


def count_under_way(made: Bench) -> None:
    """Counts the requests that the sandbox has begun to answer, the hanging ones too."""
    deliver = wire.deliver

    async def counted(*args: Any) -> Any:
        made.under_way += 1
        made.most_under_way = max(made.most_under_way, made.under_way)
        try:
            return await deliver(*args)
        finally:
            made.under_way -= 1

    wire.deliver = counted


def prepare(folder: Path, env: dict[str, str], people: list[tuple[WeChatUser, str]]) -> None:
    """A branch whose roster holds the people."""
    book = Workbook()
    book.active.append(["姓名", "手机号"])
    for user, name in people:
        book.active.append([name, user.state.users[user.openid].phone])
    book.save(folder / "roster.xlsx")
    for words in (("migrate",), ("branch", "create", "演练支部"), ("roster", "import", "roster.xlsx", "--branch", "1")):
        done = daka(*words, env=env, cwd=folder)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)


async def main() -> None:
    arguments = argparse.ArgumentParser(description="微信故障演练")
    arguments.add_argument("--down-s", type=float, default=30, help="每种中断持续的秒数（默认 30）")
    arguments.add_argument("--only", choices=(*NAMED[1:], *DOWN), help="只演练这一种")
    chosen = arguments.parse_args()
    logging.disable(logging.ERROR)  # the client's own lines; the service writes into its log
    with tempfile.TemporaryDirectory(prefix="daka-scenarios-") as folder:
        async with bench(Path(folder)) as made:
            row(*HEAD)
            row(*("---" for _ in HEAD))
            for name in NAMED:
                if chosen.only in (None, name):
                    await made.scenario(name)
            for name in DOWN:
                if chosen.only in (None, name):
                    await made.outage(name, chosen.down_s)


if __name__ == "__main__":
    asyncio.run(main())
