"""The sandbox as seen from outside, over plain HTTP: its endpoints and its levers."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
from sandbox_server import APPID, SECRET


class Remote:
    """Every answer of `get` and `post` is HTTP 200 with JSON, whatever content type it claims."""

    def __init__(self, base_url: str, http: aiohttp.ClientSession) -> None:
        self.base_url = base_url
        self.http = http

    async def get(self, path: str, /, **query: Any) -> dict[str, Any]:
        return await self._ask("GET", path, params=query)

    async def post(self, path: str, body: Any = None, **query: Any) -> dict[str, Any]:
        return await self._ask("POST", path, params=query, json=body)

    async def order(self, lever: str, **body: Any) -> dict[str, Any]:
        """One lever of the control API."""
        return await self.post(f"/control/{lever}", body)

    async def raw(self, method: str, path: str, /, **how: Any) -> tuple[int, str, bytes]:
        """Status, content type and body, whatever they are."""
        async with self.http.request(method, self.base_url + path, **how) as response:
            return response.status, response.content_type, await response.read()

    async def _ask(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        status, _, body = await self.raw(method, path, **how)
        assert status == 200
        return json.loads(body)

    async def login(self, js_code: str, *, appid: str = APPID, secret: str = SECRET) -> dict[str, Any]:
        return await self.get("/sns/jscode2session", **login_query(js_code, appid=appid, secret=secret))

    async def stable(self, **changes: Any) -> dict[str, Any]:
        return await self.post("/cgi-bin/stable_token", {"grant_type": "client_credential", "appid": APPID, "secret": SECRET, **changes})

    async def token(self) -> str:
        return (await self.stable())["access_token"]

    async def code_of(self, openid: str) -> str:
        return (await self.order("wx_login", openid=openid))["code"]


def login_query(js_code: str, *, appid: str = APPID, secret: str = SECRET) -> dict[str, str]:
    return {"appid": appid, "secret": secret, "js_code": js_code, "grant_type": "authorization_code"}


def bytes_of(base_url: str, path: str, query: dict[str, str], *, timeout_s: float = 5) -> bytes:
    """Every byte that comes back for one GET until the other side closes. Raises ConnectionResetError for a RST.

    Over a bare socket: aiohttp repeats a GET by itself when the connection breaks, and hides what came before.
    """
    address = urlsplit(base_url)
    with socket.create_connection((address.hostname, address.port), timeout=timeout_s) as connection:
        target = f"{address.path}{path}?{urlencode(query)}"
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n\r\n".encode())
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received
