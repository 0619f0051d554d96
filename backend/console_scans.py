"""Entering the console by scanning: the browser shows a code, a member with a role confirms it on the phone, that browser enters.

The code follows from the browser's own cookie and the second it was shown, so that strangers looking at the page write nothing; a row
stands only for a confirmation. See docs/decisions/0023.
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta

from backend import console_entry, guesses
from backend.console_entry import Entry
from backend.kernel import access, audit, clock, refusals, security
from backend.kernel.access import Actor
from backend.kernel.database import fetch, transactional
from backend.kernel.errors import Conflict, Invalid, Unauthorised
from models.console import ConsoleScan

LIFETIME = timedelta(minutes=2)
# The moment in hexadecimal and a hundred bits: capitals and digits, within the 32 characters that a mini-program code can carry.
CODE = re.compile(r"IN([0-9A-F]{8})[A-Z2-7]{20}")

_USE = """
UPDATE console_scan SET used_at = $1 WHERE code_hash IN ({hashes}) AND used_at IS NULL AND expires_at > $1 RETURNING member_id
"""


def code_for(browser: str, *, shown_at: int) -> str:
    """The code that the browser with this cookie shows, begun at `shown_at` (Unix seconds)."""
    return _codes_for(browser, shown_at)[0]


def _codes_for(browser: str, shown_at: int) -> list[str]:
    """Under every key, newest first."""
    hashes = security.keyed_hashes(f"{browser} {shown_at}", purpose="console-scan")
    return [f"IN{shown_at:08X}{base64.b32encode(bytes.fromhex(one)).decode()[:20]}" for one in hashes]


async def confirm(actor: Actor, *, code: str) -> None:
    """Lets the browser that shows `code` enter as the caller; again by the same caller changes nothing. Audited as `console:scan`.

    Raises Forbidden without a role, Invalid for what is no such code, Conflict `scan_expired` two minutes after it was shown,
    Conflict `scan_used` for one that somebody else has confirmed, TooMany for a member who confirms without end: each time writes.
    """
    access.require(actor, "stats.read")
    found = CODE.fullmatch(code.strip().upper())
    if found is None:
        raise Invalid(
            "这不是控制台登录用的小程序码。", code="scan_unknown", errors=[{"field": "code", "message": "不是控制台登录用的小程序码"}]
        )
    now, ends = clock.now(), datetime.fromtimestamp(int(found[1], 16), UTC) + LIFETIME
    if not now < ends <= now + LIFETIME + timedelta(seconds=5):
        raise expired()
    await guesses.count_visit("console_scan", f"member {actor.member_id}")
    await _confirm(actor, security.token_hash(found[0]), now, ends)


@transactional
async def _confirm(actor: Actor, key: str, now: datetime, ends: datetime) -> None:
    added = await fetch(
        "INSERT INTO console_scan (code_hash, member_id, confirmed_at, expires_at) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (code_hash) DO NOTHING RETURNING id",
        key, actor.member_id, now, ends,
    )  # fmt: skip
    if added:
        await audit.record(actor, "console:scan", subject="member", subject_id=actor.member_id)
    elif not await ConsoleScan.exists(code_hash=key, member_id=actor.member_id):
        raise Conflict("此码已由他人确认，请在电脑上换一张。", code="scan_used")


async def redeem(browser: str, *, shown_at: int, device: str = "") -> Entry | None:
    """Lets the browser in, once, when its code was confirmed; None while nobody has.

    Raises Conflict `scan_expired` after two minutes, Unauthorised where the member has meanwhile left or lost the last role.
    """
    if clock.now() >= datetime.fromtimestamp(shown_at, UTC) + LIFETIME:
        raise expired()
    return await _redeem(browser, shown_at, device)


@transactional
async def _redeem(browser: str, shown_at: int, device: str) -> Entry | None:
    hashes = [security.token_hash(code) for code in _codes_for(browser, shown_at)]
    places = ", ".join(f"${number}" for number in range(2, 2 + len(hashes)))
    used = await fetch(_USE.format(hashes=places), clock.now(), *hashes)
    if not used:
        return None
    with refusals.attempt("scan"):
        who = await console_entry.candidate(used[0]["member_id"])
        if who is None or not who[1]:
            raise Unauthorised("您没有控制台的角色，不能进入。", code="link_invalid")
        return await console_entry.enter(used[0]["member_id"], device=device)


def expired() -> Conflict:
    return Conflict("此码已过期，请在电脑上换一张。", code="scan_expired")


@transactional
async def forget_old(*, now: datetime) -> None:
    """Removes confirmations a day old."""
    await ConsoleScan.filter(expires_at__lt=now - timedelta(days=1)).delete()
