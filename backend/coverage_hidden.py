"""What an observer is not shown: cells for fewer than five members, and those that would give one away by subtraction.

Which cells are hidden is decided over everything that the observer may read, not over the part just asked for: else the whole less
its parts would tell. A branch that is hidden is hidden in every table; with the others, the hidden branches form one line that
anybody can compute (the whole less the branches shown), so it is protected like a line that is shown.
Why this is enough, and what it does not cover, is written in docs/decisions/0011.
"""

from __future__ import annotations

import calendar
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby, product

from backend import coverage_heads
from backend.coverage_scope import Scope
from backend.rules.suppression import MINIMUM, hidden_cells, hidden_rows

# One member may stand in several cells of these axes.
OVERLAPPING = {"aspect", "day"}
REMEMBERED_MOST, CELLS_MOST = 50, 20_000  # tables, and cells hidden in one of them


@dataclass(slots=True)
class Unseen:
    """Keys of the cells not to show: of rows, of columns and of (row, column); `all` is everything, the total too."""

    rows: set[str] = field(default_factory=set)
    columns: set[str] = field(default_factory=set)
    cells: set[tuple[str, str]] = field(default_factory=set)
    all: bool = False


_remembered: dict[tuple, tuple[tuple[int, int], Unseen]] = {}


def whole_months(first: date, last: date, *, today: date) -> tuple[date, date]:
    """The period widened to whole calendar months, up to today: two periods that differ by a day would tell of that day."""
    end = last.replace(day=calendar.monthrange(last.year, last.month)[1])
    return first.replace(day=1), min(end, today)


async def unseen(scope: Scope, *, by: str, and_: str | None, first: date, last: date) -> Unseen:
    """What to hide of the table by × and_ for the branches of `scope`; remembered until it changes who has which task.

    One query, or two.
    """
    asked_for = scope.whole, scope.path, by, and_, first, last
    version = await coverage_heads.version(scope)
    known = _remembered.get(asked_for)
    if known is None or known[0] != version:
        sizes, heads, asked = await coverage_heads.heads(scope, _axes(by, and_), first=first, last=last)
        known = version, unseen_of(sizes, heads, by=by, and_=and_, asked=asked)
        if len(_remembered) >= REMEMBERED_MOST:
            _remembered.clear()
        if len(known[1].cells) <= CELLS_MOST:
            _remembered[asked_for] = known
    return known[1]


def _axes(by: str, and_: str | None) -> list[str]:
    """The axes other than branch in one order: a table turned round must hide the same."""
    return sorted(axis for axis in (by, and_) if axis and axis != "branch")


def unseen_of(sizes: Mapping[str, int], heads: coverage_heads.Heads, *, by: str, and_: str | None, asked: set[str]) -> Unseen:
    """`sizes`: the members behind each branch that may be read, `heads`: as of coverage_heads.heads, the axes in alphabetical order."""
    axes = _axes(by, and_)
    branches = sorted(sizes, key=int)
    places, whole_too = hidden_rows([sizes[branch] for branch in branches])
    away = {branches[place] for place in places}
    narrowed = asked != set(branches)
    if whole_too or (narrowed and away & asked):
        return Unseen(all=True)
    if not axes:
        return Unseen(rows=away)
    tables = {axis: _by_branch(axis, heads[axis,], branches, away) for axis in axes}
    if by == "branch":
        return tables[axes[0]]
    if and_ == "branch":
        lines = tables[axes[0]]
        return Unseen(lines.columns, lines.rows, {(key, branch) for branch, key in lines.cells})
    hidden = {
        axis: {key for branch, key in lines.cells if branch in asked} if narrowed else lines.columns for axis, lines in tables.items()
    }
    if len(axes) == 1:
        return Unseen(rows=hidden[by])
    cells = _of_two(heads[tuple(axes)], axes, hidden, narrowed=narrowed)
    return Unseen(rows=hidden[by], columns=hidden[and_], cells=cells if by == axes[0] else {(row, column) for column, row in cells})


def _by_branch(axis: str, heads: Mapping[tuple[str, ...], int], branches: Sequence[str], away: set[str]) -> Unseen:
    """The table branch × axis."""
    if axis == "unit":
        return _units(heads, branches, away)
    found = Unseen(rows=set(away))
    # Of days each month is a table of its own: an observer's period is made of months, and each has to hide the same in all.
    for _, keys in groupby(sorted({key for _, key in heads}), key=lambda key: key[:7] if axis == "day" else ""):
        _add_lines(found, heads, list(keys), branches, overlap=axis in OVERLAPPING)
    return found


def _add_lines(found: Unseen, heads: Mapping, keys: Sequence[str], branches: Sequence[str], *, overlap: bool) -> None:
    """The table branch × keys. The totals of its lines are shown by the table of branches, so none of them counts as hidden here."""
    away = found.rows
    lines = [[branch] for branch in branches if branch not in away] + ([sorted(away)] if away else [])
    table = [[sum(heads.get((branch, key), 0) for branch in line) for key in keys] for line in lines]
    hidden = hidden_cells(table, rows_overlap=overlap)
    cells, columns = hidden.cells, hidden.columns
    if hidden.rows or hidden.total:
        # It cannot be done with these totals shown: each line for itself then, and no total of a key that hides anything.
        cells = {(row, column) for row, line in enumerate(table) for column in hidden_rows(line, overlap=overlap)[0]}
        columns = {column for _, column in cells}
    found.columns |= {keys[column] for column in columns}
    found.cells |= {(branch, keys[column]) for row, column in cells for branch in lines[row]}
    found.cells |= set(product(away, keys))


def _units(heads: Mapping[tuple[str, ...], int], branches: Sequence[str], away: set[str]) -> Unseen:
    """The table branch × unit: a unit belongs to one branch, so each branch is a line of its own, and a unit's total is its cell."""
    cells = set()
    for branch in branches:
        units = sorted(unit for of, unit in heads if of == branch)
        places = range(len(units)) if branch in away else hidden_rows([heads[branch, unit] for unit in units])[0]
        cells |= {(branch, units[place]) for place in places}
    return Unseen(rows=away, columns={unit for _, unit in cells}, cells=cells)


def _of_two(
    heads: Mapping[tuple[str, ...], int], axes: Sequence[str], hidden: Mapping[str, Collection[str]], *, narrowed: bool
) -> set[tuple[str, str]]:
    """The cells to hide of two axes other than branch; the totals of rows and columns are those of one axis, so hide as they do.

    Over a part of the branches, and with units (each is part of a branch), a cell is also the whole less other parts: all cells are
    hidden unless every branch could show every cell. Over the whole, the rows hidden form one line, and so do the columns.
    """
    every = set(product(*({key[n] for key in heads} for n in (1, 2))))
    if narrowed or "unit" in axes:
        return every if any(0 < count < MINIMUM for count in heads.values()) else set()
    rows, columns = (
        [*([key] for key in sorted({of[n] for of in heads} - set(hidden[axis]))), sorted(hidden[axis])] for n, axis in enumerate(axes, 1)
    )
    sums: dict[tuple[str, str], int] = dict.fromkeys(every, 0)
    for (_, row, column), count in heads.items():
        sums[row, column] += count
    # A merged cell of days or aspects holds at least as many members as its largest part.
    across = [max if axis in OVERLAPPING else sum for axis in axes]
    table = [
        [across[0]([across[1]([sums.get((r, c), 0) for c in column] or [0]) for r in row] or [0]) for column in columns] for row in rows
    ]
    found = hidden_cells(table, rows_overlap=axes[1] in OVERLAPPING, columns_overlap=axes[0] in OVERLAPPING)
    if found.rows or found.columns or found.total:
        return every  # these totals are shown elsewhere
    away = {(row, column) for row, column in every if row in hidden[axes[0]] or column in hidden[axes[1]]}
    return away | {place for row, column in found.cells for place in product(rows[row], columns[column])}
