"""What an observer is not shown: cells for fewer than five members, and those that would give one away by subtraction.

Which cells are hidden is decided over everything that the observer may read, not over the part just asked for: else the whole less
its parts would tell. A branch that is hidden is hidden in every table; with the others, the hidden branches form one line that
anybody can compute (the whole less the branches shown), so it is protected like a line that is shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from backend import coverage_sql
from backend.coverage_scope import Scope
from backend.rules.suppression import hidden_cells, hidden_rows

# One member may stand in several cells of these axes.
OVERLAPPING = {"aspect", "day"}


@dataclass(slots=True)
class Unseen:
    """Keys of the cells not to show: of rows, of columns, of (row, column), and whether the total is one of them."""

    rows: set[str] = field(default_factory=set)
    columns: set[str] = field(default_factory=set)
    cells: set[tuple[str, str]] = field(default_factory=set)
    total: bool = False
    all: bool = False


async def unseen(scope: Scope, *, by: str, and_: str | None, first: date, last: date) -> Unseen:
    """What to hide of the table by × and_ for the branches of `scope` (one query)."""
    axes = [axis for axis in (by, and_) if axis and axis != "branch"]
    sizes, heads, asked = await coverage_sql.heads(scope, axes, first=first, last=last)
    return unseen_of(sizes, heads, by=by, and_=and_, asked=asked)


def unseen_of(sizes: Mapping[str, int], heads: Mapping[tuple[str, ...], int], *, by: str, and_: str | None, asked: set[str]) -> Unseen:
    """`sizes`: the members behind each branch that may be read, `heads`: behind each (branch, *axes other than branch) of them."""
    axes = [axis for axis in (by, and_) if axis and axis != "branch"]
    branches = sorted(sizes, key=int)
    places, whole_too = hidden_rows([sizes[branch] for branch in branches])
    away = {branches[place] for place in places}
    narrowed = asked != set(branches)
    if whole_too or (narrowed and away & asked):
        return Unseen(all=True)
    if not axes:
        return Unseen(rows=away)
    if len(axes) == 2:
        return _of_two(heads, axes, asked)
    lines = _units(heads, branches, away) if axes == ["unit"] else _lines(heads, branches, away, overlap=axes[0] in OVERLAPPING)
    if by == "branch":
        return lines
    if and_ == "branch":
        return Unseen(lines.columns, lines.rows, {(key, branch) for branch, key in lines.cells})
    if narrowed:
        return Unseen(rows={key for branch, key in lines.cells if branch in asked})
    return Unseen(rows=lines.columns)


def _lines(heads: Mapping[tuple[str, ...], int], branches: Sequence[str], away: set[str], *, overlap: bool) -> Unseen:
    """The table branch × one axis. The totals of its lines are shown by the table of branches, so none of them counts as hidden here."""
    keys = sorted({key for _, key in heads})
    lines = [[branch] for branch in branches if branch not in away] + ([sorted(away)] if away else [])
    table = [[sum(heads.get((branch, key), 0) for branch in line) for key in keys] for line in lines]
    found = hidden_cells(table, rows_overlap=overlap)
    cells, columns = found.cells, found.columns
    if found.rows or found.total:
        # It cannot be done with these totals shown: each line for itself then, and no total of a key that hides anything.
        cells = {(row, column) for row, line in enumerate(table) for column in hidden_rows(line, overlap=overlap)[0]}
        columns = {column for _, column in cells}
    hidden = {(branch, keys[column]) for row, column in cells for branch in lines[row]}
    return Unseen(
        rows=set(away),
        columns={keys[column] for column in columns},
        cells=hidden | {(branch, key) for branch in away for key in keys},
    )


def _units(heads: Mapping[tuple[str, ...], int], branches: Sequence[str], away: set[str]) -> Unseen:
    """The table branch × unit: a unit belongs to one branch, so each branch is a line of its own, and a unit's total is its cell."""
    cells = set()
    for branch in branches:
        units = sorted(unit for of, unit in heads if of == branch)
        places = range(len(units)) if branch in away else hidden_rows([heads[branch, unit] for unit in units])[0]
        cells |= {(branch, units[place]) for place in places}
    return Unseen(rows=away, columns={unit for _, unit in cells}, cells=cells)


def _of_two(heads: Mapping[tuple[str, ...], int], axes: Sequence[str], asked: set[str]) -> Unseen:
    """The table of two axes other than branch, over the branches asked for."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for (branch, row, column), count in heads.items():
        if branch in asked:
            sums[row, column] += count
    rows, columns = sorted({row for row, _ in sums}), sorted({column for _, column in sums})
    table = [[sums.get((row, column), 0) for column in columns] for row in rows]
    found = hidden_cells(table, rows_overlap=axes[1] in OVERLAPPING, columns_overlap=axes[0] in OVERLAPPING)
    return Unseen(
        rows={rows[row] for row in found.rows},
        columns={columns[column] for column in found.columns},
        cells={(rows[row], columns[column]) for row, column in found.cells},
        total=found.total,
    )
