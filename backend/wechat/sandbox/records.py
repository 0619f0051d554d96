"""What the sandbox keeps: apps, users, codes, tokens, templates. Plain records; what happens to them is in state.py and the endpoints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class Refused(Exception):
    """An answer other than success, as WeChat gives it: HTTP 200 with `errcode` and `errmsg`."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        super().__init__(f"{errcode} {errmsg}")
        self.errcode = errcode
        self.errmsg = errmsg


@dataclass(slots=True)
class PushTarget:
    """Where an app receives pushes and in what form; the AES key is empty or 43 characters. mode: "" (secure where there is a key)."""

    url: str = ""
    token: str = field(default="", repr=False)
    aes_key: str = field(default="", repr=False)
    mode: str = ""
    format: str = "json"


@dataclass(slots=True)
class Token:
    value: str = field(repr=False)
    valid_until: float


@dataclass(slots=True)
class TokenBook:
    """The tokens of one kind: the current one and, for a while, the one before it."""

    current: Token | None = None
    previous: Token | None = None
    forced_at: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Template:
    """A subscription template. fields: name → what a person reads before the value. is_long: a grant is good for many messages.

    samples: name → a value, for a message that the sandbox makes up.
    """

    template_id: str
    title: str
    fields: dict[str, str]
    is_long: bool = False
    samples: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class App:
    """A mini-program. pages: those of the released version; empty: not released. ip_whitelist None: any address may fetch tokens."""

    appid: str
    secret: str = field(repr=False)
    frozen: bool = False
    ip_whitelist: tuple[str, ...] | None = None
    entity: str = "organisation"
    pages: tuple[str, ...] = ("pages/index/index",)
    templates: dict[str, Template] = field(default_factory=dict)
    push: PushTarget = field(default_factory=PushTarget)
    legacy: TokenBook = field(default_factory=TokenBook)
    stable: TokenBook = field(default_factory=TokenBook)


@dataclass(slots=True)
class User:
    """A WeChat user as one app knows them. grants: template → messages that may still be sent (1 without end for a long one).

    takes_messages: the main switch in the mini-program's settings. received: the messages, oldest first.
    """

    openid: str
    appid: str
    name: str = ""
    phone: str = ""
    unionid: str = ""
    session_key: str = field(default="", repr=False)
    session_key_issued: float = 0.0
    last_visit_at: float = 0.0
    risk_blocked: bool = False
    takes_messages: bool = True
    grants: dict[str, int] = field(default_factory=dict)
    received: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Code:
    """A one-time code of wx.login or of the phone button."""

    appid: str
    openid: str
    issued_at: float
    used_at: float | None = None


@dataclass(slots=True)
class Options:
    """Where WeChat's behaviour varies or is not published. session_key: `always` a new one at login, `never`, or `one_in_3`.

    content_type: of JSON answers. overlap_s: how long a replaced legacy token lives on. token_length: characters. push_answer_s: how long
    a push waits for its answer.
    """

    content_type: str = "application/json; encoding=utf-8"
    session_key: str = "always"
    overlap_s: int = 300
    legacy_per_day: int = 2_000
    token_length: int = 185
    push_answer_s: float = 5.0
