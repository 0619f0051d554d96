"""How far members have come with tasks: passages marked, first answers given; and the evidence that a session fetched a task on its day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from backend.kernel.batches import Batcher
from backend.kernel.database import fetch, table_of, transactional
from backend.kernel.sql import within

Pair = tuple[int, int]  # member id, task id
Fetch = tuple[int, int, date]  # session id, task id, Shanghai day

FETCHES_REMEMBERED = 50_000

_PAIR = {"member_id": "bigint", "task_id": "bigint", "task_date": "date"}
_OWN = "{0}.member_id = w.member_id AND {0}.task_id = w.task_id AND {0}.task_date = w.task_date"
_MARKS = f"""
SELECT r.member_id, r.task_id, r.passage_id AS id, NULL AS right_answer
FROM {{wanted}} w CROSS JOIN reading r WHERE {_OWN.format("r")} AND {{readings}}
UNION ALL
SELECT a.member_id, a.task_id, a.question_id, CASE WHEN a."right" THEN 1 ELSE 0 END
FROM {{wanted}} w CROSS JOIN answer a WHERE {_OWN.format("a")} AND a.is_first AND {{answers}}
"""  # noqa: S608


async def marks(pairs: dict[Pair, date]) -> tuple[dict[Pair, set[int]], dict[Pair, dict[int, bool]]]:
    """For these pairs (pair -> the task's date) the passages marked as read, and question -> right of the first answers. One query."""
    read: dict[Pair, set[int]] = {}
    firsts: dict[Pair, dict[int, bool]] = {}
    if pairs:
        wanted, values = table_of(_PAIR, [(*pair, day) for pair, day in pairs.items()])
        span = min(pairs.values()), max(pairs.values())
        months = {"readings": within("r.task_date", *span), "answers": within("a.task_date", *span)}
        for row in await fetch(_MARKS.format(wanted=wanted, **months), *values):
            pair = row["member_id"], row["task_id"]
            if row["right_answer"] is None:
                read.setdefault(pair, set()).add(row["id"])
            else:
                firsts.setdefault(pair, {})[row["id"]] = bool(row["right_answer"])
    return read, firsts


_FETCH = {"session_id": "bigint", "task_id": "bigint", "fetched_on": "date"}
_fetches: set[Fetch] = set()


async def note_fetch(session_id: int, task_id: int, day: date) -> None:
    """Keeps the evidence for a day finished without a network (离线补传): one write for a session and day, in this process."""
    fetched = (session_id, task_id, day)
    if fetched in _fetches:
        return
    await _notes.submit(fetched)
    if len(_fetches) >= FETCHES_REMEMBERED:
        _fetches.clear()
    _fetches.add(fetched)


@transactional
async def _write_fetches(fetches: Sequence[Fetch]) -> list[None]:
    wanted, values = table_of(_FETCH, sorted(set(fetches)))
    await fetch(
        "INSERT INTO task_fetch (session_id, task_id, fetched_on) SELECT s.id, w.task_id, w.fetched_on "  # noqa: S608
        f"FROM {wanted} w JOIN session s ON s.id = w.session_id WHERE true ON CONFLICT (session_id, task_id, fetched_on) DO NOTHING",
        *values,
    )
    return [None] * len(fetches)


_notes: Batcher[Fetch, None] = Batcher(_write_fetches)
