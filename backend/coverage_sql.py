"""The SQL of coverage: sums over the kept summaries, or over the pairs where members are told apart. The answers are never read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from functools import lru_cache
from operator import add
from typing import Any

from backend import figures_periods
from backend.coverage_scope import Scope
from backend.figures_members import members_between
from backend.kernel import clock
from backend.kernel.database import as_date, fetch
from backend.kernel.sql import fetch_many
from backend.rules import periods
from backend.rules.cells import SUMMED, Counts

# What a slice is cut by, and the column that says so.
AXES = {
    "aspect": "s.aspects",
    "unit": "s.unit_id",
    "tier": "s.tier",
    "status": "s.status",
    "member": "s.member_id",
    "day": "s.date",
    "branch": "s.branch_id",
}
TIERS = {"leader": "领导干部", "expert": "专家学者", "exemplar": "先进人物", "peer": "会员"}
STATUSES = {"full": "正式党员", "probationary": "预备党员", "activist": "入党积极分子", "associate": "会员"}

Sums = dict[tuple[str, ...], Counts]

SUMS = ", ".join(f"SUM(s.{name}) AS {name}" for name in SUMMED)
_COUNTS = ", ".join(f"f.{name}" for name in figures_periods.COUNTS)
_OPEN = "CASE WHEN {0}.date = $1 THEN {0}.assigned - {0}.on_time - {0}.makeup - {0}.proxy ELSE 0 END AS open"


async def sums(
    scope: Scope,
    axes: Sequence[str],
    *,
    first: date,
    last: date,
    today: date,
    live_from: date,
    only: Collection[int] | None = None,
) -> tuple[Sums, Sums]:
    """SUMMED counts by the keys of `axes`, where a task with several aspects stands under each of them; and by the keys of the axes
    other than aspect, where it counts once (one query). `live_from`: the first day of a task that is not rolled up, as of `names`;
    `only`: with the axis member, of these members alone."""
    rows = await fetch_many(_statement(scope, axes, first, last, live_from, only), today, *([] if scope.path else [scope.branch_id]))
    keys = len(axes)
    texts = [_days_text if axis == "day" else str for axis in axes]
    if "aspect" not in axes:
        found: Sums = {}
        for row in rows:
            _put(found, tuple([text(row[n]) for n, text in enumerate(texts)]), row[keys:])
        return found, found
    place = list(axes).index("aspect")
    other = 1 - place if keys == 2 else None
    counts: Sums = {}
    whole: Sums = {}
    for row in rows:
        one = row[keys:]
        name = None if other is None else texts[other](row[other])
        for aspect in _aspects_of(row[place]):
            if not aspect:
                _put(whole, () if name is None else (name,), one)
            else:
                _put(counts, (aspect,) if name is None else (name, aspect) if place else (aspect, name), one)
    return counts, whole


def _put(found: Sums, key: tuple[str, ...], one: Counts) -> None:
    # The sum over nothing is a row of nulls.
    if one[0] is not None:
        found[key] = tuple(map(add, found[key], one)) if key in found else one


@lru_cache(maxsize=1024)
def _aspects_of(bits: int) -> tuple[str, ...]:
    """The aspects that stand in one number, "" for the task itself."""
    return tuple(str(bit or "") for bit in range(bits.bit_length()) if bits >> bit & 1)


def _statement(scope: Scope, axes: Sequence[str], first: date, last: date, live_from: date, only: Collection[int] | None) -> str:
    """Gives the columns of `axes`, then SUMMED; a key may come in more than one row. As few rows as will do: periods, tasks, members."""
    # One branch is a parameter, so that all of them share a plan.
    branch = scope.where("{0}") if scope.path else "{0} = $2"
    by_aspect = "aspect" in axes
    if "member" in axes:
        found = members_between(first, last, branches=branch, unit_id=scope.unit_id, only=only, by_aspect=by_aspect, by_day="day" in axes)
        return _summed(found, axes)
    if set(axes) <= {"branch", "aspect"} and not scope.unit_id:
        if whole := periods.periods_within(first, last, over=clock.today()):
            named, begins, after = whole
            days = " OR ".join(f"({condition})" for condition in _live(begins, after, first, last, live_from))
            return f"{_summed(_of_tasks(branch, days, by_aspect=by_aspect), axes)} UNION ALL {_of_periods(named, branch, axes)}"
    return _summed(_of_tasks(branch, _between(first, last), by_aspect=by_aspect, unit_id=scope.unit_id), axes)


def _summed(source: str, axes: Sequence[str]) -> str:
    columns = "".join(f"{AXES[axis]} AS k{n}, " for n, axis in enumerate(axes))
    grouped = f" GROUP BY {', '.join(AXES[axis] for axis in axes)}" if axes else ""
    return f"WITH {source} SELECT {columns}{SUMS} FROM s{grouped}"  # noqa: S608


def _of_tasks(branch: str, days: str, *, by_aspect: bool, unit_id: int | None = None) -> str:
    """Tables for WITH, the last of which, s, has the summary of these tasks."""
    shown = f"t.date, t.branch_id{', t.aspects' if by_aspect else ''}, f.unit_id, f.tier, f.status, {_COUNTS}"
    unit = f" AND f.unit_id = {int(unit_id)}" if unit_id else ""
    aspects = ", t.aspect_bits AS aspects" if by_aspect else ""
    return f"""day AS MATERIALIZED (
      SELECT t.id, t.date, t.branch_id{aspects} FROM daily_task t WHERE {branch.format("t.branch_id")} AND ({days})
    ), f AS (SELECT {shown} FROM day t JOIN task_figure f ON f.task_id = t.id{unit}), s AS (SELECT f.*, {_OPEN.format("f")} FROM f)"""  # noqa: S608


def _of_periods(named: Sequence[str], branch: str, axes: Sequence[str]) -> str:
    column = {"branch": "f.branch_id", "aspect": "f.aspect_id"}
    shown = {**column, "aspect": "1 << f.aspect_id"}
    where = f"{branch.format('f.branch_id')} AND f.period IN ({', '.join(map(repr, named))})"
    where += "" if "aspect" in axes else " AND f.aspect_id = 0"
    # Of one period each branch has one row, or one for each aspect.
    is_one = len(named) == 1 and "branch" in axes
    counts = ["0" if name == "open" else f"f.{name}" if is_one else f"SUM(f.{name})" for name in SUMMED]
    grouped = f" GROUP BY {', '.join(column[axis] for axis in axes)}" if axes and not is_one else ""
    return f"SELECT {', '.join([*(shown[axis] for axis in axes), *counts])} FROM period_figure f WHERE {where}{grouped}"  # noqa: S608


def _between(first: date, last: date) -> str:
    return f"t.date >= '{first.isoformat()}' AND t.date <= '{last.isoformat()}'"


def _live(begins: date, after: date, first: date, last: date, live_from: date) -> list[str]:
    """The days whose figures are not those of the periods from `begins` on to the day before `after`: in these what is not rolled up
    yet, and the days around them."""
    # The planner takes day and roll-up for independent; told where to begin, it sees how few tasks there are.
    found = [f"{_between(max(begins, live_from), min(after - timedelta(days=1), last))} AND NOT t.rolled_up"]
    if first < begins:
        found.append(_between(first, begins - timedelta(days=1)))
    if after <= last:
        found.append(_between(after, last))
    return found


def text_of(axis: str, key: Any) -> str:
    """A key as the table shows it."""
    return _days_text(key) if axis == "day" else str(key)


def _days_text(key: Any) -> str:
    return as_date(key).isoformat()


# --- what the rows are called ---------------------------------------------------------------------------------------

_TEXT = "SELECT '{axis}' AS axis, {key} AS id, {label} AS label, {branch} AS belongs, {place} AS place, {first} AS first, {last} AS last"
_BLANK = {"branch": "0", "place": "0", "first": "NULL", "last": "NULL"}


def _labels_of(axis: str, scope: Scope) -> str:
    text = {**_BLANK, "axis": axis}
    match axis:
        case "start":
            text |= {"key": "0", "label": "CAST(MIN(starts_on) AS TEXT)"}
            return _TEXT.format(**text) + f" FROM study_plan WHERE {scope.where('branch_id')}"
        case "live":
            text |= {"key": "0", "label": "CAST(MIN(date) AS TEXT)"}
            return _TEXT.format(**text) + " FROM daily_task WHERE NOT rolled_up"
        case "aspect":
            text |= {"key": "id", "label": "title"}
            return _TEXT.format(**text) + " FROM aspect"
        case "unit":
            text |= {"key": "u.id", "label": "u.name", "branch": "u.branch_id", "place": "u.position"}
            own = f" AND u.id = {int(scope.unit_id)}" if scope.unit_id else ""
            return _TEXT.format(**text) + f" FROM unit u WHERE {scope.where('u.branch_id')}{own}"
        case "branch":
            text |= {"key": "id", "label": "name"}
            return _TEXT.format(**text) + f" FROM branch WHERE {scope.where('id')}"
        case "day":
            text |= {"key": "0", "label": "CAST(date AS TEXT)"}
            return _TEXT.format(**text) + f" FROM daily_task WHERE {scope.where('branch_id')} GROUP BY date"
    text |= {"key": "m.id", "label": "m.name", "first": "CAST(m.joined_on AS TEXT)", "last": "CAST(m.left_on AS TEXT)"}
    standing = ""
    if scope.unit_id:
        standing = f" JOIN standing st ON st.member_id = m.id AND st.unit_id = {int(scope.unit_id)}"
        text |= {
            "first": "CAST(CASE WHEN st.starts_on > m.joined_on THEN st.starts_on ELSE m.joined_on END AS TEXT)",
            "last": "CAST(CASE WHEN m.left_on IS NULL OR st.until < m.left_on THEN st.until ELSE m.left_on END AS TEXT)",
        }
    return _TEXT.format(**text) + f" FROM member m{standing} WHERE {scope.where('m.branch_id')}"


async def names(scope: Scope, axes: Sequence[str]) -> dict[str, list[dict]]:
    """For each axis with a table behind it its {"id", "label", "belongs", "first", "last"} in the order in which they are shown,
    under "start" the first day of the scope's plans, and under "live" that of the tasks which are not rolled up (one query)."""
    asked = ["start", "live", *(axis for axis in axes if axis not in ("tier", "status"))]
    if "unit" in axes and "branch" not in axes and scope.path:
        asked.append("branch")
    found: dict[str, list[dict]] = {axis: [] for axis in asked}
    for row in await fetch(" UNION ALL ".join(_labels_of(axis, scope) for axis in asked)):
        found[row["axis"]].append(row)
    for axis, rows in found.items():
        rows.sort(key=lambda row: row["label"] or "" if axis == "day" else (row["belongs"], row["place"], row["id"]))  # noqa: B023
    return found
