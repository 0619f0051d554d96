"""The sandbox's world: apps, users, one-time codes, tokens, counters, a clock of its own. All in memory, nothing survives the process.

Numbers are WeChat's where it publishes them: codes live 300 s, tokens 7200 s, an old token 300 s beside the new one.
"""

from __future__ import annotations

import asyncio
import base64
import random
import re
import secrets
import string
from collections import Counter, deque
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from backend.kernel import clock
from backend.wechat.sandbox.faults import Fault
from backend.wechat.sandbox.records import App, Code, Options, PushTarget, Refused, User

CODE_LIFE_S = 300
TOKEN_LIFE_S = 7200
RING = 10_000

LETTERS = string.ascii_letters + string.digits


class SandboxState:
    """Everything the sandbox knows. `seed` makes its codes and tokens repeatable; None (the demo) makes them unpredictable."""

    def __init__(
        self,
        appid: str,
        secret: str,
        push_url: str = "",
        push_token: str = "",
        push_aes_key: str = "",
        *,
        seed: int | None = None,
        phone_page: str = "",
    ) -> None:
        """`phone_page`: where a scanned code leads, for want of a mini-program; empty: the code holds its scene alone."""
        self._first_app = (appid, secret, (push_url, push_token, push_aes_key))
        self._seed = seed
        self.phone_page = phone_page
        self._tasks: set[asyncio.Task[None]] = set()
        self.reset()

    def reset(self) -> None:
        """Back to the first moment: one app, nobody in it."""
        self.stop()
        appid, secret, push = self._first_app
        self.appid = appid
        self.apps = {appid: App(appid, secret, push=PushTarget(*push))}
        self.users: dict[str, User] = {}
        self.js_codes: dict[str, Code] = {}
        self.phone_codes: dict[str, Code] = {}
        self.counts: Counter[tuple[str, str, int]] = Counter()
        self.requests: deque[dict[str, Any]] = deque(maxlen=RING)
        self.pushes: deque[dict[str, Any]] = deque(maxlen=RING)
        self.held_push: Any = None
        self.faults: list[Fault] = []
        self.scenario = ""
        self.options = Options()
        seed = secrets.randbits(128) if self._seed is None else self._seed
        self.rng = random.Random(seed)
        # The dice of fault rules are their own: a rule that is added changes no code and no token.
        self.dice = random.Random(seed + 1)
        self._offset = 0.0
        self._frozen_at: float | None = None
        self._moved = asyncio.Event()

    def stop(self) -> None:
        """Ends what waits for a later time."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Work that outlives the order that began it, until it is done or the sandbox ends."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def sleep_until(self, due_at: float) -> None:
        """Returns when the sandbox's clock shows `due_at`, however it gets there."""
        while (left := due_at - self.now()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), None if self._frozen_at is not None else left)

    def now(self) -> float:
        """The sandbox's time in Unix seconds."""
        return (clock.now().timestamp() if self._frozen_at is None else self._frozen_at) + self._offset

    def set_clock(self, *, advance_s: float = 0.0, at: float | None = None, freeze: bool | None = None) -> float:
        """Jumps to `at` (Unix seconds), then by `advance_s`; frozen time moves by these jumps alone. Returns the new time."""
        if freeze is not None:
            now = self.now()
            self._frozen_at, self._offset = (now, 0.0) if freeze else (None, now - clock.now().timestamp())
        if at is not None:
            self._offset += at - self.now()
        self._offset += advance_s
        self._moved.set()
        self._moved = asyncio.Event()
        return self.now()

    def letters(self, count: int) -> str:
        return "".join(self.rng.choices(LETTERS, k=count))

    def rid(self) -> str:
        """The request id WeChat puts at the end of an errmsg."""
        return "-".join(f"{self.rng.getrandbits(32):08x}" for _ in range(3))

    def add_app(self, appid: str, secret: str) -> App:
        """A second mini-program, whose codes are foreign to the first."""
        return self.apps.setdefault(appid, App(appid, secret))

    def add_user(self, *, openid: str = "", phone: str = "", name: str = "", appid: str = "") -> User:
        """A WeChat user; the same openid again changes name and phone where they are given."""
        openid = openid or "o" + self.letters(27)
        if not re.fullmatch(r"[A-Za-z0-9_-]{6,60}", openid):
            raise Refused(40003, "invalid openid")
        user = self.users.setdefault(openid, User(openid, appid or self.appid))
        user.name, user.phone = name or user.name, phone or user.phone
        return user

    def user(self, openid: str) -> User:
        """Raises Refused 40003 for an unknown one."""
        if openid not in self.users:
            raise Refused(40003, "invalid openid")
        return self.users[openid]

    def forget(self, openid: str) -> None:
        """The account is closed: the openid is nobody's, and its codes are worth nothing."""
        del self.users[openid]
        for codes in (self.js_codes, self.phone_codes):
            for value in [value for value, code in codes.items() if code.openid == openid]:
                del codes[value]

    def wx_login(self, openid: str) -> str:
        """What wx.login gives on this user's phone: a one-time code of 32 characters, good for 300 s."""
        return self._new_code(self.js_codes, openid, "0" + self.letters(31))

    def phone_button(self, openid: str) -> str:
        """What the getPhoneNumber button gives: a one-time code of 64 characters, good for 300 s. Raises Refused without a phone."""
        if not self.user(openid).phone:
            raise Refused(1400001, "user has no phone number")
        return self._new_code(self.phone_codes, openid, self.letters(64))

    def _new_code(self, codes: dict[str, Code], openid: str, value: str) -> str:
        codes[value] = Code(self.user(openid).appid, openid, self.now())
        while len(codes) > RING:
            del codes[next(iter(codes))]
        return value

    def spend(self, codes: dict[str, Code], value: str, *, appid: str, openid: str = "", check_only: bool = False) -> User:
        """The user behind a code, which is then used. Raises Refused 40029 (unknown, older than 300 s, another's) and 40163 (used)."""
        code = codes.get(value)
        if not code or code.appid != appid or (openid and code.openid != openid) or self.now() - code.issued_at > CODE_LIFE_S:
            raise Refused(40029, "invalid code")
        if code.used_at is not None:
            raise Refused(40163, "code been used")
        if not check_only:
            code.used_at = self.now()
        return self.users[code.openid]

    def count(self, who: str, what: str, *, per_minute: int = 0, per_day: int = 0, over_the_minute: int = 45011) -> None:
        """Counts one call. Raises Refused `over_the_minute` or 45009 (day) beyond the limit; 0 is no limit."""
        now = int(self.now())
        for limit, window, errcode, errmsg in (
            (per_minute, now // 60, over_the_minute, "api minute-quota reach limit, must slower, retry next minute"),
            (per_day, -(now // 86400), 45009, "reach max api daily quota limit"),
        ):
            if not limit:
                continue
            self.counts[who, what, window] += 1
            if self.counts[who, what, window] > limit:
                raise Refused(errcode, errmsg)
        if len(self.counts) > RING:
            current = {now // 60, -(now // 86400)}
            self.counts = Counter({key: number for key, number in self.counts.items() if key[2] in current})

    def new_session_key(self) -> str:
        return base64.b64encode(self.rng.randbytes(16)).decode()
