"""What calls cost while WeChat is in trouble: tries upstream, token calls, longest answer, replies. For tests and `make scenarios`."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.wechat.outward import CODE_IMAGE, LOGIN, MESSAGE, PHONE_NUMBER, STABLE_TOKEN, TEXT_CHECK
from backend.wechat.sandbox import SandboxState
from backend.wechat.sandbox.faults import parse_fault
from backend.wechat.sandbox.scenarios import SCENARIOS, faults_of

# What tells one call's requests from another's, in the sandbox's record of a request.
MARKS: dict[str, Callable[[dict[str, Any]], Any]] = {
    LOGIN: lambda record: record["query"].get("js_code"),
    PHONE_NUMBER: lambda record: record["body"].get("code"),
    TEXT_CHECK: lambda record: record["body"].get("content"),
    MESSAGE: lambda record: record["body"].get("data", {}).get("thing1", {}).get("value"),
    CODE_IMAGE: lambda record: record["body"].get("scene"),
}

# Forms of an outage beside the named scenarios.
FORMS = {"hang": {"hang": True}, "reset": {"reset": True}, "garbage": {"garbage": True}, "busy": {"errcode": -1}}


@dataclass
class Cost:
    """`tries`: upstream requests of each call that sent any."""

    calls: int
    tries: list[int]
    token_calls: int
    longest_s: float
    replies: Counter[str] = field(default_factory=Counter)

    @property
    def most(self) -> int:
        return max(self.tries, default=0)

    @property
    def mean(self) -> float:
        return sum(self.tries) / self.calls


def rule(state: SandboxState, name: str) -> None:
    """A scenario, or a form of outage, in the place of all faults; "" for calm weather."""
    state.scenario = name
    if name in FORMS:
        state.faults[:] = [parse_fault({"do": FORMS[name]}, now=state.now())]
    else:
        state.faults[:] = faults_of(name, now=state.now()) if name in SCENARIOS else []


async def cost(state: SandboxState, path: str, calls: Sequence[Callable[[], Awaitable[str]]], *, at_once: int) -> Cost:
    """Makes the calls, so many at once; each returns a word for what it was answered."""
    before = len(state.requests)
    places, longest, replies = asyncio.Semaphore(at_once), 0.0, Counter()

    async def one(call: Callable[[], Awaitable[str]]) -> None:
        nonlocal longest
        async with places:
            began = time.monotonic()
            replies[await call()] += 1
            longest = max(longest, time.monotonic() - began)

    await asyncio.gather(*(one(call) for call in calls))
    asked = list(state.requests)[before:]
    marks = Counter(MARKS[path](record) for record in asked if record["path"] == path)
    return Cost(len(calls), list(marks.values()), sum(record["path"] == STABLE_TOKEN for record in asked), longest, replies)
