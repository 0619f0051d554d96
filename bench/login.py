"""Signing in: a one-time code of wx.login, one call to WeChat (a stand-in beside the service), a session. `make bench SCENARIO=login`."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack

import aiohttp

from bench import driving, places
from bench.driving import Run
from bench.places import Place
from bench.report import FIGURES, Report, figures

APPID, SECRET = "wx0123456789abcdef", "0" * 32
CODES = 9_000  # the stand-in keeps the latest 10,000, for 300 s
AT_ONCE = 32


async def fresh_codes(sandbox: Place, some: list[Place], *, members: int, count: int) -> None:
    """Gives each place a file of sign-ins with codes that nobody has used, of one member after the other."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:

        async def pull(lever: str, **fields: str) -> dict[str, str]:
            async with session.post(f"{sandbox.base}/sandbox/control/{lever}", json=fields) as reply:
                return await reply.json()

        async def code(number: int) -> str:
            openid = f"oBENCH{number % members + 1:0>22}"
            await pull("users", openid=openid)
            return (await pull("wx_login", openid=openid))["code"]

        for place in some:
            codes = await asyncio.gather(*(code(number) for number in range(count)))
            lines = ["\tPOST\t/api/v1/auth/wechat\t\t\t" + json.dumps({"code": one}) + "\n" for one in codes]
            (place.folder / "login.tsv").write_text("".join(lines), "utf-8")
            place.sent["login"] = 0


async def main() -> int:
    given = places.options("login", connections="8,32", days=10, open_days=1)
    counts = [int(text) for text in given.connections.split(",")]
    size = places.size_of(given)
    report = Report("login", "微信登录 POST /api/v1/auth/wechat")
    runs: dict[tuple[str, int], list[Run]] = {}
    async with places.ground() as ground, AsyncExitStack() as stack:
        await report.head(ground)
        sandbox = Place("sandbox", "微信沙箱", ground.folder)
        await stack.enter_async_context(places.server(sandbox, ["-m", "bench.sandbox", "{port}", APPID, SECRET]))
        wechat = {"DAKA_WECHAT_APPID": APPID, "DAKA_WECHAT_SECRET": SECRET, "DAKA_WECHAT_API_BASE": f"{sandbox.base}/sandbox"}
        some = [
            await places.prepared(ground, "postgres", "PostgreSQL，2 进程", size),
            await places.prepared(ground, "sqlite", "SQLite，1 进程", size, sqlite=True),
        ]
        for place, workers in zip(some, (2, 1), strict=True):
            place.env |= wechat
            await stack.enter_async_context(places.product(place, workers=workers))
        for number in range(given.rounds + 1):
            for connections in counts:
                for place in some:
                    await fresh_codes(sandbox, [place], members=given.members, count=CODES)
                    run = await driving.drive(place, "login", seconds=given.seconds, connections=connections)
                    if number:  # the first round warms up
                        runs.setdefault((place.label, connections), []).append(run)
        for place in some:
            places.refuse_unsound(place.env, place.folder, place.label)
    report.say(
        f"数据：{size}。每次登录用一个没有用过的 code，服务向沙箱换取 openid 后建立会话；沙箱（1 进程）也在这台机器上。"
        f"每轮至多 {given.seconds:g} 秒、{CODES} 次，{given.rounds} 轮交错。结束后 `daka check` 没有问题。"
    )
    report.table(("", "连接数", *FIGURES), [[label, connections, *figures(rounds)] for (label, connections), rounds in runs.items()])
    shown = {place.label: [[run.rate for run in runs[place.label, c]] for c in counts] for place in some}
    report.bars([f"{c} 连接" for c in counts], shown, "每秒登录")
    report.save()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
