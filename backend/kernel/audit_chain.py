"""The audit log as a chain (docs/decisions/0030): each entry's hash covers the one before, its seal needs the secret key.

    hash(n) = SHA-256(hash(n-1), newline, the columns of n as JSON)        seal = HMAC-SHA-256 of kind, id and hash

Who can write to the database but has no key can append nothing, change nothing and cut nothing off unseen: any change alters every
later hash, and the head's seal can be made by the service alone.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from backend.kernel import clock, security
from backend.kernel.database import as_instant, dialect, fetch, table_of, transactional

START = "0" * 64
PAGE = 2_000
ADOPTED, KEYS, RETENTION = "adopted", "keys", "retention"
_COLUMNS = "id, branch_id, at, actor_id, action, subject, subject_id, fields_changed, request_id, hash, key, seal"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry before it has a place in the chain."""

    branch_id: int | None
    at: datetime
    actor_id: int | None
    action: str
    subject: str
    subject_id: int | None
    fields: list[str]
    request_id: str


@dataclass(frozen=True, slots=True)
class Place:
    """The chain up to an entry."""

    last_id: int = 0
    hash: str = START


def next_hash(before: str, entry_id: int, entry: Entry) -> str:
    at = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    told = [entry_id, entry.branch_id, at, entry.actor_id, entry.action, entry.subject, entry.subject_id, entry.fields, entry.request_id]
    return hashlib.sha256(f"{before}\n{json.dumps(told, ensure_ascii=False, separators=(',', ':'))}".encode()).hexdigest()


def seal(kind: str, place: Place) -> str:
    """Under the newest key; `kind`: entry, head, or the reason of a checkpoint."""
    return security.keyed_hash(_sealed(kind, place), purpose="audit")


def is_sealed(kind: str, place: Place, given: str) -> bool:
    return any(hmac.compare_digest(given, each) for each in security.keyed_hashes(_sealed(kind, place), purpose="audit"))


def _sealed(kind: str, place: Place) -> str:
    return f"{kind}:{place.last_id}:{place.hash}"


# --- appending ----------------------------------------------------------------------------------------------------------


async def append(entries: Sequence[Entry]) -> None:
    """Inside a transaction that does nothing more: from here to its COMMIT everybody else who appends waits."""
    place = await hold()
    key, rows = security.fingerprints()[0], []
    for entry in entries:
        place = Place(place.last_id + 1, next_hash(place.hash, place.last_id + 1, entry))
        about = (entry.branch_id, entry.at, entry.actor_id, entry.action, entry.subject, entry.subject_id)
        rows.append((place.last_id, *about, json.dumps(entry.fields, ensure_ascii=False), entry.request_id,
                     place.hash, key, seal("entry", place)))  # fmt: skip
    kinds = ("bigint", "bigint", "timestamptz", "bigint", "text", "text", "bigint", "jsonb", "text", "text", "text", "text")
    given, values = table_of(dict(zip(_COLUMNS.split(", "), kinds, strict=True)), rows)
    await fetch(f"INSERT INTO audit_entry ({_COLUMNS}) SELECT {_COLUMNS} FROM {given} g ORDER BY id", *values)  # noqa: S608
    await set_head(place)


async def hold() -> Place:
    """The newest place, held until the transaction ends; entries from before there was a chain are taken into it first."""
    found = await _head(" FOR UPDATE" if dialect() == "postgres" else "")
    if found is None:
        await fetch("INSERT INTO audit_head (id, last_id, hash, key, seal) VALUES (1, 0, $1, '', '') ON CONFLICT DO NOTHING", START)
        found = await _head(" FOR UPDATE" if dialect() == "postgres" else "")
    if found["seal"] == "" and found["last_id"] == 0:
        return await _adopt()
    return Place(found["last_id"], found["hash"])


async def _adopt() -> Place:
    place, last = Place(), 0
    while rows := await _page(last, None):
        last, hashes = rows[-1]["id"], []
        for row in rows:
            place = Place(row["id"], next_hash(place.hash, row["id"], entry_of(row)))
            hashes.append((row["id"], place.hash))
        given, values = table_of({"id": "bigint", "hash": "text"}, hashes)
        await fetch(f"UPDATE audit_entry SET hash = g.hash FROM {given} g WHERE audit_entry.id = g.id", *values)  # noqa: S608
    if place.last_id:
        await add_checkpoint(ADOPTED, place)
    return place


async def adopt() -> None:
    """Takes entries from before there was a chain into it (an upgrade), unless that is done."""
    if await _head() is None and await fetch("SELECT id FROM audit_entry LIMIT 1"):
        await _begin()


@transactional
async def _begin() -> None:
    place = await hold()
    if place.last_id:
        await set_head(place)


async def set_head(place: Place) -> None:
    await fetch(
        "UPDATE audit_head SET last_id = $1, hash = $2, key = $3, seal = $4 WHERE id = 1",
        place.last_id, place.hash, security.fingerprints()[0], seal("head", place),
    )  # fmt: skip


async def add_checkpoint(reason: str, place: Place) -> None:
    await fetch(
        "INSERT INTO audit_checkpoint (last_id, hash, reason, at, key, seal) VALUES ($1, $2, $3, $4, $5, $6)",
        place.last_id, place.hash, reason, clock.now(), security.fingerprints()[0], seal(reason, place),
    )  # fmt: skip


# --- reading ------------------------------------------------------------------------------------------------------------


async def _head(lock: str = "") -> dict[str, Any] | None:
    rows = await fetch(f"SELECT last_id, hash, key, seal FROM audit_head WHERE id = 1{lock}")  # noqa: S608
    return rows[0] if rows else None


async def head() -> dict[str, Any] | None:
    """{"last_id", "hash", "key", "seal"} of the newest entry, and the ids there are, "oldest" and "newest"; None before the first."""
    rows = await fetch(
        "SELECT last_id, hash, key, seal, (SELECT MIN(id) FROM audit_entry) AS oldest, (SELECT MAX(id) FROM audit_entry) AS newest "
        "FROM audit_head WHERE id = 1"
    )
    return rows[0] if rows else None


async def checkpoints() -> list[dict[str, Any]]:
    """In the order of the chain."""
    return await fetch("SELECT id, last_id, hash, reason, key, seal FROM audit_checkpoint ORDER BY last_id, id")


async def rows(*, after: int, upto: int) -> AsyncIterator[dict[str, Any]]:
    """The stored entries in their order, a page at a time."""
    while page := await _page(after, upto):
        for row in page:
            yield row
        after = page[-1]["id"]


async def _page(after: int, upto: int | None) -> list[dict[str, Any]]:
    until = "" if upto is None else f"AND id <= {int(upto)}"
    return await fetch(f"SELECT {_COLUMNS} FROM audit_entry WHERE id > $1 {until} ORDER BY id LIMIT {PAGE}", after)  # noqa: S608


def entry_of(row: dict[str, Any]) -> Entry:
    fields = row["fields_changed"]
    return Entry(
        branch_id=row["branch_id"],
        at=as_instant(row["at"]),
        actor_id=row["actor_id"],
        action=row["action"],
        subject=row["subject"],
        subject_id=row["subject_id"],
        fields=json.loads(fields) if isinstance(fields, str | bytes) else fields,
        request_id=row["request_id"],
    )
