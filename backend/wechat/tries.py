"""How often a call is tried: at most three times and once more with another access token, never past its time."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from backend.kernel import metrics_wechat
from backend.wechat import answers
from backend.wechat.answers import Answer, Kind
from backend.wechat.breaker import Breaker
from backend.wechat.outward import ENDPOINTS, Outgoing, Patience, Wire

log = logging.getLogger(__name__)

JITTER = (0.8, 1.2)
# No try is begun with less time than this: it could only add to a crowd.
SHORTEST_TRY_S = 0.05


class TokenSource(Protocol):
    async def get(self, *, deadline: float) -> str: ...

    async def discard(self, value: str) -> bool: ...

    def proven(self, value: str) -> None: ...


class Tries:
    """The retry table, with the circuits of one process. `deadline`s are times of the running loop."""

    def __init__(self, wire: Wire, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wire = wire
        self._places: dict[tuple[str, int], asyncio.Semaphore] = {}
        self.circuits = {endpoint: Breaker(endpoint, monotonic) for endpoint in ENDPOINTS}

    @property
    def degraded(self) -> bool:
        return any(circuit.is_open for circuit in self.circuits.values())

    async def exchange(self, request: Outgoing, patience: Patience, *, deadline: float, tokens: TokenSource | None = None) -> Answer:
        """WeChat's answer, be it a refusal. Raises Unavailable when there is none; when what must be done once only may have been done, its
        kind OutcomeUnknown.

        With `tokens` the call carries an access token; a dead one is replaced once.
        """
        circuit = self.circuits[request.endpoint]
        async with self._place(request.endpoint, patience, deadline):
            with circuit.entered() as probing:
                answer = await self._tried(request, patience, deadline, tokens, circuit, probing)
                if answer.kind is Kind.CREDENTIALS:
                    self._give_up(circuit, answer, request.endpoint)
                else:
                    circuit.succeeded(probing=probing)
                return answer

    async def _tried(
        self, request: Outgoing, patience: Patience, deadline: float, tokens: TokenSource | None, circuit: Breaker, probing: bool
    ) -> Answer:
        loop = asyncio.get_running_loop()
        waits = list(() if probing else patience.waits_s)
        replaced = False
        while True:
            token = await tokens.get(deadline=deadline) if tokens else None
            within_s = deadline - loop.time()
            if within_s < SHORTEST_TRY_S:
                raise answers.unavailable()
            answer = await self._wire.send(request, patience, token=token, within_s=within_s)
            if answer.kind is Kind.TOKEN:
                if tokens is None:  # the token's own endpoint says so of a wrong AppSecret
                    return Answer(Kind.CREDENTIALS, answer.fields)
                if replaced or (circuit.is_open and not probing) or not await tokens.discard(token):
                    self._give_up(circuit, answer, request.endpoint)
                    raise answers.unavailable()
                replaced = True
                continue
            if answer.kind not in answers.TRANSIENT and answer.kind is not Kind.GARBAGE:
                if tokens:
                    tokens.proven(token)
                return answer
            log.warning("wechat %s: %s", request.endpoint, answer.kind)
            wait = waits.pop(0) * random.uniform(*JITTER) if waits and _may_be_repeated(request, answer) else None
            if wait is None or loop.time() + wait + SHORTEST_TRY_S > deadline:
                circuit.failed(probing=probing)
                if request.single_use and answer.kind not in answers.UNTOUCHED:
                    raise answers.outcome_unknown()
                raise answers.unavailable()
            await asyncio.sleep(wait)
            if circuit.is_open and not probing:
                raise circuit.refusal()

    @staticmethod
    def _give_up(circuit: Breaker, answer: Answer, endpoint: str) -> None:
        """Credentials refused, or a fresh token too: one alarm for all the calls that meet it together."""
        if not circuit.is_open:
            answers.alarm(answer, endpoint)
            circuit.trip()

    @asynccontextmanager
    async def _place(self, endpoint: str, patience: Patience, deadline: float) -> AsyncIterator[None]:
        """Bounds the calls under way. While WeChat hangs, a user beyond the bound is told at once; background calls wait their turn.

        Raises Unavailable.
        """
        places = self._places.setdefault((endpoint, patience.crowd), asyncio.Semaphore(patience.crowd))
        taken = False
        if patience.takes_turns or not places.locked():
            try:
                async with asyncio.timeout_at(deadline):
                    taken = await places.acquire()
            except TimeoutError:
                pass
        if not taken:
            metrics_wechat.wechat_refused(endpoint, "crowd")
            raise answers.unavailable()
        try:
            yield
        finally:
            places.release()


def _may_be_repeated(request: Outgoing, answer: Answer) -> bool:
    """Garbage would come again; what was to be sent once may go again only where WeChat has certainly done nothing."""
    return answer.kind in (answers.UNTOUCHED if request.single_use else answers.TRANSIENT)
