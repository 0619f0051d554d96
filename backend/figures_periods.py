"""The figures of months, quarters and years: what the days of a branch that are over add up to, by aspect; aspect 0 has every task once.

A task is rolled up once its day is over (housekeeping): until then its figures are read live, so that the check-ins of a day, the many,
do not meet in one row. From then on whatever changes its figures changes those of its periods by as much, in the same transaction.
All but `roll_up` run inside the caller's transaction, which holds the tasks: none of them is rolled up meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from backend.kernel.database import dialect, fetch, int_list, lock_rows, table_of, transactional

COUNTS = ("assigned", "excused", "on_time", "makeup", "proxy", "firsts", "rights")
CHUNK = 400

# Three rows for each task: its year, its quarter and its month, as rules/periods.py names them. Both dialects write a date alike.
_MONTH = "SUBSTR(CAST(t.date AS TEXT), 6, 2)"
_PERIODS = f"""
SELECT SUBSTR(CAST(t.date AS TEXT), 1, 4) || CASE k.kind WHEN 0 THEN '' WHEN 1 THEN
  CASE WHEN {_MONTH} < '04' THEN '-Q1' WHEN {_MONTH} < '07' THEN '-Q2' WHEN {_MONTH} < '10' THEN '-Q3' ELSE '-Q4' END
  ELSE '-' || {_MONTH} END AS period, t.id AS task_id, t.branch_id, {{counts}}
FROM {{given}} CROSS JOIN (SELECT 0 AS kind UNION ALL SELECT 1 UNION ALL SELECT 2) k WHERE {{where}} AND t.rolled_up
"""  # noqa: S608

# What rolled up tasks add to their periods; {of_tasks} gives them with period, task_id, branch_id and the counts.
OF_PERIODS = f"""
WITH w AS MATERIALIZED ({{of_tasks}})
{{into}} SELECT r.branch_id, r.period, r.aspect_id, {", ".join(f"SUM(r.{name}) AS {name}" for name in COUNTS)} FROM (
  SELECT w.*, ta.aspect_id FROM w JOIN task_aspect ta ON ta.task_id = w.task_id UNION ALL SELECT w.*, 0 FROM w
) r GROUP BY r.branch_id, r.period, r.aspect_id
"""  # noqa: S608


def of_tasks(where: str, *, times: int = 1) -> str:
    """The summary of the rolled up tasks of which `where` holds, for OF_PERIODS."""
    sums = ", ".join(f"{times} * SUM(f.{name}) AS {name}" for name in COUNTS)
    given = "daily_task t JOIN task_figure f ON f.task_id = t.id"
    return _PERIODS.format(counts=sums, given=given, where=where) + "GROUP BY t.id, t.branch_id, t.date, k.kind"


_INTO = f"INSERT INTO period_figure (branch_id, period, aspect_id, {', '.join(COUNTS)})"
# The rows are taken in one order, a year first, so that two cannot block each other: who has the year has what is in it.
_ADDED = f"""
ORDER BY 2, 1, 3 ON CONFLICT (period, branch_id, aspect_id) DO UPDATE
SET {", ".join(f"{name} = period_figure.{name} + excluded.{name}" for name in COUNTS)}
"""


async def hold(task_ids: Sequence[int]) -> bool:
    """Whether any of these tasks is rolled up; the periods of those that are stay locked until the transaction ends."""
    rows = await fetch(
        "SELECT DISTINCT branch_id, SUBSTR(CAST(date AS TEXT), 1, 4) AS year FROM daily_task "  # noqa: S608
        f"WHERE id IN ({int_list(task_ids)}) AND rolled_up"
    )
    if rows and dialect() != "sqlite":
        wanted, values = table_of({"branch_id": "bigint", "year": "text"}, [(row["branch_id"], row["year"]) for row in rows])
        await fetch(
            f"SELECT f.id FROM {wanted} w JOIN period_figure f ON f.branch_id = w.branch_id AND f.period = w.year "  # noqa: S608
            "ORDER BY f.period, f.branch_id, f.aspect_id FOR UPDATE OF f",
            *values,
        )
    return bool(rows)


async def add(task_ids: Iterable[int], *, times: int = 1) -> None:
    """Adds the summary of these tasks to their periods; `times` -1 takes it away again. Tasks that are not rolled up are passed over."""
    some = of_tasks(f"t.id IN ({int_list(task_ids)})", times=times)
    await fetch(OF_PERIODS.format(of_tasks=some, into=_INTO) + _ADDED)


_MOVED = {"task_id": "bigint", **dict.fromkeys(COUNTS, "int")}
_OF_GIVEN = _PERIODS.format(
    counts=", ".join(f"g.{name}" for name in COUNTS), given="{given} g JOIN daily_task t ON t.id = g.task_id", where="1 = 1"
)


async def move(deltas: Iterable[tuple[int, Mapping[str, int]]]) -> None:
    """Adds these (task, counts) to the periods of those tasks that are rolled up."""
    given, values = table_of(_MOVED, [(task_id, *(counts.get(name, 0) for name in COUNTS)) for task_id, counts in deltas])
    await fetch(OF_PERIODS.format(of_tasks=_OF_GIVEN.format(given=given), into=_INTO) + _ADDED, *values)


async def roll_up(*, today: date) -> None:
    """Makes the tasks of days before `today` part of their periods. Every process may try, at any time."""
    rows = await fetch("SELECT DISTINCT branch_id FROM daily_task WHERE NOT rolled_up AND date < $1 ORDER BY branch_id", today)
    for row in rows:
        while await _roll_up_some(row["branch_id"], today):
            pass


@transactional
async def _roll_up_some(branch_id: int, today: date) -> bool:
    """Rolls up at most CHUNK tasks of the branch: whether there may be more."""
    rows: list[dict[str, Any]] = await fetch(
        f"SELECT id FROM daily_task WHERE branch_id = $1 AND date < $2 AND NOT rolled_up ORDER BY id LIMIT {CHUNK}",  # noqa: S608
        branch_id, today,
    )  # fmt: skip
    # Check-ins under way are waited for; those that come later find the task rolled up.
    await lock_rows("daily_task", [row["id"] for row in rows])
    ours = await fetch(
        f"UPDATE daily_task SET rolled_up = true WHERE id IN ({int_list(row['id'] for row in rows)}) AND NOT rolled_up RETURNING id"  # noqa: S608
    )
    await add(row["id"] for row in ours)
    return len(rows) == CHUNK
