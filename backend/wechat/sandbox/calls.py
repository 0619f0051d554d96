"""One call to an endpoint, after the checks that all endpoints share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backend.wechat.sandbox.records import App, Refused, User
from backend.wechat.sandbox.state import SandboxState


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls, with what. `body` is empty for a GET."""

    state: SandboxState
    app: App
    query: dict[str, str]
    body: dict[str, Any]

    def text(self, name: str, *, otherwise: str = "") -> str:
        """A text of the body. Raises Refused 47001 when it is there and no text."""
        value = self.body.get(name, otherwise)
        if not isinstance(value, str):
            raise Refused(47001, f"data format error: {name}")
        return value

    def user(self, openid: Any) -> User:
        """A user of this very app. Raises Refused 40003."""
        user = self.state.users.get(openid) if isinstance(openid, str) else None
        if not user or user.appid != self.app.appid:
            raise Refused(40003, "invalid openid")
        return user
