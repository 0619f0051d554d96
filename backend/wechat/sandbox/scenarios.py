"""Named scenarios: fault rules for what goes wrong at WeChat in the field. One is in force at a time, until the faults are dropped."""

from __future__ import annotations

from typing import Any

from backend.wechat.sandbox import paths
from backend.wechat.sandbox.faults import Fault, parse_fault
from backend.wechat.sandbox.records import Refused

CODES = [paths.LOGIN, paths.PHONE_NUMBER]
# What must not be done twice: a spent code, a second message.
ONCE_ONLY = [*CODES, paths.SUBSCRIBE_SEND]

SCENARIOS: dict[str, dict[str, Any]] = {
    # Every one-time code is too old.
    "expired_code": {"match": {"path": CODES}, "do": {"errcode": 40029, "errmsg": "invalid code"}},
    # Every one-time code has been used before.
    "reused_code": {"match": {"path": CODES}, "do": {"errcode": 40163, "errmsg": "code been used"}},
    # Too many calls this minute, everywhere but at the tokens.
    "rate_limited": {
        "match": {"path": [paths.LOGIN, *paths.WITH_TOKEN]},
        "do": {"errcode": 45011, "errmsg": "api minute-quota reach limit, must slower, retry next minute"},
    },
    # Three calls in ten find WeChat busy, tokens included.
    "busy_30pct": {"when": {"probability": 0.3}, "do": {"errcode": -1, "errmsg": "system error"}},
    # The next call that bears a token finds that somebody has replaced it.
    "token_killed_once": {"match": {"path": list(paths.WITH_TOKEN)}, "do": {"invalidate_token": True}, "times": 1},
    # No token is good for anything, although new ones are handed out.
    "token_killed_forever": {
        "match": {"path": list(paths.WITH_TOKEN)},
        "do": {"invalidate_token": True, "errcode": 40001, "errmsg": "invalid credential, access_token is invalid or not latest"},
    },
    # Nobody wants messages.
    "refused_all": {"match": {"path": paths.SUBSCRIBE_SEND}, "do": {"errcode": 43101, "errmsg": "user refuse to accept the msg"}},
    # Nobody whose text is checked has been here within two hours.
    "no_recent_visit": {"match": {"path": paths.TEXT_CHECK}, "do": {"errcode": 61010, "errmsg": "code is expired"}},
    # A gateway without WeChat behind it, for ten minutes of the sandbox's clock.
    "down_10min": {"when": {"to_s": 600}, "do": {"http_status": 502}},
    # Everything is done at once and answered five seconds later.
    "slow_5s": {"do": {"delay_ms": 5000}},
    # What must not be done twice is done, and the answer never comes.
    "lost_answers": {"match": {"path": ONCE_ONLY}, "do": {"close_after_effect": True}},
    # The server's address is not on the list in WeChat's console.
    "ip_not_whitelisted": {
        "match": {"path": list(paths.TOKENS)},
        "do": {"errcode": 40164, "errmsg": "invalid ip 203.0.113.7, not in whitelist"},
    },
    # The AppSecret was frozen in WeChat's console.
    "secret_frozen": {"match": {"path": list(paths.WITH_SECRET)}, "do": {"errcode": 40243, "errmsg": "AppSecret is frozen"}},
}


def faults_of(name: str, *, now: float) -> list[Fault]:
    """The rules of a scenario, in force from `now`. Raises Refused 47001 for a name that is none."""
    if name not in SCENARIOS:
        raise Refused(47001, f"no such scenario; there are {', '.join(SCENARIOS)}")
    return [parse_fault(SCENARIOS[name], now=now)]
