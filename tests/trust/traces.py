"""What the service leaves behind: replies, log, database, Redis. And whether a secret is in any of it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterable
from typing import Any

import aiohttp
from door import Door, Reply
from trust.house import House, anew

from backend.kernel.database import sqlite_path
from backend.kernel.postgres import environment as libpq
from backend.kernel.redis import aioredis


class Recording(Door):
    """Keeps every reply, headers and all."""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        super().__init__(base, session)
        self.replies: list[str] = []

    async def ask(self, method: str, path: str, who: Any = None, **given: Any) -> Reply:
        reply = await super().ask(method, path, who, **given)
        self.replies.append(f"{method} {path} {reply.status} {dict(reply.headers)} {reply.body.decode('utf-8', 'replace')}")
        return reply


def recording(made: House) -> Recording:
    return Recording(made.door.base, anew())


def watch_secrets(state: Any) -> dict[str, str]:
    """What the sandbox gives out from now on: value -> what it is. What it holds already is in it too."""
    found = {app.secret: "AppSecret" for app in state.apps.values()}
    for name, kind in (
        ("new_session_key", "session_key"), ("letters", "access token"), ("wx_login", "js_code"), ("phone_button", "phone code"),
    ):  # fmt: skip
        setattr(state, name, _kept(getattr(state, name), kind, found))
    return found


def _kept(make: Any, kind: str, found: dict[str, str]) -> Any:
    def made(*words: Any, **named: Any) -> str:
        value = make(*words, **named)
        found[value] = kind
        return value

    return made


async def database_text(made: House) -> str:
    """Every row of every table, as text."""
    if made.settings.on_sqlite:
        import sqlite3
        from contextlib import closing

        def dump() -> str:
            with closing(sqlite3.connect(sqlite_path(made.settings))) as connection:
                return "\n".join(connection.iterdump())

        return await asyncio.to_thread(dump)
    done = await asyncio.to_thread(
        subprocess.run, ["pg_dump", "--data-only", "--inserts", "--no-password"], env=libpq(made.settings.database_url),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


async def redis_text(made: House) -> str:
    """Every key and value. A WeChat access token is what Redis is for, and is left out."""
    client = aioredis.from_url(made.settings.redis_url)
    try:
        found = []
        async for key in client.scan_iter():
            kind = await client.type(key)
            if b"wechat:token" not in key:
                found.append(repr((key, await client.get(key) if kind == b"string" else kind)))
        return "\n".join(found)
    finally:
        await client.aclose()


def hits(places: dict[str, str], secrets: dict[str, str]) -> list[str]:
    """`place: kind`, for each secret that stands in a place; secrets of fewer than 8 letters could be there by chance."""
    return [f"{place}: {kind}" for place, text in places.items() for value, kind in secrets.items() if len(value) >= 8 and value in text]


def in_replies(replies: Iterable[str]) -> str:
    return "\n".join(replies)
