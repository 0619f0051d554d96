"""Who was turned away: one event with a stable name for each refusal that an auditor would ask for, and its figure.

    sign_in_failed   a WeChat code, a console link or a claim on the roster that did not let anybody in
    access_denied    somebody known asked for what is not theirs, or a form or push was forged (403)
    session_refused  a token or cookie that is none, or no longer (401)
    guesses_refused  too many wrong tries, nothing was judged any more (429)

The caller's address is told as a keyed hash: equal ones can be counted together, and nobody can be found by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from backend.kernel import metrics, security
from backend.kernel.errors import DakaError

log = structlog.get_logger()

# 403 that everybody meets on the way in.
USUAL = frozenset(("not_bound", "consent_required"))


@contextmanager
def attempt(way: str) -> Iterator[None]:
    """Around something that lets somebody in, by `way` (a fixed word): its outcome as event and figure. Errors pass through."""
    try:
        yield
    except DakaError as error:
        metrics.sign_ins.labels(way, error.code).inc()
        log.warning("sign_in_failed", way=way, code=error.code)
        raise
    except Exception:
        metrics.sign_ins.labels(way, "error").inc()
        raise
    metrics.sign_ins.labels(way, "ok").inc()
    log.info("signed_in", way=way)


def note(error: DakaError, *, route: str, address: str, member_id: int | None) -> None:
    """Called by each door for every error it answers; those of `attempt` have been told already."""
    origin = security.keyed_hash(address, purpose="log")[:12]
    if error.status == 401 and error.code in ("unauthorised", "no_session"):
        metrics.refusals.labels("session").inc()
        log.info("session_refused", code=error.code, route=route, origin=origin)
    elif error.status == 403:
        metrics.refusals.labels("access").inc()
        told = log.info if error.code in USUAL else log.warning
        told("access_denied", code=error.code, route=route, origin=origin, member=member_id)
    elif error.code == "too_many_attempts":
        log.warning("guesses_refused", route=route, origin=origin, member=member_id)
