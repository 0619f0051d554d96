"""The only door to Redis. Without REDIS_URL an embedded stand-in with the same calls: nothing kept here matters for correctness.

`aioredis` lives on as `redis.asyncio`; the old package cannot be imported since Python 3.11.
"""

from __future__ import annotations

from redis import asyncio as aioredis
from redis.exceptions import RedisError

__all__ = ["RedisError", "aioredis", "connect"]


def connect(url: str) -> aioredis.Redis:
    """A client for `url`, or an embedded one for an empty `url`; decodes replies to str, gives up after 1 s."""
    if url:
        return aioredis.from_url(url, decode_responses=True, socket_timeout=1, socket_connect_timeout=1, health_check_interval=15)
    from fakeredis import FakeAsyncRedis

    return FakeAsyncRedis(decode_responses=True)
