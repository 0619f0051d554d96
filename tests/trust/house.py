"""The whole service for a check: `daka serve` as processes of its own, with PostgreSQL, Redis and the WeChat sandbox beside it.

This process opens the same database, so that a check can build its people there and look at what became of them.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import servers
from door import Door
from process import environment, running
from sandbox_server import AES_KEY, APPID, PUSH_TOKEN, SECRET, serve

from backend.kernel import database, schema
from backend.kernel import settings as kernel_settings
from backend.kernel.settings import Settings
from backend.wechat.sandbox import SandboxState, build_app

KEY = "canary-secret-key-" + "0" * 46


@dataclass
class House:
    """`door` opens a new connection for each request, so that every worker is met; `log` is what the service wrote."""

    settings: Settings
    door: Door
    state: SandboxState
    process: subprocess.Popen[str]
    folder: Path
    env: dict[str, str]
    stop_redis: Callable[[], None]

    @property
    def log(self) -> str:
        return "".join(path.read_text("utf-8", "replace") for path in sorted(self.folder.glob("daka-*.log")))

    @asynccontextmanager
    async def another(self, *words: str, **changes: str) -> AsyncIterator[Door]:
        """A second service beside it, on the same database."""
        async with running("serve", *words, env={**self.env, **changes}, cwd=self.folder) as (base, _), anew() as session:
            yield Door(base, session)


def anew() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200, force_close=True))


@asynccontextmanager
async def house(*, dialect: str = "postgres", log_level: str = "WARNING", **more: Any) -> AsyncIterator[House]:
    """`more`: settings of the service, by their names without DAKA_."""
    async with AsyncExitStack() as open_:
        folder = Path(open_.enter_context(tempfile.TemporaryDirectory(prefix="daka-trust-")))
        redis_url, stop_redis = await asyncio.to_thread(servers.start_redis)
        open_.callback(stop_redis)
        if dialect == "postgres":
            servers.offer_clients()
            database_url, stop = await asyncio.to_thread(servers.start_postgres)
            open_.callback(stop)
        else:
            database_url = f"sqlite://{folder / 'daka.sqlite3'}"
        state = SandboxState(APPID, SECRET, "", PUSH_TOKEN, AES_KEY)
        address = await open_.enter_async_context(serve(build_app(state)))
        given = {
            "DATABASE_URL": database_url, "REDIS_URL": redis_url, "SECRET_KEY": KEY, "WECHAT_APPID": APPID, "WECHAT_SECRET": SECRET,
            "WECHAT_API_BASE": f"{address}/sandbox", "WECHAT_PUSH_TOKEN": PUSH_TOKEN, "WECHAT_PUSH_AES_KEY": AES_KEY,
            "DATA_DIR": str(folder / "var"), "LOG_LEVEL": log_level, **more,
        }  # fmt: skip
        env = environment(**given)
        chosen = kernel_settings.use(kernel_settings.load({n: v for n, v in env.items() if n.startswith("DAKA_")}, dotenv=None))
        await schema.migrate(chosen)
        await database.connect(chosen)
        open_.push_async_callback(database.close)
        workers = "2" if dialect == "postgres" else "1"
        base, process = await open_.enter_async_context(running("serve", "--workers", workers, env=env, cwd=folder))
        session = await open_.enter_async_context(anew())
        yield House(chosen, Door(base, session), state, process, folder, env, stop_redis)
