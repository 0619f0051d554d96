"""How long the audit log is kept, and how its oldest entries go: under a sealed checkpoint that vouches for what was there."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from backend import audit_proof
from backend.kernel import audit_chain
from backend.kernel.audit_chain import RETENTION, Place
from backend.kernel.database import fetch, transactional

log = structlog.get_logger()

# Three years, as 个人信息保护法 56 asks for records of how personal data were handled; the law on networks asks for six months (200 days).
KEPT = timedelta(days=1096)
AT_ONCE = 5_000


async def expire(*, now: datetime, kept: timedelta = KEPT) -> int:
    """Removes entries older than `kept`, at most AT_ONCE in a round: how many. None goes while the log is not whole.

    Doing it twice, or in two processes at once, changes nothing.
    """
    oldest = await fetch("SELECT id FROM audit_entry WHERE id = (SELECT MIN(id) FROM audit_entry) AND at < $1", now - kept)
    if not oldest:
        return 0
    if await audit_proof.faults():
        log.error("audit_not_whole")
        return 0
    return await _remove(now - kept)


@transactional
async def _remove(before: datetime) -> int:
    # Whoever appends waits, and another round does too.
    await audit_chain.hold()
    rows = await fetch(f"SELECT id, hash, at < $1 AS is_over FROM audit_entry ORDER BY id LIMIT {AT_ONCE}", before)  # noqa: S608
    over = 0
    while over < len(rows) and rows[over]["is_over"]:
        over += 1
    if over:
        last = rows[over - 1]
        await audit_chain.add_checkpoint(RETENTION, Place(last["id"], last["hash"]))
        await fetch("DELETE FROM audit_entry WHERE id <= $1", last["id"])
    return over
