"""The only way out to WeChat: sign-in, phone number, text check, messages and mini-program codes.

Every call is bounded in tries and time (tries.py), shares one access token with the other processes (renewal.py), stops asking an endpoint
that does not answer (breaker.py) and has no secret in any error, log line or figure. A one-time code and a message are never sent again
once the request may have arrived: the answer may be lost, and the code spent, or the message delivered.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from backend.kernel.errors import TooMany, Unavailable
from backend.kernel.redis import aioredis
from backend.kernel.settings import Settings
from backend.wechat import answers, messages, texts
from backend.wechat.messages import Delivery, Outcome
from backend.wechat.outward import (
    BACKGROUND,
    CODE_IMAGE,
    LOGIN,
    MESSAGE,
    PHONE_NUMBER,
    STABLE_TOKEN,
    TEXT_CHECK,
    USER,
    Outgoing,
    Patience,
    Wire,
)
from backend.wechat.renewal import Tokens
from backend.wechat.texts import Scene, TextCheck, Verdict
from backend.wechat.token import TokenShelf
from backend.wechat.tries import Tries

_CODE = re.compile(r"[\x21-\x7e]{1,512}")
_OPENID = re.compile(r"[A-Za-z0-9_-]{6,60}")
_PHONE = re.compile(r"[0-9]{5,20}")
# What a mini-program code can carry; no "%", so no Chinese.
_SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}")
_PAGE = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z_/-]{0,127}")


@dataclass(frozen=True, slots=True)
class CodeImage:
    """A mini-program code as WeChat drew it: PNG or JPEG."""

    content: bytes
    media_type: str


class WeChat:
    """A client for one mini-program. `start` before the first call, `close` at the end; made once per process.

    `user` and `background` bound the calls somebody waits for, and the others; `monotonic` is the clock of the circuits.
    """

    def __init__(
        self,
        settings: Settings,
        redis: aioredis.Redis,
        *,
        user: Patience = USER,
        background: Patience = BACKGROUND,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings  # the secret stays in there, where no repr shows it
        self.user, self.background = user, background
        self._wire = Wire(settings.wechat_api_base)
        self._tries = Tries(self._wire, monotonic=monotonic)
        self._shelf = TokenShelf(redis, appid=settings.wechat_appid)
        ask = {"grant_type": "client_credential", "appid": settings.wechat_appid, "secret": settings.wechat_secret, "force_refresh": False}
        self._tokens = Tokens(self._tries, self._shelf, Outgoing("POST", STABLE_TOKEN, body=ask), user)

    async def start(self) -> None:
        """Opens the connection pool; belongs into the loop that makes the calls."""
        await self._wire.start()

    async def close(self) -> None:
        """Ends a renewal under way and closes the pool; harmless when repeated."""
        await self._tokens.close()
        await self._wire.close()

    @property
    def degraded(self) -> bool:
        """Whether some endpoint is not being asked at the moment, because it did not answer or does not let us in."""
        return self._tries.degraded

    async def code_to_openid(self, js_code: str) -> str:
        """The openid behind a wx.login code. The session_key that comes with it is dropped here: nothing in this product needs it.

        Raises Unauthorised `login_again` (the client calls wx.login once more), Forbidden `wechat_user_blocked`, TooMany, Unavailable.
        """
        self._demand_configuration()
        if not _CODE.fullmatch(js_code):
            raise answers.login_again()
        credentials = {"appid": self._settings.wechat_appid, "secret": self._settings.wechat_secret}
        query = {**credentials, "js_code": js_code, "grant_type": "authorization_code"}
        request = Outgoing("GET", LOGIN, query=query, single_use=True)
        answer = await self._tries.exchange(request, self.user, deadline=_deadline(self.user))
        fields = answers.demand_ok(answer, LOGIN, answers.login_refusal)
        return _checked(fields.get("openid"), _OPENID, LOGIN)

    async def phone_number(self, code: str, *, openid: str) -> str:
        """The number, without country code, behind a code of the getPhoneNumber button; WeChat checks that the code is `openid`'s.

        Raises BadRequest `phone_code_refused`, TooMany, Unavailable.
        """
        self._demand_configuration()
        if not _CODE.fullmatch(code):
            raise answers.phone_code_refused()
        request = Outgoing("POST", PHONE_NUMBER, body={"code": code, "openid": openid}, single_use=True)
        answer = await self._with_token(request, self.user, _deadline(self.user))
        found = answers.demand_ok(answer, PHONE_NUMBER, answers.phone_refusal).get("phone_info")
        phone = found if isinstance(found, dict) else {}
        watermark = phone.get("watermark")
        appid = self._settings.wechat_appid
        if isinstance(watermark, dict) and watermark.get("appid", appid) != appid:
            raise answers.not_understood(PHONE_NUMBER)
        return _checked(phone.get("purePhoneNumber"), _PHONE, PHONE_NUMBER)

    async def check_text(self, content: str, *, openid: str, scene: Scene, patience: Patience | None = None) -> TextCheck:
        """What WeChat thinks of a text of this person; in parts, if it is long, and then the worst verdict of all.

        Never raises for WeChat's sake: what could not be checked is UNKNOWN, with the reason, for a person to look at. In the background,
        unless another `patience` is given.
        """
        patience = patience or self.background
        deadline = _deadline(patience)
        checks: list[TextCheck] = []
        for part in texts.parts(content):
            request = Outgoing("POST", TEXT_CHECK, body=texts.body(part, openid=openid, scene=scene))
            try:
                self._demand_configuration()
                checks.append(texts.check_of(await self._with_token(request, patience, deadline), TEXT_CHECK))
            except TooMany:
                checks.append(TextCheck(Verdict.UNKNOWN, reason="busy"))
            except Unavailable:
                checks.append(TextCheck(Verdict.UNKNOWN, reason="unavailable"))
            if checks[-1].verdict in (Verdict.RISKY, Verdict.UNKNOWN):
                break
        return texts.worst(checks)

    async def send_subscribe_message(
        self, openid: str, template_id: str, page: str, fields: Mapping[str, str], *, patience: Patience | None = None
    ) -> Delivery:
        """Sends one message, at most once: SENT, REFUSED with the reason, or UNKNOWN (the answer was lost), all of them final.

        Raises TooMany and Unavailable where it certainly was not sent, so that it may be tried later; ValueError for fields that no
        template has. In the background, unless another `patience` is given.
        """
        self._demand_configuration()
        patience = patience or self.background
        state = "formal" if self._settings.production else "trial"
        body = messages.body(openid, template_id, page, fields, state=state)
        try:
            request = Outgoing("POST", MESSAGE, body=body, single_use=True)
            answer = await self._with_token(request, patience, _deadline(patience))
        except answers.OutcomeUnknown:
            return Delivery(Outcome.UNKNOWN)
        return messages.delivery_of(answer, MESSAGE)

    async def mini_program_code(self, scene: str, page: str, *, width: int = 430) -> CodeImage:
        """The picture that, scanned, opens `page` with `scene` (at most 32 of WeChat's characters); `width` in pixels, 280 to 1280.

        Outside production it opens the trial version, published or not. Raises ValueError for what WeChat would refuse, TooMany,
        Unavailable.
        """
        self._demand_configuration()
        if not _SCENE.fullmatch(scene) or not _PAGE.fullmatch(page) or not 280 <= width <= 1280:
            raise ValueError("scene, page or width is none that a mini-program code can have")
        production = self._settings.production
        version = {"check_path": production, "env_version": "release" if production else "trial"}
        request = Outgoing("POST", CODE_IMAGE, body={"scene": scene, "page": page, "width": width, **version}, image=True)
        answer = await self._with_token(request, self.user, _deadline(self.user))
        answers.demand_ok(answer, CODE_IMAGE, whole_day=False)  # its 45009 is about the minute
        if not answer.image:
            raise answers.not_understood(CODE_IMAGE)
        return CodeImage(answer.image, "image/png" if answer.image.startswith(b"\x89PNG") else "image/jpeg")

    async def access_token(self) -> str:
        """A token with time left. Raises TooMany, Unavailable."""
        self._demand_configuration()
        return await self._tokens.get(deadline=_deadline(self.user))

    async def _with_token(self, request: Outgoing, patience: Patience, deadline: float) -> answers.Answer:
        return await self._tries.exchange(request, patience, deadline=deadline, tokens=self._tokens)

    def _demand_configuration(self) -> None:
        if not self._settings.wechat_appid:
            raise answers.unavailable(answers.NOT_CONFIGURED)


def _deadline(patience: Patience) -> float:
    return asyncio.get_running_loop().time() + patience.total_s


def _checked(value: object, form: re.Pattern[str], endpoint: str) -> str:
    """WeChat's answers are checked like anybody's input."""
    if isinstance(value, str) and form.fullmatch(value):
        return value
    raise answers.not_understood(endpoint)
