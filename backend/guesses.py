"""Guessing is counted in the database (docs/decisions): the limit holds across processes, and without Redis.

An attempt asks `refuse_excess`, is judged, and if wrong calls `count_failure`, all in one transaction that holds its targets: of a
burst of parallel guesses at one target no more than the limit are judged, and a right one never uses up a place.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from backend.kernel import clock, metrics, security
from backend.kernel.database import as_instant, dialect, fetch, transactional
from backend.kernel.errors import TooMany

# Counted in steps of 5 minutes; a failure weighs on for the step it fell into and the three after it, so for 15 to 20 minutes.
STEP_S = 300
STEPS = 4
PER_TARGET = 5
PER_ADDRESS = 20
# Not guesses, but what costs others each time it is asked for.
VISITS_PER_ADDRESS = 120
KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Target:
    """What is guessed at, or where from; `subject` is a keyed hash, so that the table holds no name and no address."""

    kind: str
    subject: str
    most: int

    @property
    def lock_number(self) -> int:
        """A signed 64-bit number for PostgreSQL's advisory locks."""
        return int.from_bytes(hashlib.sha256(f"{self.kind}/{self.subject}".encode()).digest()[:8], "big", signed=True)


def target(kind: str, text: str) -> Target:
    """Something that may be guessed at PER_TARGET times; the same text under another `kind` is counted apart."""
    return Target(kind, security.keyed_hash(text, purpose="guess"), PER_TARGET)


def address(text: str) -> Target:
    """The caller's network address, good for PER_ADDRESS failures; of an IPv6 address the /64 counts, all of which one line has."""
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        network = text
    else:
        network = str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)
    return Target("address", security.keyed_hash(network, purpose="guess"), PER_ADDRESS)


async def refuse_excess(*targets: Target) -> None:
    """Raises TooMany `too_many_attempts` when one of the targets has no attempt left; until the transaction ends, other attempts wait.

    Outside a transaction it is a first look only, which keeps nobody out.
    """
    if dialect() != "sqlite":
        # In one order for everybody, so that two attempts cannot block each other. SQLite has one writer at a time anyway.
        for number in sorted({each.lock_number for each in targets}):
            await fetch("SELECT pg_advisory_xact_lock($1)", number)
    now = clock.now()
    either = " OR ".join(f"(kind = ${2 * n + 2} AND subject = ${2 * n + 3})" for n in range(len(targets)))
    rows = await fetch(
        f"SELECT kind, subject, window_starts_at, count FROM guess WHERE window_starts_at > $1 AND ({either}) ORDER BY window_starts_at",  # noqa: S608
        _step(now) - timedelta(seconds=STEPS * STEP_S),
        *(part for each in targets for part in (each.kind, each.subject)),
    )
    waits = [_wait_s([row for row in rows if (row["kind"], row["subject"]) == (t.kind, t.subject)], t.most, now) for t in targets]
    if any(waits):
        for each, wait in zip(targets, waits, strict=True):
            if wait:
                metrics.guesses_refused.labels(each.kind).inc()
        raise TooMany(retry_after=max(waits))


def _step(now: datetime) -> datetime:
    return datetime.fromtimestamp(now.timestamp() // STEP_S * STEP_S, UTC)


def _wait_s(rows: list[dict], most: int, now: datetime) -> int:
    """Seconds until fewer than `most` failures weigh on; 0 when that is so now. `rows` in order of time."""
    left = sum(row["count"] for row in rows)
    if left < most:
        return 0
    for row in rows:
        left -= row["count"]
        if left < most:
            free_at = as_instant(row["window_starts_at"]) + timedelta(seconds=STEPS * STEP_S)
            return max(1, math.ceil((free_at - now).total_seconds()))
    raise AssertionError("unreachable")


async def count_failure(*targets: Target) -> None:
    """Adds one failure to each target. Inside the transaction that called `refuse_excess`; it must commit, so the caller raises later."""
    step = _step(clock.now())
    for each in sorted(targets, key=lambda t: t.lock_number):
        await fetch(
            "INSERT INTO guess (kind, subject, window_starts_at, count) VALUES ($1, $2, $3, 1) "
            "ON CONFLICT (kind, subject, window_starts_at) DO UPDATE SET count = guess.count + 1",
            each.kind, each.subject, step,
        )  # fmt: skip


@transactional
async def count_visit(kind: str, text: str) -> None:
    """Counts something that costs others and that one address may ask for VISITS_PER_ADDRESS times. Raises TooMany."""
    each = replace(address(text), kind=kind, most=VISITS_PER_ADDRESS)
    await refuse_excess(each)
    await count_failure(each)


@transactional
async def forget_old(*, now: datetime) -> None:
    """Removes what has not counted for a day."""
    await fetch("DELETE FROM guess WHERE window_starts_at < $1", now - KEPT)
