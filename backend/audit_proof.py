"""Whether the audit log is as it was written: every hash recomputed, every seal looked at, the end compared with what is kept elsewhere."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from backend import audit_copy
from backend.kernel import audit_chain, security
from backend.kernel.audit_chain import ADOPTED, RETENTION, Place
from backend.kernel.database import fetch
from backend.kernel.settings import Settings

CHANGED = "操作记录被改过、被删过或被调换过次序"
FORGED = "操作记录的封印不符（写入它的不是本系统）"
CUT = "操作记录的末尾被截去，或记录末尾位置的一行被改过"
CHECKPOINT = "操作记录的检查点被改过"
UNSEALED = "操作记录没有封存（升级后第一次写入或 daka migrate 时自动封存）"
ELSEWHERE = "操作记录与数据目录里留存的末尾位置不符（末尾被截去，或数据库不是由 daka restore 恢复的）"
UNKNOWN = "操作记录的封印所用的密钥不在 DAKA_SECRET_KEY 中，无法核对（补回旧密钥；确已遗失时 daka keys rotate --lost）"


async def faults(*, elsewhere: Settings | None = None) -> list[tuple[str, list[dict[str, Any]]]]:
    """(Chinese sentence, the entries concerned) of everything that is wrong; empty when all is well.

    With `elsewhere` (the settings) also what the database cannot know by itself: the end that is kept in DATA_DIR, and seals under
    keys that are not at hand.
    """
    while True:
        head, before = await audit_chain.head(), await audit_chain.checkpoints()
        found = await _walk(head, before) if head is not None else await _unsealed()
        # Retention removed entries meanwhile: once more.
        if before == await audit_chain.checkpoints():
            break
    unknown = found.pop(UNKNOWN, [])
    if elsewhere is not None:
        if unknown:
            found[UNKNOWN] = unknown
        if not await audit_copy.agrees(elsewhere):
            found[ELSEWHERE] = [{"id": head["last_id"] if head else 0}]
    return list(found.items())


async def unknown_keys() -> bool:
    """Whether a seal that counts was made with a key that is not at hand."""
    head = await audit_chain.head()
    return head is not None and bool((await _walk(head, await audit_chain.checkpoints())).get(UNKNOWN))


async def _unsealed() -> dict[str, list[dict[str, Any]]]:
    left = await fetch("SELECT id FROM audit_entry ORDER BY id LIMIT 5")
    return {UNSEALED: left} if left else {}


async def _walk(head: dict[str, Any], checkpoints: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in checkpoints:
        _judge(found, CHECKPOINT, each["reason"], Place(each["last_id"], each["hash"]), each)
    removed = max((Place(c["last_id"], c["hash"]) for c in checkpoints if c["reason"] == RETENTION), default=Place(), key=_id)
    settled = max((c["last_id"] for c in checkpoints), default=0)
    adopted = max((c["last_id"] for c in checkpoints if c["reason"] == ADOPTED), default=0)
    expected = {c["last_id"]: c["hash"] for c in checkpoints}
    place = removed
    async for row in audit_chain.rows(after=removed.last_id, upto=head["last_id"]):
        is_next = row["id"] == place.last_id + 1 or row["id"] <= adopted
        computed = audit_chain.next_hash(place.hash, row["id"], audit_chain.entry_of(row))
        # On from what is stored: one changed entry is told once, not with all that follow it.
        place = Place(row["id"], row["hash"])
        if not is_next or computed != row["hash"] or expected.get(row["id"], row["hash"]) != row["hash"]:
            found[CHANGED].append({"id": row["id"]})
        elif row["id"] > settled:
            _judge(found, FORGED, "entry", place, row)
    if place != Place(head["last_id"], head["hash"]):
        found[CUT].append({"id": place.last_id})
    else:
        _judge(found, CUT, "head", place, head)
    for stray in (head["newest"] or place.last_id, head["oldest"] or place.last_id):
        if not removed.last_id <= stray <= head["last_id"]:
            found[CHANGED].append({"id": stray})
    return found


def _id(place: Place) -> int:
    return place.last_id


def _judge(found: dict[str, list[dict[str, Any]]], sentence: str, kind: str, place: Place, row: dict[str, Any]) -> None:
    """A seal that does not fit; one under a key that is not at hand is another matter."""
    if not audit_chain.is_sealed(kind, place, row["seal"]):
        known = row["key"] in security.fingerprints()
        found[sentence if known or not row["key"] else UNKNOWN].append({"id": place.last_id})
