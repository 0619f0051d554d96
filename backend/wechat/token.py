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
# How long a replacement that was never taken is not replaced again. A kill by force cannot be repeated within 30 s, says WeChat's page;
# shorter than a circuit is open, so that the probe after it is free to try once more.
YOUNG_S = 12.0
# Longer than one renewal takes; a process that dies meanwhile keeps the others from nothing, they do not wait so long.
LOCK_S = 4.0

# Deletes the shared token only while it still is the one that failed: another process may have put a new one in its place.
DELETE_IF_SAME = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; from `renew_at` on a new one is asked for, until `expires_at` it may be used.

    `replaced_at`: when it was fetched in the place of one that WeChat had refused; None for any other.
    """

    value: str = field(repr=False)
    expires_at: datetime
    renew_at: datetime
    replaced_at: datetime | None = None

    @classmethod
    def expiring(cls, value: str, expires_at: datetime, replaced_at: datetime | None = None) -> Token:
        """`renew_at` lies 240 to 300 s before the end, and never at once: a token short-lived from birth is still used a while."""
        left = expires_at - clock.now()
        renew_at = expires_at - timedelta(seconds=random.uniform(*RENEW_WITHIN_S))
        return cls(value, expires_at, max(renew_at, clock.now() + min(timedelta(seconds=SPARE_S), left / 2)), replaced_at)

    @property
    def due(self) -> bool:
        return clock.now() >= self.renew_at

    @property
    def expired(self) -> bool:
        return clock.now() >= self.expires_at


class TokenShelf:
    """The token of one app. `held` is this process's; `shared` and `share` speak to Redis and swallow its errors.

    `replacing`: the last one was refused, and the next one comes in its place.
    """

    def __init__(self, redis: aioredis.Redis, *, appid: str) -> None:
        self._redis = redis
        self._key = f"wechat:token:{appid}"
        self._lock = f"{self._key}:renewal"
        self._name = secrets.token_hex(8)
        self._refused = ""
        self._proven = ""
        self.held: Token | None = None
        self.replacing = False

    def hold(self, token: Token) -> Token:
        self.held, self.replacing = token, False
        return token

    def proven(self, value: str) -> None:
        """WeChat took this token."""
        self._proven = value

    async def shared(self) -> Token | None:
        """The token in Redis; None when there is none with time left, it is the one WeChat last refused, or Redis does not answer."""
        try:
            async with asyncio.timeout(REDIS_S):
                raw = await self._redis.get(self._key)
            if raw is None:
                return None
            kept = orjson.loads(raw)
            value, expires_at = str(kept["value"]), _instant(kept["expires_at"])
            replaced_at = _instant(kept["replaced_at"]) if kept.get("replaced_at") else None
        except (RedisError, OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            self._complain("read", error)
            return None
        left = expires_at - clock.now()
        if value == self._refused or left <= timedelta(seconds=RENEW_WITHIN_S[0]):
            return None
        return Token.expiring(value, expires_at, replaced_at)

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

    async def discard(self, value: str) -> bool:
        """WeChat refused `value`: it leaves this process and Redis, but nothing newer does.

        False, and it stays: it came a moment ago in the place of another, and was never taken. Yet another would fare no better.
        """
        held = self.held
        if held and held.value != value:
            return True
        young = held and held.replaced_at and clock.now() - held.replaced_at < timedelta(seconds=YOUNG_S)
        if young and self._proven != value:
            return False
        self._refused, self.held, self.replacing = value, None, True
        try:
            async with asyncio.timeout(REDIS_S):
                raw = await self._redis.get(self._key)
                if raw is not None and orjson.loads(raw).get("value") == value:
                    await self._redis.eval(DELETE_IF_SAME, 1, self._key, raw)
        except (RedisError, OSError, ValueError, AttributeError) as error:
            self._complain("delete", error)
        return True

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
        replaced_at = token.replaced_at.timestamp() if token.replaced_at else None
        return orjson.dumps({"value": token.value, "expires_at": token.expires_at.timestamp(), "replaced_at": replaced_at}).decode()

    @staticmethod
    def _complain(action: str, error: Exception) -> None:
        # The kind of error only: the text of some carries what was read.
        log.warning("redis: cannot %s the wechat token: %s", action, type(error).__name__)


def _instant(seconds: object) -> datetime:
    return datetime.fromtimestamp(float(str(seconds)), UTC)
