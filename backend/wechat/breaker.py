"""The circuit of one endpoint: when WeChat does not answer there, this process stops asking for a while."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from backend.kernel import metrics_wechat
from backend.kernel.errors import Unavailable
from backend.wechat import answers

log = logging.getLogger(__name__)

FAILURES = 5
WITHIN_S = 10.0
OPEN_S = 15.0


class Breaker:
    """Closed, open for OPEN_S, then half-open: one call is let through and decides.

    A failure is a *call* that ended without an answer of WeChat's after all its tries, not a try: a hiccup that the second try gets
    over is nobody's outage. Five within 10 s with no success among them open the circuit. A refusal is an answer, except one of the
    credentials and a token refused twice: these open it at once (`trip`). What calls from before the opening bring home is not counted.
    """

    def __init__(self, endpoint: str, monotonic: Callable[[], float]) -> None:
        self._endpoint = endpoint
        self._monotonic = monotonic
        self._failures: deque[float] = deque(maxlen=FAILURES)
        self._opened_at: float | None = None
        self._probing = False
        metrics_wechat.wechat_circuit(endpoint, is_open=False)

    @property
    def is_open(self) -> bool:
        """Whether calls are refused for the time being."""
        return self._opened_at is not None and self._monotonic() < self._opened_at + OPEN_S

    @contextmanager
    def entered(self) -> Iterator[bool]:
        """For the time of one call; True for the one probe. Raises Unavailable, with the time until the next chance, while closed off."""
        if self.is_open or self._probing:
            raise self.refusal()
        probing = self._probing = self._opened_at is not None
        try:
            yield probing
        finally:
            # Without a verdict (the caller hung up, there was no token) the next call is the probe.
            if probing:
                self._probing = False

    def refusal(self) -> Unavailable:
        """What a call that may not go out is told."""
        metrics_wechat.wechat_refused(self._endpoint, "circuit")
        left = (self._opened_at or 0.0) + OPEN_S - self._monotonic()
        return answers.unavailable(retry_after=max(1, math.ceil(left)))

    def succeeded(self, *, probing: bool) -> None:
        """WeChat answered."""
        if self._opened_at is None:
            self._failures.clear()
        elif probing:
            self._opened_at = None
            self._failures.clear()
            metrics_wechat.wechat_circuit(self._endpoint, is_open=False)
            log.warning("wechat: the circuit of %s is closed again", self._endpoint)

    def failed(self, *, probing: bool) -> None:
        """A call ended without an answer."""
        if self._opened_at is not None:
            if probing:
                self._open()
            return
        self._failures.append(self._monotonic())
        if len(self._failures) == FAILURES and self._failures[-1] - self._failures[0] <= WITHIN_S:
            metrics_wechat.wechat_alarm(self._endpoint, "circuit")
            log.error("wechat alarm: %s: %d calls in a row without an answer, circuit open", self._endpoint, FAILURES)
            self._open()

    def trip(self) -> None:
        """Opens at once, for OPEN_S from now: nothing that this process could send would be taken."""
        self._open()

    def _open(self) -> None:
        self._opened_at = self._monotonic()
        self._failures.clear()
        metrics_wechat.wechat_circuit(self._endpoint, is_open=True)
