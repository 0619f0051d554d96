"""What members have of the tasks of a period, in SQL: the pairs of figures_pairs.py counted by member and not one by one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

from backend.kernel.database import dialect, int_list

_LATEST = {"postgres": ("GREATEST", "LEAST"), "sqlite": ("MAX", "MIN")}
_END = "'9999-12-31'"
_IN_SPAN = "t.plan_id = w.plan_id AND t.date >= w.begins AND t.date < w.ends"
# What a check-in c counts for.
_DONE = {
    "on_time": "CASE WHEN c.recorded_by_id IS NULL AND c.kind = 'on_time' THEN 1 ELSE 0 END",
    "makeup": "CASE WHEN c.recorded_by_id IS NULL AND c.kind = 'makeup' THEN 1 ELSE 0 END",
    "proxy": "CASE WHEN c.recorded_by_id IS NOT NULL THEN 1 ELSE 0 END",
    "firsts": "c.firsts",
    "rights": "c.rights",
}
_ALIKE = "{0}.plan_id = w.plan_id AND {0}.begins = w.begins AND {0}.ends = w.ends"
_TODAYS = "CASE WHEN t.date = $1 THEN 1 ELSE 0 END"

_DONE_SUMS = ", ".join(f"CAST(SUM({one}) AS int) AS {name}" for name, one in (_DONE | {"todays": _TODAYS}).items())
_DONE_ALL = ", ".join(f"t.{name}" for name in _DONE)
_DONE_EACH = ", ".join(_DONE.values())


def members_between(
    first: date,
    last: date,
    *,
    branches: str,
    unit_id: int | None = None,
    only: Collection[int] | None = None,
    by_aspect: bool = False,
    by_day: bool = False,
) -> str:
    """Tables for WITH, the last of which, s, adds up to the counts of the pairs of some branches over a period, with the keys of the
    member's standing and, where they are asked for, the task's date and aspects (as bits); $1 is today.

    `branches`: a condition on {0}, a branch's id; `only`: the members that are asked for, None for all. Nothing is done pair by pair:
    what a plan holds is counted once for all who have it alike (a span is the days on which nothing changes for a member), and check-ins
    are added up by member from their index alone. Of members whose standing changed on the way (their span is not whole) each check-in
    is looked at. The days are written out: PostgreSQL plans for them. CROSS JOIN: SQLite goes in this order.
    """
    latest, earliest = _LATEST[dialect()]
    days = f"{{0}} >= '{first.isoformat()}' AND {{0}} <= '{last.isoformat()}'"
    of_tasks, of_members = branches.format("t.branch_id"), branches.format("m.branch_id")
    of_members += "" if only is None else f" AND m.id IN ({int_list(only)})"
    unit = f" AND st.unit_id = {int(unit_id)}" if unit_id else ""
    after = (last + timedelta(days=1)).isoformat()
    bits, each_bits = ("t.aspect_bits", ", t.aspect_bits") if by_aspect else ("0", "")
    who = "w.id AS member_id, w.branch_id, w.unit_id, w.tier, w.status"
    # PostgreSQL plans these look-ups well by themselves alone, SQLite need not write them down.
    kept = {"postgres": "MATERIALIZED", "sqlite": "NOT MATERIALIZED"}[dialect()]
    day, each_day = ("t.date", ", t.date") if by_day else ("NULL", "")
    return f"""
    day AS MATERIALIZED (
      SELECT t.id, t.date, t.plan_id, {bits} AS aspects FROM daily_task t WHERE {of_tasks} AND {days.format("t.date")}
    ), who AS MATERIALIZED (
      SELECT m.id, m.branch_id, pm.plan_id, COALESCE(st.unit_id, 0) AS unit_id, st.tier, st.status,
        {latest}(pm.starts_on, m.joined_on, st.starts_on, '{first.isoformat()}') AS begins,
        {earliest}(COALESCE(pm.until, {_END}), COALESCE(m.left_on, {_END}), COALESCE(st.until, {_END}), '{after}') AS ends
      FROM member m JOIN plan_member pm ON pm.member_id = m.id JOIN standing st ON st.member_id = m.id
      WHERE {of_members}{unit}
    ), span AS MATERIALIZED (
      SELECT s.*, CASE WHEN s.begins <= p.earliest AND s.ends > p.latest THEN 1 ELSE 0 END AS whole
      FROM (SELECT DISTINCT plan_id, begins, ends FROM who WHERE begins < ends) s
      JOIN (SELECT plan_id, MIN(date) AS earliest, MAX(date) AS latest FROM day GROUP BY plan_id) p ON p.plan_id = s.plan_id
    ), done AS MATERIALIZED (
      SELECT c.member_id, t.plan_id, {bits} AS aspects{each_day}, {_DONE_SUMS}
      FROM member m CROSS JOIN check_in c CROSS JOIN daily_task t
      WHERE c.member_id = m.id AND t.id = c.task_id AND {of_members} AND {days.format("c.task_date")}
        AND {of_tasks} AND {days.format("t.date")}
      GROUP BY c.member_id, t.plan_id{each_bits}{each_day}
    ), each AS {kept} (
      SELECT {who}, w.plan_id, w.begins, w.ends, c.task_id, c.kind, c.recorded_by_id, c.firsts, c.rights
      FROM span s CROSS JOIN who w CROSS JOIN check_in c
      WHERE s.whole = 0 AND {_ALIKE.format("s")} AND c.member_id = w.id AND {days.format("c.task_date")}
    ), away AS MATERIALIZED (
      SELECT w.*, l.starts_on, l.ends_on FROM member m JOIN leave l ON l.member_id = m.id JOIN who w ON w.id = m.id
      WHERE {of_members} AND l.state = 'granted' AND l.starts_on <= '{last.isoformat()}' AND l.ends_on >= '{first.isoformat()}'
    ), excused AS MATERIALIZED (
      SELECT DISTINCT {who}, t.id, t.date, {bits} AS aspects
      FROM away w JOIN daily_task t ON t.date >= w.starts_on AND t.date <= w.ends_on AND {_IN_SPAN}
    ), held AS MATERIALIZED (
      SELECT w.plan_id, w.begins, w.ends, {day} AS date, t.aspects, CAST(COUNT(*) AS int) AS assigned, CAST(SUM({_TODAYS}) AS int) AS open
      FROM span w JOIN day t ON {_IN_SPAN} GROUP BY w.plan_id, w.begins, w.ends, t.aspects{each_day}
    ), s AS (
      SELECT {who}, h.date, h.aspects, h.assigned, 0 AS excused, 0 AS on_time, 0 AS makeup, 0 AS proxy, 0 AS firsts, 0 AS rights, h.open
      FROM who w JOIN held h ON {_ALIKE.format("h")}
      UNION ALL
      SELECT {who}, {day}, t.aspects, 0, 0, {_DONE_ALL}, -t.todays
      FROM span s JOIN who w ON {_ALIKE.format("s")} JOIN done t ON t.member_id = w.id AND t.plan_id = w.plan_id WHERE s.whole = 1
      UNION ALL
      SELECT c.member_id, c.branch_id, c.unit_id, c.tier, c.status, {day}, {bits}, 0, 0, {_DONE_EACH}, -{_TODAYS}
      FROM each c CROSS JOIN daily_task t WHERE t.id = c.task_id AND t.plan_id = c.plan_id AND t.date >= c.begins AND t.date < c.ends
      UNION ALL
      SELECT t.member_id, t.branch_id, t.unit_id, t.tier, t.status, {day}, t.aspects, -1, 1, 0, 0, 0, 0, 0, -{_TODAYS} FROM excused t
      WHERE NOT EXISTS (SELECT 1 FROM check_in c WHERE c.member_id = t.member_id AND c.task_id = t.id AND c.task_date = t.date)
      UNION ALL
      SELECT {who}, {day}, {bits}, 0, 0, 0, 0, 0, a.firsts, a.rights, 0
      FROM member m CROSS JOIN answer_tally a CROSS JOIN daily_task t CROSS JOIN who w
      WHERE {of_members} AND a.member_id = m.id AND {days.format("a.task_date")} AND t.id = a.task_id AND w.id = m.id AND {_IN_SPAN}
    )"""  # noqa: S608
