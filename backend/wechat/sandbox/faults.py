"""Fault rules: `{"match": {…}, "when": {…}, "do": {action: value}, "times": n}`, tried in order; the first that fits acts, alone.

match: `path` (one, a list, a prefix ending in `*`; left out: all), `method`, `openid`, `appid`. The path `push` means the sandbox's pushes.
when, all of them together: `nth` (only the n-th match, from 1), `first` (the first n), `every` (each n-th), `probability` (0 to 1, with
seeded dice), `from_s` and `to_s` (seconds of the sandbox's clock since the rule came into force). `times`: how often it acts at most.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from backend.wechat.sandbox.paths import PUSH
from backend.wechat.sandbox.records import Refused


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_errcode(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_on(value: Any) -> bool:
    return value is True


Check = Callable[[Any], bool]

# What may be done to an answer. What each means stands where it is done: wire.py.
ON_ANSWERS: dict[str, Check] = {
    "invalidate_token": _is_on,
    "rotate_session_key": _is_on,
    "hang": _is_on,
    "close": _is_on,
    "reset": _is_on,
    "errcode": _is_errcode,
    "errmsg": _is_text,
    "http_status": lambda value: _is_errcode(value) and 200 <= value <= 599,
    "delay_ms": _is_number,
    "close_after_effect": _is_on,
    "truncate": _is_on,
    "garbage": _is_on,
    "bom": _is_on,
    "errcode_as_string": _is_on,
}

# What may be done to a push. What each means: sender.py.
ON_PUSHES: dict[str, Check] = {
    "duplicate": _is_count,
    "reorder": _is_on,
    "late_s": _is_number,
    "bad_signature": _is_on,
    "wrong_appid": _is_on,
    "old_timestamp": _is_number,
    "omit_openid": _is_on,
}

MATCH: dict[str, Check] = {
    "path": lambda value: _is_text(value) or (isinstance(value, list) and bool(value) and all(_is_text(path) for path in value)),
    "method": _is_text,
    "openid": _is_text,
    "appid": _is_text,
}

WHEN: dict[str, Check] = {
    "nth": _is_count,
    "first": _is_count,
    "every": _is_count,
    "probability": lambda value: _is_number(value) and value <= 1,
    "from_s": _is_number,
    "to_s": _is_number,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rule may look at: a request to an endpoint, or a push about to be sent. Empty: not known."""

    path: str
    method: str = ""
    openid: str = ""
    appid: str = ""


@dataclass(slots=True)
class Fault:
    """One rule. `since`: the sandbox's time when it came into force; None: at the first request it is tried on."""

    match: dict[str, Any]
    when: dict[str, Any]
    do: dict[str, Any]
    times: int = 0
    since: float | None = None
    seen: int = field(default=0, init=False)
    fired: int = field(default=0, init=False)

    def fits(self, asked: Asked, now: float, rng: random.Random) -> bool:
        """Counts the request, and tells whether this rule acts on it."""
        if self.since is None:
            self.since = now
        if not self._matches(asked) or not self.when.get("from_s", 0) <= now - self.since < self.when.get("to_s", float("inf")):
            return False
        self.seen += 1
        if self.times and self.fired >= self.times:
            return False
        if not self._is_due() or ("probability" in self.when and rng.random() >= self.when["probability"]):
            return False
        self.fired += 1
        return True

    def _matches(self, asked: Asked) -> bool:
        wanted = self.match.get("path", "*")
        if not any(_covers(path, asked.path) for path in (wanted if isinstance(wanted, list) else [wanted])):
            return False
        pairs = (
            (asked.method, self.match.get("method", "").upper()),
            *((getattr(asked, n), self.match.get(n, "")) for n in ("openid", "appid")),
        )
        return all(not demanded or given == demanded for given, demanded in pairs)

    def _is_due(self) -> bool:
        nth, first, every = (self.when.get(name, 0) for name in ("nth", "first", "every"))
        return (not nth or self.seen == nth) and (not first or self.seen <= first) and (not every or self.seen % every == 0)


def _covers(pattern: str, path: str) -> bool:
    if pattern.endswith("*"):
        # "*" is every request, never a push: a push has no answer that could be spoilt.
        return path != PUSH and path.startswith(pattern[:-1])
    return path == pattern


def parse_fault(rule: dict[str, Any], *, now: float | None = None) -> Fault:
    """A rule as the control API takes it, in force from `now`. Raises Refused 47001: a typo must not pass for calm weather."""
    match, when, do, times = (rule.get(name, other) for name, other in (("match", {}), ("when", {}), ("do", None), ("times", 0)))
    if not set(rule) <= {"match", "when", "do", "times"}:
        raise Refused(47001, "fault rule: match, when, do and times are known")
    is_push = isinstance(match, dict) and match.get("path") == PUSH
    for name, given, known in (("match", match, MATCH), ("when", when, WHEN), ("do", do, ON_PUSHES if is_push else ON_ANSWERS)):
        if not isinstance(given, dict):
            raise Refused(47001, f"fault rule: {name} is an object")
        wrong = [key for key, value in given.items() if key not in known or not known[key](value)]
        if wrong:
            raise Refused(47001, f"fault rule: {name}.{wrong[0]} not understood")
    if not do or (set(do) == {"errmsg"}) or not (times == 0 or _is_count(times)):
        raise Refused(47001, "fault rule: nothing to do, or times is no number")
    return Fault(match=match, when=when, do=do, times=times, since=now)


def first_fitting(faults: list[Fault], asked: Asked, *, now: float, rng: random.Random) -> dict[str, Any]:
    """What to do with this request: the actions of the first rule that fits, or none."""
    return next((fault.do for fault in faults if fault.fits(asked, now, rng)), {})
