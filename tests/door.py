"""Serving an app on a free port of 127.0.0.1 inside the test's own loop, and knocking at it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from sanic import Sanic


@asynccontextmanager
async def serve(app: Sanic) -> AsyncIterator[str]:
    """The base address of `app` while it runs."""
    # Sanic takes port 0 for "not given", so the free port is found with a socket of our own.
    listener = socket.create_server(("127.0.0.1", 0))
    server = await app.create_server(sock=listener, return_asyncio_server=True)
    await server.startup()
    await server.before_start()
    await server.start_serving()
    await server.after_start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        await server.before_stop()
        server.close()
        await server.after_stop()


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Any
    body: bytes
    json: Any

    @property
    def code(self) -> str | None:
        return self.json.get("code") if isinstance(self.json, dict) else None


class Door:
    """Knocks at /api/v1 (or at the root with `root=True`), as a person with a token or as a stranger."""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self.base, self.session = base, session

    async def ask(
        self, method: str, path: str, who: Any = None, *, root: bool = False, headers: dict[str, str] | None = None, **kwargs: Any
    ) -> Reply:
        """`who`: a Person, a token or None. `json=`, `data=`, `params=` as in aiohttp."""
        token = getattr(who, "token", who)
        sent = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        url = self.base + ("" if root else "/api/v1") + path
        async with self.session.request(method, url, headers=sent, allow_redirects=False, **kwargs) as response:
            body = await response.read()
            json = await response.json(content_type=None) if "json" in (response.content_type or "") and body else None
            return Reply(response.status, response.headers, body, json)

    async def get(self, path: str, who: Any = None, **kwargs: Any) -> Reply:
        return await self.ask("GET", path, who, **kwargs)

    async def post(self, path: str, who: Any = None, json: Any = None, **kwargs: Any) -> Reply:
        return await self.ask("POST", path, who, **({"json": json} if json is not None else {}), **kwargs)
