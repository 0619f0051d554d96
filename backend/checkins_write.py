"""Check-ins in bulk: what is there is read, what is new is written, in the caller's one transaction. All SQL of this path stands here.

A batch may be of one day or of five hundred: the statements are the same, and so is their number. Locks are taken in one order: members,
then tasks (see backend/figures.py), then summary rows by key. Under the lock of its member a day's state cannot change, so what is
counted here is exact; the unique constraints decide all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import msgspec

from backend import figures, quizzes, tasks_marks, tasks_today
from backend.kernel.database import as_date, as_instant, fetch, lock_rows, table_of
from backend.kernel.errors import DakaError, NotFound
from backend.kernel.sql import within
from backend.quizzes import DayAnswers, Graded

Pair = tuple[int, int]  # member id, task id


@dataclass(frozen=True, slots=True)
class FinishedDay:
    """One member's complete day. `receipt` holds streak and results; `recorded_by`: who wrote it down (代录)."""

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
    request_id: str = ""

    @property
    def pair(self) -> Pair:
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


@dataclass(slots=True)
class State:
    """What is known of some pairs, under their locks. `read`: passages; `firsts`: question -> right."""

    facts: dict[Pair, dict]
    stored: dict[Pair, Stored]
    read: dict[Pair, set[int]]
    firsts: dict[Pair, dict[int, bool]]


async def write(days: Sequence[FinishedDay]) -> list[Stored | DakaError]:
    """Stores what is new and answers each day in order: the check-in (new or already there), or NotFound outside the audience."""
    state = await hold({day.pair: day.task_date for day in days})
    new: dict[Pair, FinishedDay] = {}
    for day in days:
        if day.pair in state.facts and day.pair not in state.stored:
            new.setdefault(day.pair, day)
    stored = state.stored | await store(list(new.values()), state)
    return [stored.get(day.pair) or NotFound() for day in days]


async def hold(pairs: dict[Pair, date]) -> State:
    """Locks the members and tasks of these pairs (pair -> the task's date) until the transaction ends, and reads their state."""
    await lock_rows("member", sorted({member for member, _ in pairs}), strength="FOR NO KEY UPDATE")
    await figures.hold(task for _, task in pairs)
    facts = await figures.facts(pairs)
    stored = await find({pair: pairs[pair] for pair, fact in facts.items() if fact["checkin_id"] is not None})
    # Who withdrew consent while the request was under way writes nothing any more.
    facts = {pair: fact for pair, fact in facts.items() if fact["blanked_at"] is None or pair in stored}
    open_pairs = {pair: pairs[pair] for pair in facts if pair not in stored}
    return State(facts, stored, *await tasks_marks.marks(open_pairs))


_CHECK_IN = {
    "member_id": "bigint", "task_id": "bigint", "task_date": "date", "kind": "text", "checked_in_at": "timestamptz",
    "checked_in_on": "date", "studied_on": "date", "recorded_by_id": "bigint", "firsts": "int", "rights": "int", "receipt": "text",
    "request_id": "text",
}  # fmt: skip
_PAIR = {"member_id": "bigint", "task_id": "bigint", "task_date": "date"}
_READING = {**_PAIR, "passage_id": "bigint", "read_at": "timestamptz"}
_REFLECTION = {**_PAIR, "body": "text", "written_at": "timestamptz"}


async def find(pairs: Mapping[Pair, date]) -> dict[Pair, Stored]:
    """The check-ins that are there for these (member, task) pairs (pair -> the task's date)."""
    if not pairs:
        return {}
    wanted, values = table_of(_PAIR, [(*pair, day) for pair, day in pairs.items()])
    rows = await fetch(
        "SELECT c.id, c.member_id, c.task_id, c.task_date, c.kind, c.checked_in_at, c.receipt "  # noqa: S608
        f"FROM {wanted} w CROSS JOIN check_in c WHERE c.member_id = w.member_id AND c.task_id = w.task_id "
        f"AND c.task_date = w.task_date AND {within('c.task_date', min(pairs.values()), max(pairs.values()))}",
        *values,
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
    }


async def store(days: Sequence[FinishedDay], state: State) -> dict[Pair, Stored]:
    """Writes these days, none of which is there yet, with all that belongs to them, and moves the summary: as they now stand."""
    if not days:
        return {}
    counts = await _counts(days, state)
    ids = await _insert(days, counts, state)
    days = [day for day in days if day.pair in ids]
    await _insert_readings(days)
    await quizzes.insert_answers([(DayAnswers(*day.pair, day.task_date, day.graded), day.at) for day in days], state.firsts)
    await _insert_reflections(days)
    if tallied := [day.pair for day in days if state.firsts.get(day.pair)]:
        wanted, values = table_of({"member_id": "bigint", "task_id": "bigint"}, tallied)
        await fetch(f"DELETE FROM answer_tally WHERE (member_id, task_id) IN (SELECT member_id, task_id FROM {wanted} w)", *values)  # noqa: S608
    await _move(days, counts, state)
    tasks_today.forget(day.member_id for day in days)
    return {day.pair: Stored(ids[day.pair], day.task_id, day.task_date, day.kind, day.at, day.receipt, True) for day in days}


async def _counts(days: Sequence[FinishedDay], state: State) -> dict[Pair, tuple[int, int]]:
    """How many first answers that count each day adds to those already there, and how many of them are right."""
    new = {
        day.pair: [g for g in day.graded if g.question_id not in state.firsts.get(day.pair, {})] for day in days
    }  # fmt: skip
    withdrawn = await quizzes.withdrawn_pairs({(g.question_id, task_id) for (_, task_id), graded in new.items() for g in graded})
    counted = {(m, t): [g for g in graded if (g.question_id, t) not in withdrawn] for (m, t), graded in new.items()}
    return {pair: (len(graded), sum(g.right for g in graded)) for pair, graded in counted.items()}


async def _insert(days: Sequence[FinishedDay], counts: dict[Pair, tuple[int, int]], state: State) -> dict[Pair, int]:
    """Inserts the check-ins with all their first answers counted; the unique constraint decides which are new: their ids."""
    rows = []
    for day in days:
        fact, (first, right) = state.facts[day.pair], counts[day.pair]
        arrival = day.task_date, day.kind, day.at, day.on, day.studied_on, day.recorded_by
        receipt = msgspec.json.encode(day.receipt).decode()
        rows.append((*day.pair, *arrival, fact["firsts"] + first, fact["rights"] + right, receipt, day.request_id))
    columns = ", ".join(_CHECK_IN)
    picked = columns.replace("receipt", "receipt::jsonb")
    given, values = table_of(_CHECK_IN, rows)
    inserted = await fetch(
        f"INSERT INTO check_in ({columns}) SELECT {picked} FROM {given} w WHERE true "  # noqa: S608
        "ON CONFLICT (member_id, task_id, task_date) DO NOTHING RETURNING id, member_id, task_id",
        *values,
    )
    return {(row["member_id"], row["task_id"]): row["id"] for row in inserted}


async def _insert_readings(days: Iterable[FinishedDay]) -> None:
    rows = [(*day.pair, day.task_date, passage, day.at) for day in days for passage in day.passages]
    if rows:
        columns = ", ".join(_READING)
        given, values = table_of(_READING, rows)
        await fetch(
            f"INSERT INTO reading ({columns}) SELECT {columns} FROM {given} w WHERE true "  # noqa: S608
            "ON CONFLICT (member_id, task_id, passage_id, task_date) DO NOTHING",
            *values,
        )


async def _insert_reflections(days: Iterable[FinishedDay]) -> None:
    rows = [(*day.pair, day.task_date, day.reflection, day.at) for day in days if day.reflection]
    if rows:
        columns = ", ".join(_REFLECTION)
        given, values = table_of(_REFLECTION, rows)
        await fetch(f"INSERT INTO reflection ({columns}, state) SELECT {columns}, 'pending' FROM {given} w", *values)  # noqa: S608


async def _move(days: Sequence[FinishedDay], counts: dict[Pair, tuple[int, int]], state: State) -> None:
    deltas: dict[tuple[int, int, str, str], dict[str, int]] = {}
    for day in days:
        fact, (first, right) = state.facts[day.pair], counts[day.pair]
        way = "proxy" if day.recorded_by else day.kind
        change = {way: 1, "assigned": fact["excused"], "excused": -fact["excused"], "firsts": first, "rights": right}
        moved = deltas.setdefault((day.task_id, fact["unit_id"], fact["tier"], fact["status"]), {})
        for name, count in change.items():
            moved[name] = moved.get(name, 0) + count
    await figures.move(deltas, rolled_up={day.task_id for day in days if state.facts[day.pair]["rolled_up"]})


# --- idempotency keys -------------------------------------------------------------------------------------------------

_KEY = {"member_id": "bigint", "key": "text"}
_KEPT = {**_KEY, "request_hash": "text", "created_at": "timestamptz"}


async def request_hashes(keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """The request hash kept under each (member, idempotency key)."""
    if not keys:
        return {}
    wanted, values = table_of(_KEY, keys)
    rows = await fetch(
        f"SELECT k.member_id, k.key, k.request_hash FROM {wanted} w CROSS JOIN idempotency_key k "  # noqa: S608
        "WHERE k.member_id = w.member_id AND k.key = w.key",
        *values,
    )
    return {(row["member_id"], row["key"]): row["request_hash"] for row in rows}


async def keep_keys(rows: Sequence[tuple[int, str, str, datetime]]) -> None:
    """Remembers which request (member, key, hash, instant) each key stood for; the first one stays."""
    if rows:
        columns = ", ".join(_KEPT)
        given, values = table_of(_KEPT, rows)
        await fetch(
            f"INSERT INTO idempotency_key ({columns}) SELECT {columns} FROM {given} w WHERE true "  # noqa: S608
            "ON CONFLICT (member_id, key) DO NOTHING",
            *values,
        )
