"""The kept summary: one row for (task, unit, tier, status). Moved by deltas with a check-in, recounted with everything else.

What the days that are over add up to is kept in figures_periods.py, and moves with it.

All of this runs inside the caller's transaction. Locking: a check-in holds its tasks FOR KEY SHARE and then reads the facts of its
pairs; a recount takes the tasks FOR UPDATE first. So each sees what the other has committed, whichever comes first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date

from backend import figures_periods
from backend.figures_pairs import pairs, pairs_of
from backend.figures_periods import COUNTS
from backend.kernel.database import as_date, fetch, int_list, lock_rows, table_of
from backend.rules.streaks import Day

# The aspects of a task as bits of one number, so that it makes one row, however many they are. Bit 0 stands for the task itself.
ASPECT_BITS = "1 + COALESCE((SELECT SUM(1 << ta.aspect_id) FROM task_aspect ta WHERE ta.task_id = daily_task.id), 0)"

CHUNK = 400
# How often this process has recounted: what is remembered of members and their tasks is out of date after one.
recounts = 0

SUMS = """
SELECT task_id, unit_id, tier, status, SUM(1 - excused) AS assigned, SUM(excused) AS excused, SUM(on_time) AS on_time,
  SUM(makeup) AS makeup, SUM(proxy) AS proxy, SUM(firsts) AS firsts, SUM(rights) AS rights
FROM ({pairs}) p GROUP BY task_id, unit_id, tier, status
"""

# First answers that count: a question withdrawn in the task's branch or above it does not.
COUNTING = """
a.is_first AND NOT EXISTS (
  SELECT 1 FROM withdrawal w JOIN branch wb ON wb.id = w.branch_id JOIN daily_task wt ON wt.id = a.task_id
  JOIN branch tb ON tb.id = wt.branch_id WHERE w.question_id = a.question_id AND tb.path LIKE wb.path || '%'
)
"""
FIRSTS = """COUNT(*) AS firsts, COALESCE(SUM(CASE WHEN a."right" THEN 1 ELSE 0 END), 0) AS rights"""
TALLY = f"""
SELECT {FIRSTS} FROM answer a WHERE a.member_id = {{of}}.member_id AND a.task_id = {{of}}.task_id AND a.task_date = {{of}}.task_date
  AND {COUNTING}
"""  # noqa: S608

# Whoever can have studied these tasks: study rows are found by their member.
_STUDENTS = "daily_task t JOIN member m ON m.branch_id = t.branch_id"
_RETALLIED = f"""
UPDATE check_in SET firsts = (SELECT firsts FROM ({TALLY.format(of="check_in")}) x),
  rights = (SELECT rights FROM ({TALLY.format(of="check_in")}) y)
FROM {_STUDENTS} WHERE t.id IN ({{tasks}}) AND check_in.member_id = m.id AND check_in.task_id = t.id AND check_in.task_date = t.date
"""  # noqa: S608
_UNTALLIED = f"DELETE FROM answer_tally WHERE (member_id, task_id) IN (SELECT m.id, t.id FROM {_STUDENTS} WHERE t.id IN ({{tasks}}))"  # noqa: S608
_TALLIES = f"""
INSERT INTO answer_tally (member_id, task_id, task_date, firsts, rights)
SELECT a.member_id, a.task_id, a.task_date, {FIRSTS}
FROM {_STUDENTS} JOIN answer a ON a.member_id = m.id AND a.task_id = t.id AND a.task_date = t.date
WHERE t.id IN ({{tasks}}) AND {COUNTING} AND NOT EXISTS (
  SELECT 1 FROM check_in c WHERE c.member_id = a.member_id AND c.task_id = a.task_id AND c.task_date = a.task_date
) GROUP BY a.member_id, a.task_id, a.task_date
"""  # noqa: S608


async def recount(task_ids: Iterable[int]) -> None:
    """Rewrites the summary of these tasks from the rows. Call it after a change to who has them or to their aspects, in the same
    transaction."""
    ids = sorted(set(task_ids))
    # The branch before its tasks, as everybody takes them who changes them.
    await fetch(
        "UPDATE branch SET audience_version = audience_version + 1 "  # noqa: S608
        f"WHERE id IN (SELECT branch_id FROM daily_task WHERE id IN ({int_list(ids)}))"
    )
    await lock_rows("daily_task", ids)
    await _rewrite(ids)


async def _rewrite(ids: list[int]) -> None:
    """The same for tasks that are locked."""
    global recounts
    recounts += 1
    in_periods = await figures_periods.hold(ids)
    for at in range(0, len(ids), CHUNK):
        some = ids[at : at + CHUNK]
        chosen = int_list(some)
        await fetch(f"UPDATE daily_task SET aspect_bits = {ASPECT_BITS} WHERE id IN ({chosen}) AND aspect_bits <> {ASPECT_BITS}")  # noqa: S608
        sums = SUMS.format(pairs=pairs(f"t.id IN ({chosen})"))
        if in_periods:
            await figures_periods.add(some, times=-1)
        await fetch(f"DELETE FROM task_figure WHERE task_id IN ({chosen})")  # noqa: S608
        await fetch(f"INSERT INTO task_figure (task_id, unit_id, tier, status, {', '.join(COUNTS)}) {sums}")  # noqa: S608
        if in_periods:
            await figures_periods.add(some)


async def recount_days(branch_id: int, first: date, last: date | None = None) -> None:
    """Recounts every task of a branch from `first` to `last` (None: to the end): what a change of roster or leave touches."""
    rows = await fetch(
        "SELECT id FROM daily_task WHERE branch_id = $1 AND date >= $2 AND date <= $3", branch_id, first, last or date(9999, 12, 31)
    )
    await recount(row["id"] for row in rows)


async def retally(task_ids: Iterable[int]) -> None:
    """Counts the first answers of these tasks again (a question was withdrawn), then recounts their summary."""
    ids = sorted(set(task_ids))
    await lock_rows("daily_task", ids)
    for at in range(0, len(ids), CHUNK):
        chosen = int_list(ids[at : at + CHUNK])
        await fetch(_RETALLIED.format(tasks=chosen))
        # A tally of nothing is no row: it would be left behind by the check-in.
        await fetch(_UNTALLIED.format(tasks=chosen))
        await fetch(_TALLIES.format(tasks=chosen))
    await _rewrite(ids)


async def hold(task_ids: Iterable[int]) -> None:
    """Keeps recounts of these tasks out until the transaction ends; check-ins do not keep each other out."""
    await lock_rows("daily_task", sorted(set(task_ids)), strength="FOR KEY SHARE")


_PAIR = {"member_id": "bigint", "task_id": "bigint"}


async def facts(days: Mapping[tuple[int, int], date]) -> dict[tuple[int, int], dict]:
    """The rows of `pairs` for these (member_id, task_id), each with the task's date; a pair outside the audience is left out.

    Call `hold` before. One query.
    """
    if not days:
        return {}
    wanted, values = table_of(_PAIR, list(days))
    rows = await fetch(pairs_of(wanted, "t.id = w.task_id", span=(min(days.values()), max(days.values()))), *values)
    return {(row["member_id"], row["task_id"]): row for row in rows}


def counts_of(fact: dict) -> dict[str, int]:
    """What one pair adds to its summary row."""
    return {"assigned": 1 - fact["excused"], **{name: fact[name] for name in COUNTS if name != "assigned"}}


async def facts_of(member_id: int, *, today: date) -> list[dict]:
    """The rows of `pairs` of one member up to today, in order of date (one query)."""
    rows = await fetch(pairs("m.id = $1 AND t.date <= $2") + "ORDER BY t.date, t.id", member_id, today)
    return [{**row, "date": as_date(row["date"])} for row in rows]


async def days_of(member_id: int, *, today: date) -> list[Day]:
    """Every task day of one member up to today, in order of date, each in the state that streak and steadiness go by (one query)."""
    return [day_of(fact, today=today) for fact in await facts_of(member_id, today=today)]


def day_of(fact: dict, *, today: date) -> Day:
    """A task day as its member sees it. 代录 is kept or made up like any other check-in, by the day it was written down."""
    if fact["checkin_id"] is not None:
        return Day(fact["date"], "makeup" if fact["kind"] == "makeup" else "kept")
    if fact["excused"]:
        return Day(fact["date"], "excused")
    return Day(fact["date"], "missed" if fact["date"] < today else "open")


_MOVED = {"task_id": "bigint", "unit_id": "bigint", "tier": "text", "status": "text", **dict.fromkeys(COUNTS, "int")}


async def move(deltas: dict[tuple[int, int, str, str], dict[str, int]], *, rolled_up: Collection[int]) -> None:
    """Adds `deltas` to the summary rows (task, unit, tier, status), in key order so that two batches cannot block each other.

    `rolled_up`: the tasks of which the facts say so.
    """
    rows = [(*key, *(deltas[key].get(name, 0) for name in COUNTS)) for key in sorted(deltas) if any(deltas[key].values())]
    if not rows:
        return
    columns = ", ".join(_MOVED)
    given, values = table_of(_MOVED, rows)
    added = ", ".join(f"{name} = task_figure.{name} + excluded.{name}" for name in COUNTS)
    await fetch(
        f"INSERT INTO task_figure ({columns}) SELECT {columns} FROM {given} w WHERE true "  # noqa: S608
        f"ORDER BY task_id, unit_id, tier, status ON CONFLICT (task_id, unit_id, tier, status) DO UPDATE SET {added}",
        *values,
    )
    if rolled_up:
        await figures_periods.move((key[0], counts) for key, counts in deltas.items() if key[0] in rolled_up)
