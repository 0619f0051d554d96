"""Fault rules: `{"match": {path, method?}, "when": {nth?}, "do": {action: value}, "times": n}`, tried in order, the first that fits acts.

Actions before the effect: `errcode` (with `errmsg`), `http_status`, `delay_ms`, `hang`, `invalidate_token`. After it: `close_after_effect`,
where the effect has happened and the answer is lost. `delay_ms` and `invalidate_token` go on to the real answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from backend.wechat.sandbox.state import Refused

ACTIONS = {"errcode", "errmsg", "http_status", "delay_ms", "hang", "invalidate_token", "close_after_effect"}


@dataclass(slots=True)
class Fault:
    """`nth`: only the n-th matching request (from 1); 0: every one. `times`: how often it acts at most; 0: without end."""

    path: str
    do: dict[str, Any]
    method: str = ""
    nth: int = 0
    times: int = 0
    seen: int = field(default=0, init=False)
    fired: int = field(default=0, init=False)

    def fits(self, method: str, path: str) -> bool:
        """Counts the request, and tells whether this rule acts on it."""
        if self.path not in ("*", path) or self.method not in ("", method):
            return False
        self.seen += 1
        if (self.nth and self.seen != self.nth) or (self.times and self.fired >= self.times):
            return False
        self.fired += 1
        return True


def parse_fault(rule: dict[str, Any]) -> Fault:
    """A rule as the control API takes it. Raises Refused 47001 for one that is not understood: a typo must not pass for calm weather."""
    match, when, do = rule.get("match"), rule.get("when", {}), rule.get("do")
    known = set(rule) <= {"match", "when", "do", "times"} and isinstance(match, dict) and isinstance(when, dict) and isinstance(do, dict)
    if not known or not set(match) <= {"path", "method"} or not set(when) <= {"nth"} or not do or not set(do) <= ACTIONS:
        raise Refused(47001, "fault rule not understood")
    times, nth = rule.get("times", 0), when.get("nth", 0)
    if not isinstance(times, int) or not isinstance(nth, int):
        raise Refused(47001, "nth and times are numbers")
    return Fault(path=str(match.get("path", "*")), method=str(match.get("method", "")).upper(), nth=nth, times=times, do=do)


def first_fitting(faults: list[Fault], *, method: str, path: str) -> dict[str, Any]:
    """What to do with this request: the actions of the first rule that fits, or none."""
    for fault in faults:
        if fault.fits(method, path):
            return fault.do
    return {}
