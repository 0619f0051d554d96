"""The WeChat sandbox behind a real port, for tests that speak HTTP to it, and the settings and clients to reach it with."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from sanic import Sanic
from wechatpy.client import WeChatClient

from backend.kernel import settings
from backend.kernel.settings import Settings
from backend.wechat.sandbox import SandboxState, build_app

APPID = "wx0123456789abcdef"
SECRET = "canary-app-secret-0123456789abcdef"
PUSH_TOKEN = "AAAAA"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


def settings_for(base_url: str = "http://127.0.0.1:9/sandbox", **changes: Any) -> Settings:
    """Development settings whose WeChat is the sandbox at `base_url`."""
    given = {
        "secret_keys": ("k" * 32,),
        "wechat_appid": APPID,
        "wechat_secret": SECRET,
        "wechat_api_base": base_url,
        "wechat_push_token": PUSH_TOKEN,
        "wechat_push_aes_key": AES_KEY,
    }
    return Settings(**{**given, **changes})


@contextmanager
def in_use(chosen: Settings) -> Iterator[Settings]:
    """Within the block `chosen` are this process's settings."""
    before = settings._current
    settings.use(chosen)
    try:
        yield chosen
    finally:
        settings._current = before


@asynccontextmanager
async def serve(app: Sanic) -> AsyncIterator[str]:
    """`app` on a free port of 127.0.0.1, in this very loop; yields `http://127.0.0.1:PORT`."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        server = await app.create_server(sock=listener, return_asyncio_server=True, access_log=False)
        assert server is not None
        await server.startup()
        await server.before_start()
        await server.start_serving()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            await server.before_stop()
            server.close()
            for connection in list(server.connections):
                connection.abort()
            await server.after_stop()
            Sanic.unregister_app(app)


@asynccontextmanager
async def serve_sandbox(state: SandboxState) -> AsyncIterator[str]:
    """The sandbox as a server of its own; yields what DAKA_WECHAT_API_BASE would be, `http://127.0.0.1:PORT/sandbox`."""
    async with serve(build_app(state)) as address:
        yield f"{address}/sandbox"


class RewriteAdapter(HTTPAdapter):
    """Sends what wechatpy addresses to https://api.weixin.qq.com to the sandbox instead."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self.base_url = base_url

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        assert request.url
        request.url = request.url.replace("https://api.weixin.qq.com", self.base_url, 1)
        return super().send(request, *args, **kwargs)


class Foreigner:
    """wechatpy 1.8.18, unchanged: a client that was not written by us. Its blocking calls run in a thread."""

    def __init__(self, base_url: str, *, appid: str = APPID, secret: str = SECRET) -> None:
        # auto_retry would recurse without end on a token that stays refused.
        self.client = WeChatClient(appid, secret, timeout=5, auto_retry=False)
        self.client._http.trust_env = False
        self.client._http.mount("https://api.weixin.qq.com", RewriteAdapter(base_url))

    async def ask(self, call: Callable[[WeChatClient], Any]) -> Any:
        return await asyncio.to_thread(call, self.client)
