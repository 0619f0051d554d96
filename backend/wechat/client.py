"""The only way out to WeChat: sign-in, phone number and access token, with bounded tries and no secret in any text.

Retry rules: a transient failure is tried again at most twice, after 200 and 800 ms, within 3 s in all; a dead access token is replaced
and the call repeated once. A one-time code is never sent again once its request may have arrived: the answer may be lost, the code is
spent then, and the person would be told so for no reason of their own.
"""

from __future__ import annotations

import asyncio
import codecs
import contextvars
import logging
import random
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from enum import Enum
from typing import Any, TypeVar

import aiohttp
import orjson

from backend.kernel import clock
from backend.kernel.errors import DakaError, Unavailable
from backend.kernel.redis import aioredis
from backend.kernel.settings import Settings
from backend.wechat import answers
from backend.wechat.token import Token, TokenShelf

log = logging.getLogger(__name__)

T = TypeVar("T")

CONNECT_S = 1.0
READ_S = 2.0
BUDGET_S = 3.0
RETRY_AFTER_S = (0.2, 0.8)
JITTER = (0.8, 1.2)
MAX_ANSWER_BYTES = 64 * 1024
MAX_CONNECTIONS = 50

LOGIN = "/sns/jscode2session"
STABLE_TOKEN = "/cgi-bin/stable_token"
PHONE_NUMBER = "/wxa/business/getuserphonenumber"

_CODE = re.compile(r"[\x21-\x7e]{1,512}")
_OPENID = re.compile(r"[A-Za-z0-9_-]{6,60}")
_TOKEN = re.compile(r"[\x21-\x7e]{16,2048}")
_PHONE = re.compile(r"[0-9]{5,20}")


class Failure(Enum):
    """Why there is no answer that we understand."""

    NOT_SENT = "not sent"  # refused, unresolved, no TLS: WeChat has seen nothing
    LOST = "lost"  # sent, perhaps; no answer came
    SERVER_ERROR = "server error"  # HTTP 5xx
    GARBAGE = "garbage"  # an answer, but not one of WeChat's


class _SentOnce(aiohttp.ClientError):
    """Stops aiohttp from repeating a GET by itself when the connection breaks."""


class WeChat:
    """A client for one mini-program. `start` before the first call, `close` at the end; made once per process."""

    def __init__(self, settings: Settings, redis: aioredis.Redis) -> None:
        self._appid = settings.wechat_appid
        self._secret = settings.wechat_secret
        self._base = settings.wechat_api_base
        self._shelf = TokenShelf(redis, appid=self._appid)
        self._renewal: asyncio.Task[Token] | None = None
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Opens the connection pool; belongs into the loop that makes the calls."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity", "User-Agent": "daka"},
        )

    async def close(self) -> None:
        """Ends a renewal under way and closes the pool; harmless when repeated."""
        if self._renewal:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])
            self._renewal = None
        if self._session:
            await self._session.close()
            self._session = None

    async def code_to_openid(self, js_code: str) -> str:
        """The openid behind a wx.login code. The session_key that comes with it is dropped here: nothing in this product needs it.

        Raises Unauthorised `login_again` (the client calls wx.login once more), Forbidden `wechat_user_blocked`, TooMany, Unavailable.
        """
        self._demand_configuration()
        if not _CODE.fullmatch(js_code):
            raise answers.login_again()
        query = {"appid": self._appid, "secret": self._secret, "js_code": js_code, "grant_type": "authorization_code"}
        answer = await _within_budget(self._exchange("GET", LOGIN, query=query, single_use=True))
        self._raise_for(answer, LOGIN, answers.login_refusal)
        return self._checked(answer.get("openid"), _OPENID, LOGIN)

    async def phone_number(self, code: str, *, openid: str) -> str:
        """The number, without country code, behind a code of the getPhoneNumber button; WeChat checks that the code is `openid`'s.

        Raises BadRequest `phone_code_refused`, TooMany, Unavailable.
        """
        self._demand_configuration()
        if not _CODE.fullmatch(code):
            raise answers.phone_code_refused()
        answer = await _within_budget(self._with_token(PHONE_NUMBER, {"code": code, "openid": openid}, single_use=True))
        self._raise_for(answer, PHONE_NUMBER, answers.phone_refusal)
        found = answer.get("phone_info")
        phone = found if isinstance(found, dict) else {}
        watermark = phone.get("watermark")
        if isinstance(watermark, dict) and watermark.get("appid", self._appid) != self._appid:
            raise self._not_understood(PHONE_NUMBER)
        return self._checked(phone.get("purePhoneNumber"), _PHONE, PHONE_NUMBER)

    async def access_token(self) -> str:
        """A token with time left: from this process, else from Redis, else from WeChat. Raises TooMany, Unavailable."""
        self._demand_configuration()
        held = self._shelf.held
        if held and not held.due:
            return held.value
        if not self._renewal or self._renewal.done():
            # An empty context: the task must not carry a caller's database transaction along.
            self._renewal = asyncio.create_task(_within_budget(self._renew()), context=contextvars.Context())
        try:
            return (await asyncio.shield(self._renewal)).value
        except DakaError:
            if held and self._shelf.held is held and not held.expired:
                return held.value
            raise

    async def _renew(self) -> Token:
        shared = await self._shelf.shared()
        if shared and not shared.due:
            return self._shelf.hold(shared)
        body = {"grant_type": "client_credential", "appid": self._appid, "secret": self._secret, "force_refresh": False}
        asked_at = clock.now()
        answer = await self._exchange("POST", STABLE_TOKEN, body=body)
        self._raise_for(answer, STABLE_TOKEN, lambda errcode: None)
        lifetime = answer.get("expires_in")
        if not isinstance(lifetime, int) or isinstance(lifetime, bool) or lifetime <= 0:
            raise self._not_understood(STABLE_TOKEN)
        value = self._checked(answer.get("access_token"), _TOKEN, STABLE_TOKEN)
        token = Token.expiring(value, asked_at + timedelta(seconds=lifetime))
        await self._shelf.share(token)
        return self._shelf.hold(token)

    async def _with_token(self, path: str, body: dict[str, Any], *, single_use: bool) -> dict[str, Any]:
        """One call that needs a token; when WeChat says the token is dead, once more with another. Raises Unavailable after that."""
        errcode: int | None = None
        for _ in range(2):
            token = await self.access_token()
            answer = await self._exchange("POST", path, query={"access_token": token}, body=body, single_use=single_use)
            errcode = answers.errcode_of(answer)
            if errcode not in answers.TOKEN_DEAD:
                return answer
            await self._shelf.discard(token)
        log.error("wechat alarm: %s refuses a fresh access token too, errcode %s, rid %s", path, errcode, answers.rid_of(answer))
        raise answers.unavailable()

    async def _exchange(
        self, method: str, path: str, *, query: dict[str, str] | None = None, body: dict[str, Any] | None = None, single_use: bool = False
    ) -> dict[str, Any]:
        """WeChat's answer, be it a refusal, after as many tries as the rules allow. Raises Unavailable.

        With `single_use` it is sent again only where WeChat has certainly done nothing: the connection failed, or it said so (-1).
        """
        tries = 0
        while True:
            answer = await self._send(method, path, query, body)
            if isinstance(answer, dict) and answers.errcode_of(answer) != answers.BUSY:
                return answer
            reason = answer.value if isinstance(answer, Failure) else "busy"
            log.warning("wechat %s: %s, try %d", path, reason, tries + 1)
            untouched = answer is Failure.NOT_SENT or isinstance(answer, dict)
            if tries == len(RETRY_AFTER_S) or answer is Failure.GARBAGE or (single_use and not untouched):
                raise answers.unavailable()
            await asyncio.sleep(RETRY_AFTER_S[tries] * random.uniform(*JITTER))
            tries += 1

    async def _send(self, method: str, path: str, query: dict[str, str] | None, body: dict[str, Any] | None) -> dict[str, Any] | Failure:
        """One request. Failures are values, not exceptions: aiohttp's carry the URL, and the URL carries the secret."""
        if not self._session:
            raise RuntimeError("WeChat.start() has not been called")
        timeout = aiohttp.ClientTimeout(total=CONNECT_S + READ_S, connect=CONNECT_S, sock_connect=CONNECT_S, sock_read=READ_S)
        headers = {"Content-Type": "application/json"} if body is not None else None
        try:
            async with self._session.request(
                method,
                self._base + path,
                params=query,
                # Real UTF-8, not \u escapes: WeChat's checks have been reported to miss escaped text.
                data=None if body is None else orjson.dumps(body),
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                middlewares=(_send_once(),),
            ) as response:
                if response.status >= 500:
                    return Failure.SERVER_ERROR
                return _parsed(await _limited(response)) if response.status == 200 else Failure.GARBAGE
        except (aiohttp.ClientConnectorError, aiohttp.ClientConnectorCertificateError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL):
            return Failure.NOT_SENT
        except (aiohttp.ClientError, TimeoutError, OSError):
            return Failure.LOST

    def _raise_for(self, answer: dict[str, Any], path: str, refusal: Callable[[int], DakaError | None]) -> None:
        """Turns a refusal into the error for our caller: `refusal`'s, else TooMany, else Unavailable with an alarm in the log."""
        errcode = answers.errcode_of(answer)
        if errcode == answers.SUCCESS:
            return
        if errcode is None:
            raise self._not_understood(path)
        known = refusal(errcode)
        if known:
            log.info("wechat %s: errcode %d, rid %s", path, errcode, answers.rid_of(answer))
            raise known
        if errcode in (answers.TOO_OFTEN, answers.QUOTA_SPENT):
            log.warning("wechat %s: errcode %d, rid %s", path, errcode, answers.rid_of(answer))
            raise answers.too_many(errcode)
        cure = answers.OPERATOR_MUST_ACT.get(errcode, "未预期的错误码")
        log.error("wechat alarm: %s: errcode %d (%s), rid %s", path, errcode, cure, answers.rid_of(answer))
        raise answers.unavailable()

    def _checked(self, value: object, form: re.Pattern[str], path: str) -> str:
        """WeChat's answers are checked like anybody's input."""
        if isinstance(value, str) and form.fullmatch(value):
            return value
        raise self._not_understood(path)

    def _not_understood(self, path: str) -> Unavailable:
        log.error("wechat %s: an answer without the expected fields", path)
        return answers.unavailable()

    def _demand_configuration(self) -> None:
        if not self._appid:
            raise answers.unavailable(answers.NOT_CONFIGURED)


async def _within_budget(call: Awaitable[T]) -> T:
    """`call`, with all its tries and waits, in BUDGET_S. Raises Unavailable when the time is up."""
    try:
        async with asyncio.timeout(BUDGET_S):
            return await call
    except TimeoutError:
        pass
    log.warning("wechat: no answer within %s s", BUDGET_S)
    raise answers.unavailable()


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


async def _limited(response: aiohttp.ClientResponse) -> bytes:
    """The body; empty (and so not understood) when it is longer than MAX_ANSWER_BYTES."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(8192):
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            return b""
    return bytes(body)


def _parsed(body: bytes) -> dict[str, Any] | Failure:
    """The answer as JSON, whatever content type it claims: WeChat's vary."""
    try:
        answer = orjson.loads(body.removeprefix(codecs.BOM_UTF8))
    except orjson.JSONDecodeError:
        return Failure.GARBAGE
    return answer if isinstance(answer, dict) else Failure.GARBAGE
