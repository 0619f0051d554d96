"""The SQL of coverage: sums over the kept summary, or over PAIRS where members are told apart. The answers are never read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from backend.coverage_scope import Scope
from backend.figures import AUDIENCE, PAIRS
from backend.kernel.database import as_date, fetch
from backend.rules.cells import SUMMED

# What a slice is cut by, and the column that says so.
AXES = {
    "aspect": "ta.aspect_id",
    "unit": "s.unit_id",
    "tier": "s.tier",
    "status": "s.status",
    "member": "s.member_id",
    "day": "s.date",
    "branch": "s.branch_id",
}
TIERS = {"leader": "领导干部", "expert": "专家学者", "exemplar": "先进人物", "peer": "会员"}
STATUSES = {"full": "正式党员", "probationary": "预备党员", "activist": "入党积极分子", "associate": "会员"}

_FIGURES = """
SELECT t.id AS task_id, t.date, t.branch_id, f.unit_id, f.tier, f.status,
  f.assigned, f.excused, f.on_time, f.makeup, f.proxy, f.firsts, f.rights
FROM daily_task t JOIN task_figure f ON f.task_id = t.id WHERE t.date >= $1 AND t.date <= $2 AND {where}
"""
_MEMBERS = """
SELECT p.task_id, p.date, p.branch_id, p.unit_id, p.tier, p.status, p.member_id, 1 - p.excused AS assigned, p.excused,
  p.on_time, p.makeup, p.proxy, p.firsts, p.rights FROM ({pairs}) p
"""
_HEADS = f"""
SELECT t.id AS task_id, t.date, t.branch_id, m.id AS member_id, COALESCE(st.unit_id, 0) AS unit_id, st.tier, st.status {AUDIENCE}
"""  # noqa: S608
_SUMS = ", ".join(f"SUM(s.{name}) AS {name}" for name in SUMMED if name != "open")
_OPEN = "SUM(CASE WHEN s.date = $3 THEN s.assigned - s.on_time - s.makeup - s.proxy ELSE 0 END) AS open"


async def sums(scope: Scope, axes: Sequence[str], *, first: date, last: date, today: date) -> dict[tuple[str, ...], dict[str, int]]:
    """SUMMED counts by the keys of `axes` (one query); a task with several aspects stands under each of them."""
    columns = "".join(f"{AXES[axis]} AS k{n}, " for n, axis in enumerate(axes))
    rows = await fetch(
        f"SELECT {columns}{_SUMS}, {_OPEN} FROM ({_source(scope, axes)}) s {_aspects(axes)} {_grouped(axes)}",  # noqa: S608
        first, last, today,
    )  # fmt: skip
    return {_key(row, axes): row for row in rows if row["assigned"] is not None}


Heads = dict[tuple[str, ...], dict[tuple[str, ...], int]]


async def heads(scope: Scope, axes: Sequence[str], *, first: date, last: date) -> tuple[dict[str, int], Heads, set[str]]:
    """How many different members stand behind each branch that an observer may read; under (axis,) of each axis, and under both
    of two, behind each (branch, *keys); and which of the branches lie in the scope (one query)."""
    where = f"t.date >= $1 AND t.date <= $2 AND {scope.where('t.branch_id', path=scope.whole)}"
    # All the axes come first: they give the columns their types.
    cuts = list(dict.fromkeys([tuple(axes), *((axis,) for axis in axes)]))
    parts = []
    for number, cut in enumerate(cuts):
        keys = "".join(f", {AXES[axis] if axis in cut else 'NULL'} AS k_{axis}" for axis in axes)
        parts.append(
            f"SELECT {number} AS cut, s.branch_id AS k_branch{keys}, COUNT(DISTINCT s.member_id) AS heads, '' AS path "  # noqa: S608
            f"FROM s {_aspects(cut)} {_grouped(['branch', *cut])}"
        )
    none = "".join(", NULL" for _ in axes)
    rows = await fetch(
        f"WITH s AS ({_HEADS} WHERE {where}) {' UNION ALL '.join(parts)} UNION ALL "  # noqa: S608
        f"SELECT -1, s.branch_id{none}, COUNT(DISTINCT s.member_id), b.path FROM s JOIN branch b ON b.id = s.branch_id "
        "GROUP BY s.branch_id, b.path",
        first, last,
    )  # fmt: skip
    found: Heads = {cut: {} for cut in cuts}
    for row in rows:
        if row["cut"] >= 0:
            cut = cuts[row["cut"]]
            found[cut][tuple(_text(axis, row[f"k_{axis}"]) for axis in ("branch", *cut))] = row["heads"]
    whole = [row for row in rows if row["cut"] < 0]
    asked = {str(row["k_branch"]) for row in whole if row["path"].startswith(scope.path or "/")}
    return {str(row["k_branch"]): row["heads"] for row in whole}, found, asked


def _source(scope: Scope, axes: Sequence[str]) -> str:
    where = scope.where("t.branch_id")
    if "member" not in axes:
        return _FIGURES.format(where=where + (f" AND f.unit_id = {int(scope.unit_id)}" if scope.unit_id else ""))
    where += f" AND st.unit_id = {int(scope.unit_id)}" if scope.unit_id else ""
    return _MEMBERS.format(pairs=PAIRS.format(where=f"t.date >= $1 AND t.date <= $2 AND {where}"))


def _aspects(axes: Sequence[str]) -> str:
    return "JOIN task_aspect ta ON ta.task_id = s.task_id" if "aspect" in axes else ""


def _grouped(axes: Sequence[str]) -> str:
    return f"GROUP BY {', '.join(AXES[axis] for axis in axes)}" if axes else ""


def _key(row: dict, axes: Sequence[str]) -> tuple[str, ...]:
    return tuple(_text(axis, row[f"k{n}"]) for n, axis in enumerate(axes))


def _text(axis: str, key: Any) -> str:
    return str(as_date(key) if axis == "day" else key)


# --- what the rows are called ---------------------------------------------------------------------------------------

_TEXT = "SELECT '{axis}' AS axis, {key} AS id, {label} AS label, {branch} AS belongs, {place} AS place, {first} AS first, {last} AS last"
_BLANK = {"branch": "0", "place": "0", "first": "NULL", "last": "NULL"}


def _labels_of(axis: str, scope: Scope) -> str:
    text = {**_BLANK, "axis": axis}
    match axis:
        case "start":
            text |= {"key": "0", "label": "CAST(MIN(starts_on) AS TEXT)"}
            return _TEXT.format(**text) + f" FROM study_plan WHERE {scope.where('branch_id')}"
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
    and under "start" the first day of the scope's plans (one query)."""
    asked = ["start", *(axis for axis in axes if axis not in ("tier", "status"))]
    if "unit" in axes and "branch" not in axes and scope.path:
        asked.append("branch")
    found: dict[str, list[dict]] = {axis: [] for axis in asked}
    for row in await fetch(" UNION ALL ".join(_labels_of(axis, scope) for axis in asked)):
        found[row["axis"]].append(row)
    for axis, rows in found.items():
        rows.sort(key=lambda row: row["label"] or "" if axis == "day" else (row["belongs"], row["place"], row["id"]))  # noqa: B023
    return found
