"""One request to WeChat, sent once, bounded in time and size, counted, and with no secret in any text."""

from __future__ import annotations

import codecs
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from backend.kernel import metrics_wechat
from backend.wechat.answers import Answer, Kind, understood

LOGIN = "/sns/jscode2session"
STABLE_TOKEN = "/cgi-bin/stable_token"
PHONE_NUMBER = "/wxa/business/getuserphonenumber"
TEXT_CHECK = "/wxa/msg_sec_check"
MESSAGE = "/cgi-bin/message/subscribe/send"
CODE_IMAGE = "/wxa/getwxacodeunlimit"
ENDPOINTS = (LOGIN, STABLE_TOKEN, PHONE_NUMBER, TEXT_CHECK, MESSAGE, CODE_IMAGE)

# More than all crowds together: nobody waits for a connection, the crowd is the bound.
MAX_CONNECTIONS = 512
MAX_ANSWER_BYTES = 64 * 1024
MAX_IMAGE_BYTES = 1024 * 1024
IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is asked. `single_use`: not to be sent again once it may have arrived (a one-time code, a message to a person)."""

    method: str
    endpoint: str
    query: dict[str, str] = field(default_factory=dict, repr=False)
    body: dict[str, Any] | None = field(default=None, repr=False)
    single_use: bool = False
    image: bool = False


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call may take, in seconds: for a connection, for an answer, and for all its tries and waits together.

    `waits_s` are the pauses before the second and third try. `crowd` is how many such calls one endpoint may have under way: those
    beyond it are refused, or wait where the call `takes_turns`.
    """

    connect_s: float
    read_s: float
    total_s: float
    crowd: int
    takes_turns: bool = False
    waits_s: tuple[float, ...] = (0.2, 0.8)


# Somebody waits for the answer, which is due 3 s after the question: 0.2 s are left for our own part of the work.
USER = Patience(connect_s=1.0, read_s=2.0, total_s=2.8, crowd=128)
BACKGROUND = Patience(connect_s=1.0, read_s=10.0, total_s=30.0, crowd=20, takes_turns=True)


class _SentOnce(aiohttp.ClientError):
    """Stops aiohttp from repeating a GET by itself when the connection breaks."""


class Wire:
    """The connections to WeChat. `start` before the first request, in the loop that makes the calls; `close` at the end."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity", "User-Agent": "daka"},
        )

    async def close(self) -> None:
        """Harmless when repeated."""
        if self._session:
            await self._session.close()
            self._session = None

    async def send(self, request: Outgoing, patience: Patience, *, token: str | None, within_s: float) -> Answer:
        """The outcome of one try, which ends after `within_s` at the latest. Failures are values, not exceptions."""
        if not self._session:
            raise RuntimeError("WeChat.start() has not been called")
        began, kind = time.monotonic(), Kind.CANCELLED
        try:
            answer = await self._sent(self._session, request, patience, token, within_s)
            kind = answer.kind
            return answer
        finally:
            metrics_wechat.wechat_call(request.endpoint, kind, time.monotonic() - began)

    async def _sent(
        self, session: aiohttp.ClientSession, request: Outgoing, patience: Patience, token: str | None, within_s: float
    ) -> Answer:
        connect_s = min(patience.connect_s, within_s)
        timeout = aiohttp.ClientTimeout(
            total=min(patience.connect_s + patience.read_s, within_s),
            connect=connect_s,
            sock_connect=connect_s,
            sock_read=patience.read_s,
        )
        try:
            async with session.request(
                request.method,
                self._base + request.endpoint,
                params=request.query if token is None else {**request.query, "access_token": token},
                # Real UTF-8, not \u escapes: WeChat's checks have been reported to miss escaped text.
                data=None if request.body is None else orjson.dumps(request.body),
                headers=None if request.body is None else {"Content-Type": "application/json"},
                timeout=timeout,
                allow_redirects=False,
                middlewares=(_send_once(),),
            ) as response:
                if response.status >= 500:
                    return Answer(Kind.SERVER_ERROR)
                if response.status != 200:
                    return Answer(Kind.GARBAGE)
                limit = MAX_IMAGE_BYTES if request.image else MAX_ANSWER_BYTES
                return read(await _limited(response, limit), image=request.image)
        # The exceptions end here, and nothing is raised from them: aiohttp's carry the URL, and the URL carries the secret.
        except (aiohttp.ClientConnectorError, aiohttp.ClientConnectorCertificateError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL):
            return Answer(Kind.NOT_SENT)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return Answer(Kind.LOST)


def _send_once() -> Callable[..., Awaitable[aiohttp.ClientResponse]]:
    """A middleware for one request: aiohttp repeats any GET once when its connection breaks, which would spend a one-time code."""
    sent = False

    async def send(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        nonlocal sent
        if sent:
            raise _SentOnce
        sent = True
        return await handler(request)

    return send


async def _limited(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body; empty (and so not understood) when it is longer than `limit`."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(8192):
        body += chunk
        if len(body) > limit:
            return b""
    return bytes(body)


def read(body: bytes, *, image: bool) -> Answer:
    """WeChat's answer, whatever content type it claims (they vary): a picture, where one was asked for, or JSON."""
    if image and body.startswith(IMAGES):
        return Answer(Kind.OK, image=body)
    try:
        fields = orjson.loads(body.removeprefix(codecs.BOM_UTF8))
    except orjson.JSONDecodeError:
        return Answer(Kind.GARBAGE)
    return understood(fields) if isinstance(fields, dict) else Answer(Kind.GARBAGE)
