"""The sandbox as seen from outside, over plain HTTP: its endpoints and its levers."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
import zxingcpp
from PIL import Image
from sandbox_server import AES_KEY, APPID, PUSH_TOKEN, SECRET, in_use, serve_sandbox, settings_for

from backend.wechat.sandbox import SandboxState

ZHANG, LI = "o_zhang_wei", "o_li_na"


class Remote:
    """Every answer of `get` and `post` is HTTP 200 with JSON, whatever content type it claims. `state`: behind the curtain."""

    def __init__(self, base_url: str, http: aiohttp.ClientSession, state: SandboxState) -> None:
        self.base_url = base_url
        self.http = http
        self.state = state

    def start_anew(self) -> None:
        """Back to the first moment, with 张伟 and 李娜 and nobody else: for the next test."""
        self.state.reset()
        for openid in (ZHANG, LI):
            self.state.add_user(openid=openid, phone="13800000001")

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


@asynccontextmanager
async def remote_sandbox(*, seed: int | None = 1, phone_page: str = "", push_url: str = "") -> AsyncIterator[Remote]:
    """A sandbox of its own on a free port, with 张伟 and 李娜 in it. The tests of one file share one, and begin with `start_anew`."""
    with in_use(settings_for()):
        state = SandboxState(APPID, SECRET, push_url, PUSH_TOKEN, AES_KEY, seed=seed, phone_page=phone_page)
        async with serve_sandbox(state) as base_url, aiohttp.ClientSession() as http:
            remote = Remote(base_url, http, state)
            remote.start_anew()
            yield remote


def read_code(image: bytes) -> str:
    """What a camera reads from a QR code: with a decoder that knows nothing of the encoder."""
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(image)).convert("RGBA"))
    assert len(found) == 1
    return found[0].text


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
