"""The secret keys and what is stored under them: which key each value needs, and bringing all of them under the newest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tortoise.exceptions import IntegrityError

from backend import audit_proof, second_factors
from backend.kernel import audit, audit_chain, security
from backend.kernel.audit_chain import KEYS, Place
from backend.kernel.database import fetch, transactional
from backend.kernel.errors import Conflict

AT_ONCE = 200
CURE = (
    "DAKA_SECRET_KEY 与数据不符：请换回原来的密钥，或把它补在列表末尾（新密钥,旧密钥）；"
    "旧密钥确已遗失时，先用 daka roster import 重新导入手机号，再用 daka keys rotate --lost 清除仍打不开的"
)


@dataclass(frozen=True, slots=True)
class Field:
    """A column that holds sealed text, and the column with its look-up hash, if any; both under the same `purpose`.

    What no key opens is blanked when it is given up; without a `hashed` column the whole row goes (its owner sets it up anew).
    """

    table: str
    sealed: str
    hashed: str | None
    purpose: str


# Every encrypted column there is; a test compares this with the models.
FIELDS = (
    Field("member", "phone_sealed", "phone_hash", "phone"),
    Field("second_factor", "secret_sealed", None, second_factors.PURPOSE),
)


@dataclass(slots=True)
class Usage:
    """How many stored values each key opens, newest first, and how many none of them does."""

    by_key: list[int]
    shut: int = 0

    @property
    def seen(self) -> int:
        return sum(self.by_key) + self.shut

    @property
    def old(self) -> int:
        """Values that still need a key that is not the newest."""
        return sum(self.by_key[1:])


async def usage() -> Usage:
    """Looks at every encrypted value."""
    found = Usage([0] * len(security.fingerprints()))
    for field in FIELDS:
        last = 0
        while rows := await _some(field, last, 2_000):
            for row in rows:
                try:
                    found.by_key[security.opened(row["sealed"], purpose=field.purpose)[1]] += 1
                except ValueError:
                    found.shut += 1
            last = rows[-1]["id"]
    return found


async def _some(field: Field, after: int, most: int) -> list[dict]:
    return await fetch(
        f"SELECT id, {field.sealed} AS sealed FROM {field.table} WHERE id > $1 AND {field.sealed} IS NOT NULL "  # noqa: S608
        f"ORDER BY id LIMIT {most}",
        after,
    )


async def rotate(*, lost: bool = False, told: Callable[[int], None] = lambda done: None) -> tuple[int, int]:
    """Brings every encrypted value, its look-up hash and the seals of the audit log under the newest key: (changed, blanked).

    While the service runs, a batch at a time; cut off, it goes on where it was. `lost`: values that no key opens are removed, and
    seals of unknown keys given up. Raises Conflict `keys_missing` for such values without `lost`, `audit_not_whole` for a log that
    was tampered with, `duplicate_value` for a number that two members of one branch have under different keys.
    """
    await _refuse_tampered(lost)
    changed = blanked = 0
    for field in FIELDS:
        last = 0
        while rows := await _some(field, last, AT_ONCE):
            new, gone = await _rotate(field, rows, lost)
            changed, blanked, last = changed + new, blanked + gone, rows[-1]["id"]
            told(changed)
    left = await usage()
    if left.shut:
        raise Conflict(
            f"已改用新密钥 {changed} 条；另有 {left.shut} 条用列表里的密钥打不开：请把旧密钥补在 DAKA_SECRET_KEY 末尾再执行一次；"
            "旧密钥确已遗失时加 --lost：打不开的手机号会被清除，之后重新导入名册；打不开的动态口令会停用，由本人重新设置。",
            code="keys_missing",
        )
    await _seal_anew()
    await audit.record(None, "keys:rotate", subject="keys", fields=[f"changed={changed}", f"blanked={blanked}"])
    return changed, blanked


async def _refuse_tampered(lost: bool) -> None:
    found = [sentence for sentence, _ in await audit_proof.faults()]
    if found:
        raise Conflict(f"{found[0]}：请先运行 daka check，查明之后再换密钥。", code="audit_not_whole")
    if not lost and await audit_proof.unknown_keys():
        raise Conflict(f"{audit_proof.UNKNOWN}。", code="keys_missing")


@transactional
async def _rotate(field: Field, rows: list[dict], lost: bool) -> tuple[int, int]:
    """One batch. A value that somebody changes meanwhile is left to the one who changed it, whose key is the newest already."""
    changed = blanked = 0
    for row in rows:
        try:
            text, number = security.opened(row["sealed"], purpose=field.purpose)
        except ValueError:
            if lost:
                await _give_up(field, row)
                blanked += 1
            continue
        if number:
            await _store(field, row, security.encrypt(text, purpose=field.purpose), security.keyed_hash(text, purpose=field.purpose))
            changed += 1
    return changed, blanked


async def _store(field: Field, row: dict, sealed: str, hashed: str) -> None:
    also, values = (f", {field.hashed} = $4", [hashed]) if field.hashed else ("", [])
    try:
        await fetch(
            f"UPDATE {field.table} SET {field.sealed} = $3{also} WHERE id = $1 AND {field.sealed} = $2",  # noqa: S608
            row["id"], row["sealed"], sealed, *values,
        )  # fmt: skip
    except IntegrityError:
        raise Conflict(f"{field.table} {row['id']} 的号码与同一支部另一行重复，请先更正其中一行。", code="duplicate_value") from None


async def _give_up(field: Field, row: dict) -> None:
    blank = f"UPDATE {field.table} SET {field.sealed} = NULL, {field.hashed} = NULL"  # noqa: S608
    remove = f"DELETE FROM {field.table}"  # noqa: S608
    await fetch(f"{blank if field.hashed else remove} WHERE id = $1 AND {field.sealed} = $2", row["id"], row["sealed"])
    await audit.record(None, f"{field.table}:correct", subject=field.table, subject_id=row["id"], fields=[field.sealed])


@transactional
async def _seal_anew() -> None:
    """From now on the newest key alone vouches for the whole audit log."""
    place = await audit_chain.hold()
    key = security.fingerprints()[0]
    for each in await audit_chain.checkpoints():
        sealed = audit_chain.seal(each["reason"], Place(each["last_id"], each["hash"]))
        await fetch("UPDATE audit_checkpoint SET key = $2, seal = $3 WHERE id = $1", each["id"], key, sealed)
    if place.last_id:
        await audit_chain.add_checkpoint(KEYS, place)
        await audit_chain.set_head(place)
