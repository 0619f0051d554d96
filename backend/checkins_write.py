"""The write of check-ins: a list of finished days in, an outcome for each out, in one transaction. All SQL of this path stands here.

It is called with one day for now; a group commit can feed it more without a change for its callers. Locks are taken in one order:
members, then tasks (see backend/figures.py), then summary rows by key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import msgspec

from backend import figures
from backend.kernel import metrics
from backend.kernel.database import as_date, as_instant, fetch, int_list, lock_rows, transactional
from backend.kernel.errors import DakaError, Invalid, NotFound
from backend.quizzes import DayAnswers, Graded, first_answers, keep_answers


@dataclass(frozen=True, slots=True)
class FinishedDay:
    """One member's complete day. `key` and `request_hash` belong to an idempotent request; `receipt` holds streak and results."""

    member_id: int
    task_id: int
    task_date: date
    kind: str
    at: datetime
    on: date
    receipt: dict[str, Any]
    studied_on: date | None = None
    recorded_by: int | None = None
    passages: Sequence[int] = ()
    graded: Sequence[Graded] = ()
    reflection: str | None = None
    key: str | None = None
    request_hash: str = ""
    request_id: str = ""

    @property
    def pair(self) -> tuple[int, int]:
        return self.member_id, self.task_id


@dataclass(frozen=True, slots=True)
class Stored:
    """A check-in as it stands in the database; `is_new` when this batch made it."""

    id: int
    task_id: int
    task_date: date
    kind: str
    at: datetime
    receipt: dict[str, Any]
    is_new: bool = field(default=False)


def mismatch() -> Invalid:
    return Invalid("同一个 Idempotency-Key 已用于另一个请求。", code="idempotency_mismatch")


async def write(days: Sequence[FinishedDay]) -> list[Stored | DakaError]:
    """Stores what is new and answers each day in order: the check-in (new or already there), or the error of this one day.

    Errors: Invalid `idempotency_mismatch`, NotFound when the member is no longer in the task's audience.
    """
    metrics.batch_size.observe(len(days))
    return await _write(days)


@transactional
async def _write(days: Sequence[FinishedDay]) -> list[Stored | DakaError]:
    await lock_rows("member", sorted({day.member_id for day in days}), strength="FOR NO KEY UPDATE")
    await figures.hold(day.task_id for day in days)
    known_keys = await request_hashes([(day.member_id, day.key) for day in days if day.key])
    facts = await figures.facts(sorted({day.pair for day in days}))
    # Who withdrew consent while the request was under way writes nothing any more.
    facts = {pair: fact for pair, fact in facts.items() if fact["blanked_at"] is None}
    errors: dict[int, DakaError] = {}
    chosen: dict[tuple[int, int], FinishedDay] = {}
    for index, day in enumerate(days):
        if day.key and known_keys.setdefault((day.member_id, day.key), day.request_hash) != day.request_hash:
            errors[index] = mismatch()
        elif day.pair not in facts and not await find([day.pair]):
            errors[index] = NotFound()
        else:
            chosen.setdefault(day.pair, day)
    new = await _insert_new([day for day in chosen.values() if day.pair in facts])
    await _follow([chosen[pair] for pair in new], facts)
    stored = await find(list(chosen))
    await _keep_keys([day for index, day in enumerate(days) if index not in errors and day.key])
    return [errors.get(index) or _outcome(stored[day.pair], day is chosen[day.pair] and day.pair in new) for index, day in enumerate(days)]


def _outcome(row: Stored, is_new: bool) -> Stored:
    return Stored(row.id, row.task_id, row.task_date, row.kind, row.at, row.receipt, is_new)


async def request_hashes(keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """The request hash kept under each (member, idempotency key)."""
    known = {}
    for member_id, key in keys:
        for row in await fetch("SELECT request_hash FROM idempotency_key WHERE member_id = $1 AND key = $2", member_id, key):
            known[member_id, key] = row["request_hash"]
    return known


async def find(pairs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Stored]:
    """The check-ins that are there for these (member, task) pairs."""
    wanted = set(pairs)
    rows = await fetch(
        "SELECT id, member_id, task_id, task_date, kind, checked_in_at, receipt FROM check_in "  # noqa: S608
        f"WHERE member_id IN ({int_list(m for m, _ in pairs)}) AND task_id IN ({int_list(t for _, t in pairs)})"
    )
    return {
        (row["member_id"], row["task_id"]): Stored(
            row["id"],
            row["task_id"],
            as_date(row["task_date"]),
            row["kind"],
            as_instant(row["checked_in_at"]),
            msgspec.json.decode(row["receipt"]),
        )
        for row in rows
        if (row["member_id"], row["task_id"]) in wanted
    }


_CHECK_IN = (
    "member_id, task_id, task_date, kind, checked_in_at, checked_in_on, studied_on, recorded_by_id, firsts, rights, receipt, request_id"
)


async def _insert_new(days: Sequence[FinishedDay]) -> set[tuple[int, int]]:
    """Inserts the check-ins; the unique constraint decides which are new: their (member, task) pairs."""
    if not days:
        return set()
    values: list[Any] = []
    for day in days:
        values += [*day.pair, day.task_date, day.kind, day.at, day.on, day.studied_on, day.recorded_by, 0, 0]
        values += [msgspec.json.encode(day.receipt).decode(), day.request_id]
    rows = await fetch(
        f"INSERT INTO check_in ({_CHECK_IN}) VALUES {_slots(len(days), 12)} "  # noqa: S608
        "ON CONFLICT (member_id, task_id, task_date) DO NOTHING RETURNING member_id, task_id",
        *values,
    )
    return {(row["member_id"], row["task_id"]) for row in rows}


def _slots(rows: int, columns: int) -> str:
    return ", ".join(f"({', '.join(f'${columns * n + k}' for k in range(1, columns + 1))})" for n in range(rows))


async def _follow(days: Sequence[FinishedDay], facts: dict[tuple[int, int], dict]) -> None:
    """What a new check-in brings with it: readings, answers, counts, reflection, and the move of the summary."""
    if not days:
        return
    readings = [(day.member_id, passage, day.task_id, day.task_date, day.at) for day in days for passage in day.passages]
    if readings:
        await fetch(
            f"INSERT INTO reading (member_id, passage_id, task_id, task_date, read_at) VALUES {_slots(len(readings), 5)} "  # noqa: S608
            "ON CONFLICT (member_id, task_id, passage_id, task_date) DO NOTHING",
            *(value for row in readings for value in row),
        )
    counted = await keep_answers([DayAnswers(*day.pair, day.task_date, day.graded) for day in days], at=days[0].at)
    deltas: dict[tuple[int, int, str, str], dict[str, int]] = {}
    for day in days:
        fact = facts[day.pair]
        first, right = counted.get(day.pair, (0, 0))
        await fetch(
            "UPDATE check_in SET firsts = $3, rights = $4 WHERE member_id = $1 AND task_id = $2",
            *day.pair, fact["firsts"] + first, fact["rights"] + right,
        )  # fmt: skip
        if first < len(day.graded):
            await _tell_the_first_results(day)
        if fact["firsts"]:
            await fetch("DELETE FROM answer_tally WHERE member_id = $1 AND task_id = $2", *day.pair)
        if day.reflection:
            await fetch(
                "INSERT INTO reflection (member_id, task_id, task_date, body, state, written_at) VALUES ($1, $2, $3, $4, 'pending', $5)",
                *day.pair, day.task_date, day.reflection, day.at,
            )  # fmt: skip
        way = "proxy" if day.recorded_by else day.kind
        change = {way: 1, "assigned": fact["excused"], "excused": -fact["excused"], "firsts": first, "rights": right}
        moved = deltas.setdefault((day.task_id, fact["unit_id"], fact["tier"], fact["status"]), {})
        for name, count in change.items():
            moved[name] = moved.get(name, 0) + count
    await figures.move(deltas)


async def _tell_the_first_results(day: FinishedDay) -> None:
    """Some answer of the request was not the first one, perhaps by a moment: the receipt tells the results that count."""
    firsts = await first_answers(*day.pair)
    results = [{**result, "right": firsts.get(result["question"], result["right"])} for result in day.receipt["results"]]
    receipt = msgspec.json.encode({**day.receipt, "results": results}).decode()
    await fetch("UPDATE check_in SET receipt = $3 WHERE member_id = $1 AND task_id = $2", *day.pair, receipt)


async def _keep_keys(days: Sequence[FinishedDay]) -> None:
    for day in days:
        await fetch(
            "INSERT INTO idempotency_key (member_id, key, request_hash, created_at) VALUES ($1, $2, $3, $4) "
            "ON CONFLICT (member_id, key) DO NOTHING",
            day.member_id, day.key, day.request_hash, day.at,
        )  # fmt: skip
