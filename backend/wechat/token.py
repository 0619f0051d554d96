"""Where the access token is kept: in this process, and in Redis for the other processes. Redis may fail: slower, never wrong.

WeChat's stable_token (normal mode) gives every asker the same token until its last 300 s, so that processes need no lock for being
right; the one there is spares calls (docs/decisions/0013).
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import orjson

from backend.kernel import clock
from backend.kernel.redis import RedisError, aioredis

log = logging.getLogger(__name__)

# WeChat hands out a new token only in the last 300 s; asking earlier would return the old one, asking all at once would be a crowd.
RENEW_WITHIN_S = (240.0, 300.0)
SPARE_S = 10.0
REDIS_S = 0.3
# Longer than one renewal takes; a process that dies meanwhile keeps the others from nothing, they do not wait so long.
LOCK_S = 4.0

# Deletes the shared token only while it still is the one that failed: another process may have put a new one in its place.
DELETE_IF_SAME = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; from `renew_at` on a new one is asked for, until `expires_at` it may be used."""

    value: str = field(repr=False)
    expires_at: datetime
    renew_at: datetime

    @classmethod
    def expiring(cls, value: str, expires_at: datetime) -> Token:
        """`renew_at` lies 240 to 300 s before the end, and never at once: a token short-lived from birth is still used a while."""
        left = expires_at - clock.now()
        renew_at = expires_at - timedelta(seconds=random.uniform(*RENEW_WITHIN_S))
        return cls(value, expires_at, max(renew_at, clock.now() + min(timedelta(seconds=SPARE_S), left / 2)))

    @property
    def due(self) -> bool:
        return clock.now() >= self.renew_at

    @property
    def expired(self) -> bool:
        return clock.now() >= self.expires_at


class TokenShelf:
    """The token of one app. `held` is this process's; `shared` and `share` speak to Redis and swallow its errors."""

    def __init__(self, redis: aioredis.Redis, *, appid: str) -> None:
        self._redis = redis
        self._key = f"wechat:token:{appid}"
        self._lock = f"{self._key}:renewal"
        self._name = secrets.token_hex(8)
        self._refused = ""
        self.held: Token | None = None

    def hold(self, token: Token) -> Token:
        self.held = token
        return token

    async def shared(self) -> Token | None:
        """The token in Redis; None when there is none with time left, it is the one WeChat last refused, or Redis does not answer."""
        try:
            async with asyncio.timeout(REDIS_S):
                raw = await self._redis.get(self._key)
            if raw is None:
                return None
            kept = orjson.loads(raw)
            value, expires_at = str(kept["value"]), datetime.fromtimestamp(float(kept["expires_at"]), UTC)
        except (RedisError, OSError, ValueError, KeyError, TypeError) as error:
            self._complain("read", error)
            return None
        left = expires_at - clock.now()
        if value == self._refused or left <= timedelta(seconds=RENEW_WITHIN_S[0]):
            return None
        return Token.expiring(value, expires_at)

    async def share(self, token: Token) -> None:
        """Puts `token` into Redis until it expires."""
        left = int((token.expires_at - clock.now()).total_seconds())
        if left < 1:
            return
        try:
            async with asyncio.timeout(REDIS_S):
                await self._redis.set(self._key, self._packed(token), ex=left)
        except (RedisError, OSError) as error:
            self._complain("write", error)

    async def discard(self, value: str) -> None:
        """WeChat refused `value`: it leaves this process and Redis, but nothing newer does."""
        self._refused = value
        if self.held and self.held.value == value:
            self.held = None
        try:
            async with asyncio.timeout(REDIS_S):
                raw = await self._redis.get(self._key)
                if raw is not None and orjson.loads(raw).get("value") == value:
                    await self._redis.eval(DELETE_IF_SAME, 1, self._key, raw)
        except (RedisError, OSError, ValueError, AttributeError) as error:
            self._complain("delete", error)

    async def lock(self) -> bool | None:
        """True: this process is the one to ask WeChat. False: another is at it. None: Redis does not answer."""
        try:
            async with asyncio.timeout(REDIS_S):
                return bool(await self._redis.set(self._lock, self._name, nx=True, px=int(LOCK_S * 1000)))
        except (RedisError, OSError) as error:
            self._complain("lock", error)
            return None

    async def unlock(self) -> None:
        """Gives the lock back, if it still is ours."""
        try:
            async with asyncio.timeout(REDIS_S):
                await self._redis.eval(DELETE_IF_SAME, 1, self._lock, self._name)
        except (RedisError, OSError) as error:
            self._complain("unlock", error)

    @staticmethod
    def _packed(token: Token) -> str:
        return orjson.dumps({"value": token.value, "expires_at": token.expires_at.timestamp()}).decode()

    @staticmethod
    def _complain(action: str, error: Exception) -> None:
        # The kind of error only: the text of some carries what was read.
        log.warning("redis: cannot %s the wechat token: %s", action, type(error).__name__)
