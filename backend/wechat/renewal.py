"""The access token: from this process, else from Redis, else from WeChat. One request serves many callers and, as a rule, all processes."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import re
from datetime import timedelta

from backend.kernel import clock, metrics_wechat
from backend.kernel.errors import DakaError, Unavailable
from backend.wechat import answers
from backend.wechat.outward import STABLE_TOKEN, Outgoing, Patience
from backend.wechat.token import Token, TokenShelf
from backend.wechat.tries import Tries

log = logging.getLogger(__name__)

# How long another process is given to fetch the token, and how often we look: of the time a user has, two thirds stay for ourselves.
NEIGHBOUR_S = 1.0
LOOK_EVERY_S = 0.03

_TOKEN = re.compile(r"[\x21-\x7e]{16,2048}")


class Tokens:
    """The one token source of a process. stable_token's normal mode never kills a token, so that asking once too often harms nobody."""

    def __init__(self, tries: Tries, shelf: TokenShelf, request: Outgoing, patience: Patience) -> None:
        """`request` asks WeChat for a token; `patience` bounds one renewal, whoever waits for it."""
        self._tries, self._shelf, self._request, self._patience = tries, shelf, request, patience
        self._renewal: asyncio.Task[Token] | None = None

    async def close(self) -> None:
        """Ends a renewal under way."""
        if self._renewal:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])
            self._renewal = None

    async def get(self, *, deadline: float) -> str:
        """A token with time left. Near its end it is renewed meanwhile and nobody waits. Raises TooMany, Unavailable."""
        held = self._shelf.held
        if held and not held.due:
            return held.value
        joined = self._renewal is not None and not self._renewal.done()
        if self._renewal is None or not joined:
            # An empty context: the task must not carry a caller's database transaction along.
            self._renewal = asyncio.create_task(self._renew(), context=contextvars.Context())
            self._renewal.add_done_callback(_looked_at)
        if held and not held.expired:
            return held.value
        try:
            async with asyncio.timeout_at(deadline):
                return (await asyncio.shield(self._renewal)).value
        except TimeoutError:
            pass
        except Unavailable:
            if joined:  # whoever waited for the same request has waited in vain too: that is what the circuit counts
                self._tries.circuits[STABLE_TOKEN].failed(probing=False)
            raise
        log.warning("wechat %s: no token in time", STABLE_TOKEN)
        raise answers.unavailable()

    async def discard(self, value: str) -> bool:
        """WeChat refused this token; if it still is the one in use, the next `get` finds another. False: another would be refused too."""
        return await self._shelf.discard(value)

    def proven(self, value: str) -> None:
        """WeChat took this token."""
        self._shelf.proven(value)

    async def _renew(self) -> Token:
        deadline = asyncio.get_running_loop().time() + self._patience.total_s
        shared, locked = await self._shared_or_locked()
        if shared:
            metrics_wechat.wechat_token("redis")
            return self._shelf.hold(shared)
        try:
            token = self._shelf.hold(await self._fetched(deadline))
            await self._shelf.share(token)
        finally:
            if locked:
                await self._shelf.unlock()
        return token

    async def _shared_or_locked(self) -> tuple[Token | None, bool]:
        """The token that another process has put into Redis; else, whether we hold the lock: without it, Redis or the other is slow."""
        loop = asyncio.get_running_loop()
        until = loop.time() + NEIGHBOUR_S
        if shared := await self._shelf.shared():
            return shared, False
        while (locked := await self._shelf.lock()) is False and loop.time() < until:
            await asyncio.sleep(LOOK_EVERY_S)
            if shared := await self._shelf.shared():
                return shared, False
        # Between our look and our lock the other may have finished.
        if locked and (shared := await self._shelf.shared()):
            await self._shelf.unlock()
            return shared, False
        return None, bool(locked)

    async def _fetched(self, deadline: float) -> Token:
        asked_at, replacing = clock.now(), self._shelf.replacing
        answer = await self._tries.exchange(self._request, self._patience, deadline=deadline)
        fields = answers.demand_ok(answer, STABLE_TOKEN)
        value, lifetime = fields.get("access_token"), fields.get("expires_in")
        if not isinstance(value, str) or not _TOKEN.fullmatch(value):
            raise answers.not_understood(STABLE_TOKEN)
        if not isinstance(lifetime, int) or isinstance(lifetime, bool) or lifetime <= 0:
            raise answers.not_understood(STABLE_TOKEN)
        metrics_wechat.wechat_token("wechat")
        return Token.expiring(value, asked_at + timedelta(seconds=lifetime), asked_at if replacing else None)


def _looked_at(renewal: asyncio.Task[Token]) -> None:
    """A renewal that nobody waited for may fail: the next caller tries again. What is no expected failure is logged."""
    if not renewal.cancelled() and (error := renewal.exception()) and not isinstance(error, DakaError):
        log.error("wechat: the renewal of the token failed: %s", type(error).__name__)
