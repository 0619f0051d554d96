"""The kept summary: one row for (task, unit, tier, status). Moved by deltas with a check-in, recounted with everything else.

All of this runs inside the caller's transaction. Locking: a check-in holds its tasks FOR KEY SHARE and then reads the facts of its
pairs; a recount takes the tasks FOR UPDATE first. So each sees what the other has committed, whichever comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from backend.kernel.database import as_date, fetch, int_list, lock_rows, table_of
from backend.rules.streaks import Day

COUNTS = ("assigned", "excused", "on_time", "makeup", "proxy", "firsts", "rights")
CHUNK = 400
# How often this process has recounted: what is remembered of members and their tasks is out of date after one.
recounts = 0

# Who has which task, with the standing of the task's date: each (member, task) pair once.
IN_PLAN = "pm.plan_id = t.plan_id AND pm.starts_on <= t.date AND (pm.until IS NULL OR pm.until > t.date)"
ON_ROSTER = "m.id = pm.member_id AND m.joined_on <= t.date AND (m.left_on IS NULL OR m.left_on > t.date)"
STANDS = "st.member_id = m.id AND st.starts_on <= t.date AND (st.until IS NULL OR st.until > t.date)"
AUDIENCE = f"""
FROM daily_task t
JOIN plan_member pm ON {IN_PLAN}
JOIN member m ON {ON_ROSTER}
JOIN standing st ON {STANDS}
"""

_PAIR_COLUMNS = """
SELECT t.id AS task_id, t.date AS date, t.branch_id, m.id AS member_id, COALESCE(st.unit_id, 0) AS unit_id, st.tier, st.status,
  c.id AS checkin_id, c.kind, c.recorded_by_id, m.blanked_at,
  CASE WHEN c.id IS NULL AND EXISTS (
    SELECT 1 FROM leave l WHERE l.member_id = m.id AND l.state = 'granted' AND l.starts_on <= t.date AND l.ends_on >= t.date
  ) THEN 1 ELSE 0 END AS excused,
  CASE WHEN c.id IS NOT NULL AND c.recorded_by_id IS NULL AND c.kind = 'on_time' THEN 1 ELSE 0 END AS on_time,
  CASE WHEN c.id IS NOT NULL AND c.recorded_by_id IS NULL AND c.kind = 'makeup' THEN 1 ELSE 0 END AS makeup,
  CASE WHEN c.recorded_by_id IS NOT NULL THEN 1 ELSE 0 END AS proxy,
  COALESCE(c.firsts, a.firsts, 0) AS firsts, COALESCE(c.rights, a.rights, 0) AS rights
"""
_DONE = """
LEFT JOIN check_in c ON c.member_id = m.id AND c.task_id = t.id AND c.task_date = t.date
LEFT JOIN answer_tally a ON a.member_id = m.id AND a.task_id = t.id AND a.task_date = t.date
"""

# One row for each (member, task) pair of the audience: the definition of *Assigned* and *Done* in SQL. {where} narrows t, pm or m.
PAIRS = f"{_PAIR_COLUMNS}{AUDIENCE}{_DONE}WHERE {{where}}\n"
# The same for the few members of a table w (member_id, …). CROSS JOIN: SQLite begins with them, and not with all the tasks.
PAIRS_OF = f"""{_PAIR_COLUMNS}
FROM {{wanted}} w CROSS JOIN plan_member pm CROSS JOIN daily_task t CROSS JOIN member m CROSS JOIN standing st {_DONE}
WHERE pm.member_id = w.member_id AND {IN_PLAN} AND {ON_ROSTER} AND {STANDS} AND {{where}}
"""

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
SELECT {FIRSTS} FROM answer a WHERE a.member_id = {{of}}.member_id AND a.task_id = {{of}}.task_id AND {COUNTING}
"""  # noqa: S608

_TALLIES = f"""
INSERT INTO answer_tally (member_id, task_id, task_date, firsts, rights)
SELECT a.member_id, a.task_id, a.task_date, {FIRSTS} FROM answer a WHERE a.task_id IN ({{tasks}}) AND {COUNTING}
  AND NOT EXISTS (SELECT 1 FROM check_in c WHERE c.member_id = a.member_id AND c.task_id = a.task_id)
GROUP BY a.member_id, a.task_id, a.task_date
"""  # noqa: S608


async def recount(task_ids: Iterable[int]) -> None:
    """Rewrites the summary of these tasks from the rows. Call it after the change, in the same transaction."""
    global recounts
    ids = sorted(set(task_ids))
    await lock_rows("daily_task", ids)
    recounts += 1
    for at in range(0, len(ids), CHUNK):
        chosen = int_list(ids[at : at + CHUNK])
        sums = SUMS.format(pairs=PAIRS.format(where=f"t.id IN ({chosen})"))
        await fetch(f"DELETE FROM task_figure WHERE task_id IN ({chosen})")  # noqa: S608
        await fetch(f"INSERT INTO task_figure (task_id, unit_id, tier, status, {', '.join(COUNTS)}) {sums}")  # noqa: S608


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
        for column in ("firsts", "rights"):
            counted = f"SELECT {column} FROM ({TALLY.format(of='check_in')}) x"  # noqa: S608
            await fetch(f"UPDATE check_in SET {column} = ({counted}) WHERE task_id IN ({chosen})")  # noqa: S608
        # A tally of nothing is no row: it would be left behind by the check-in.
        await fetch(f"DELETE FROM answer_tally WHERE task_id IN ({chosen})")  # noqa: S608
        await fetch(_TALLIES.format(tasks=chosen))
    await recount(ids)


async def hold(task_ids: Iterable[int]) -> None:
    """Keeps recounts of these tasks out until the transaction ends; check-ins do not keep each other out."""
    await lock_rows("daily_task", sorted(set(task_ids)), strength="FOR KEY SHARE")


_PAIR = {"member_id": "bigint", "task_id": "bigint"}


async def facts(pairs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], dict]:
    """The PAIRS rows of these (member_id, task_id); a pair outside the audience is left out. Call `hold` before. One query."""
    wanted, values = table_of(_PAIR, pairs)
    rows = await fetch(PAIRS_OF.format(wanted=wanted, where="t.id = w.task_id"), *values)
    return {(row["member_id"], row["task_id"]): row for row in rows}


def counts_of(fact: dict) -> dict[str, int]:
    """What one pair adds to its summary row."""
    return {"assigned": 1 - fact["excused"], **{name: fact[name] for name in COUNTS if name != "assigned"}}


async def facts_of(member_id: int, *, today: date) -> list[dict]:
    """The PAIRS rows of one member up to today, in order of date (one query)."""
    rows = await fetch(PAIRS.format(where="m.id = $1 AND t.date <= $2") + "ORDER BY t.date, t.id", member_id, today)
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


async def move(deltas: dict[tuple[int, int, str, str], dict[str, int]]) -> None:
    """Adds `deltas` to the summary rows (task, unit, tier, status), in key order so that two batches cannot block each other."""
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
