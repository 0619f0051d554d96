"""The (member, task) pairs in SQL: the one definition of *Assigned* and *Done*, in the forms that tasks, members and branches ask for.

A pair is assigned where the member is in the plan's audience and on the roster on the task's day; its unit, tier and status are those
of that day.
"""

from __future__ import annotations

from datetime import date

from backend.kernel.database import dialect
from backend.kernel.sql import within

Span = tuple[date, date]  # first and last day


def _holds(row: str, first: str = "starts_on", until: str = "until") -> str:
    """That a dated row holds on the task's day."""
    return f"{row}.{first} <= t.date AND ({row}.{until} IS NULL OR {row}.{until} > t.date)"


# Who has which task, with the standing of the task's date: each (member, task) pair once.
IN_PLAN = f"pm.plan_id = t.plan_id AND {_holds('pm')}"
ON_ROSTER = f"m.id = pm.member_id AND {_holds('m', 'joined_on', 'left_on')}"
STANDS = f"st.member_id = m.id AND {_holds('st')}"
AUDIENCE = f"""
FROM daily_task t
JOIN plan_member pm ON {IN_PLAN}
JOIN member m ON {ON_ROSTER}
JOIN standing st ON {STANDS}
"""

# `on_leave` is asked of those alone who have not done it.
_COUNTED = """
  CASE WHEN c.member_id IS NULL AND EXISTS (
    SELECT 1 FROM leave l WHERE l.member_id = m.id AND l.state = 'granted' AND l.starts_on <= t.date AND l.ends_on >= t.date
  ) THEN 1 ELSE 0 END AS excused,
  CASE WHEN c.member_id IS NOT NULL AND c.recorded_by_id IS NULL AND c.kind = 'on_time' THEN 1 ELSE 0 END AS on_time,
  CASE WHEN c.member_id IS NOT NULL AND c.recorded_by_id IS NULL AND c.kind = 'makeup' THEN 1 ELSE 0 END AS makeup,
  CASE WHEN c.recorded_by_id IS NOT NULL THEN 1 ELSE 0 END AS proxy,
  COALESCE(c.firsts, a.firsts, 0) AS firsts, COALESCE(c.rights, a.rights, 0) AS rights
"""
_COLUMNS = f"""
SELECT t.id AS task_id, t.date AS date, t.branch_id, m.id AS member_id, COALESCE(st.unit_id, 0) AS unit_id, st.tier, st.status,
  c.id AS checkin_id, c.kind, c.recorded_by_id, m.blanked_at, t.rolled_up, {_COUNTED}
"""
_OF_PAIR = "{0}.member_id = m.id AND {0}.task_id = t.id AND {0}.task_date = t.date"


_KEPT = "c.member_id, c.id, c.kind, c.recorded_by_id, c.firsts, c.rights"
_TALLIED = f"LEFT JOIN answer_tally a ON {_OF_PAIR.format('a')}"
# Joined as a table, or (OFFSET 0) looked up pair by pair: left to itself PostgreSQL reads all months of a member for each of its days.
_JOINED = f"LEFT JOIN check_in c ON {_OF_PAIR.format('c')}"
_LOOKED_UP = f"LEFT JOIN LATERAL (SELECT {_KEPT} FROM check_in c WHERE {_OF_PAIR.format('c')}{{months}} OFFSET 0) c ON true"  # noqa: S608


def _done(span: Span | None) -> str:
    if dialect() == "sqlite":
        return f"{_JOINED} {_TALLIED}"
    months = f" AND {within('c.task_date', *span)}" if span else ""
    return f"{_LOOKED_UP.format(months=months)} {_TALLIED}"


def all_pairs(where: str) -> str:
    """One row for each (member, task) pair, of whole branches or of all. `where` narrows t, pm or m."""
    return f"{_COLUMNS} {AUDIENCE} {_JOINED} {_TALLIED} WHERE {where} "


def pairs(where: str, *, span: Span | None = None) -> str:
    """The same for some tasks or some members. `span`: from which days the tasks can be, where that is known."""
    return f"{_COLUMNS} {AUDIENCE} {_done(span)} WHERE {where} "


def pairs_of(wanted: str, where: str, *, span: Span | None = None) -> str:
    """The same for the few members of a table w (member_id, …) as `table_of` writes it."""
    # CROSS JOIN: SQLite begins with them, and not with all the tasks.
    return f"""{_COLUMNS}
    FROM {wanted} w CROSS JOIN plan_member pm CROSS JOIN daily_task t CROSS JOIN member m CROSS JOIN standing st {_done(span)}
    WHERE pm.member_id = w.member_id AND {IN_PLAN} AND {ON_ROSTER} AND {STANDS} AND {where}
    """


def pairs_between(first: date, last: date, *, branches: str, unit_id: int | None = None) -> str:
    """Tables for WITH, the last of which, pair, has the pairs of some branches over a period, without the check-in itself.

    `branches`: a condition on {0}, a branch's id. People, days and check-ins are looked up once each and then joined, and check-ins are
    read from their index alone, so that a pair costs little. The days are written out: PostgreSQL plans for them.
    """
    days = f"{{0}} >= '{first.isoformat()}' AND {{0}} <= '{last.isoformat()}'"
    unit = f" AND st.unit_id = {int(unit_id)}" if unit_id else ""
    return f"""
    who AS MATERIALIZED (
      SELECT m.id, m.joined_on, m.left_on, pm.plan_id, pm.starts_on, pm.until, st.starts_on AS stands_from, st.until AS stands_until,
        COALESCE(st.unit_id, 0) AS unit_id, st.tier, st.status
      FROM member m JOIN plan_member pm ON pm.member_id = m.id JOIN standing st ON st.member_id = m.id
      WHERE {branches.format("m.branch_id")}{unit}
    ), day AS MATERIALIZED (
      SELECT t.id, t.date, t.plan_id, t.branch_id FROM daily_task t WHERE {branches.format("t.branch_id")} AND {days.format("t.date")}
    ), done AS MATERIALIZED (
      SELECT c.member_id, c.task_id, c.task_date, c.kind, c.recorded_by_id, c.firsts, c.rights
      FROM member m JOIN check_in c ON c.member_id = m.id WHERE {branches.format("m.branch_id")} AND {days.format("c.task_date")}
    ), pair AS (
      SELECT t.id AS task_id, t.date, t.branch_id, m.id AS member_id, m.unit_id, m.tier, m.status, {_COUNTED}
      FROM day t JOIN who m ON m.plan_id = t.plan_id AND {_holds("m")} AND {_holds("m", "joined_on", "left_on")}
        AND {_holds("m", "stands_from", "stands_until")}
      LEFT JOIN done c ON {_OF_PAIR.format("c")} LEFT JOIN answer_tally a ON {_OF_PAIR.format("a")}
    )"""  # noqa: S608
