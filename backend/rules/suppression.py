"""Small cells: an observer sees no figure that stands for fewer than five members, nor one that gives such a figure away.

A table is looked at together with its totals, as one larger table in which every row and every column is an equation
(the cells add up to the total). A hidden figure can be computed from the shown ones exactly when it is a bridge of the graph
whose nodes are the rows and columns and whose edges are the hidden figures, so no bridge may be left.
What a reader may guess from shown bounds (no figure is negative) is not hidden from."""

from collections.abc import Iterator
from dataclasses import dataclass

MINIMUM = 5

Place = tuple[int, int]
Line = tuple[list[Place], Place, bool]  # the cells, their total, whether one member may stand in several of the cells


@dataclass(frozen=True, slots=True)
class Hidden:
    """What not to show: cells as (row, column), the rows and columns whose totals are hidden, and whether the grand total is."""

    cells: set[Place]
    rows: set[int]
    columns: set[int]
    total: bool


def hidden_cells(
    members: list[list[int | None]],
    *,
    minimum: int = MINIMUM,
    rows_overlap: bool = False,
    columns_overlap: bool = False,
) -> Hidden:
    """What to hide in a table of rows × columns whose totals are published too.

    `members` says how many members each cell stands for; None or 0 is an empty cell: it needs no hiding and hides nothing else.
    `rows_overlap`: one member may stand in several cells of a row (columns are days or aspects); `columns_overlap`: in several
    cells of a column (rows are days or aspects). Cells that overlap stand together for as many members as the largest of them
    at least, others for their sum.

    In each row and column whose total is shown, the hidden cells are none, or at least two that stand together for `minimum`
    members; the totals' own row and column keep the same rule. Raises ValueError when the rows differ in length."""
    if len({len(row) for row in members}) > 1:
        raise ValueError("the rows of a table have one length")
    if not members or not members[0]:
        return Hidden(set(), set(), set(), False)
    table = _Table(members, minimum, rows_overlap, columns_overlap)
    table.close()
    last_row, last_column = len(members), len(members[0])
    return Hidden(
        cells={(row, column) for row, column in table.hidden if row < last_row and column < last_column},
        rows={row for row, column in table.hidden if row < last_row and column == last_column},
        columns={column for row, column in table.hidden if row == last_row and column < last_column},
        total=(last_row, last_column) in table.hidden,
    )


def hidden_rows(counts: list[int | None], *, minimum: int = MINIMUM, overlap: bool = False) -> tuple[set[int], bool]:
    """The same for a list of figures with one total: the places to hide, and whether to hide the total.
    `overlap`: one member may stand in several of the figures (they are days or aspects)."""
    filled = {place: count for place, count in enumerate(counts) if count}
    hidden = {place for place, count in filled.items() if count < minimum}
    if 0 < _together(list(filled.values()), overlap) < minimum:
        return set(filled), True
    # One hidden figure alone is below the minimum too, so at least two are hidden, or the total.
    shown = sorted(filled.keys() - hidden, key=lambda place: (filled[place], place))
    while hidden and _together([filled[place] for place in hidden], overlap) < minimum:
        if not shown:
            return hidden, True
        hidden.add(shown.pop(0))
    return hidden, False


def _together(counts: list[int], overlap: bool) -> int:
    return max(counts, default=0) if overlap else sum(counts)


class _Table:
    """A table with its totals as last row and last column, and the places hidden so far."""

    def __init__(self, members: list[list[int | None]], minimum: int, rows_overlap: bool, columns_overlap: bool):
        rows = [[count or 0 for count in row] for row in members]
        rows = [[*row, _together(row, rows_overlap)] for row in rows]
        totals = [_together(list(column), columns_overlap) for column in zip(*rows, strict=True)]
        if columns_overlap and not rows_overlap:
            totals[-1] = sum(totals[:-1])  # members of different columns are different people: the better lower bound
        self.counts = [*rows, totals]
        self.minimum = minimum
        self.height, self.width = len(self.counts), len(totals)
        self.rows_overlap, self.columns_overlap = rows_overlap, columns_overlap
        self.filled = [(r, c) for r in range(self.height) for c in range(self.width) if self.counts[r][c]]
        self.hidden = {(r, c) for r, c in self.filled if self.counts[r][c] < minimum}
        self.touched_rows = {r for r, _ in self.hidden}
        self.touched_columns = {c for _, c in self.hidden}

    def close(self) -> None:
        """Hides more, one place at a time, until nothing hidden is given away. It ends: with everything hidden, nothing is."""
        if not self.hidden:
            return
        while True:
            for line in self._lines():
                self._protect(line)
            if all(self._is_safe(line) for line in self._lines()) and not self._break_bridge():
                return

    def _lines(self) -> Iterator[Line]:
        for r in range(self.height):
            yield [(r, c) for c in range(self.width - 1)], (r, self.width - 1), self.rows_overlap
        for c in range(self.width):
            yield [(r, c) for r in range(self.height - 1)], (self.height - 1, c), self.columns_overlap

    def _is_safe(self, line: Line) -> bool:
        cells, total, overlap = line
        hidden = [self.counts[r][c] for r, c in cells if (r, c) in self.hidden]
        if total in self.hidden:
            return True  # nothing to subtract from; a hidden total whose cells are all shown is a bridge
        return not hidden or (len(hidden) >= 2 and _together(hidden, overlap) >= self.minimum)

    def _protect(self, line: Line) -> None:
        cells, total, _ = line
        while not self._is_safe(line):
            shown = [place for place in cells if self._is_shown(place)]
            self._hide(min(shown, key=self._cost) if shown else total)

    def _is_shown(self, place: Place) -> bool:
        return self.counts[place[0]][place[1]] > 0 and place not in self.hidden

    def _hide(self, place: Place) -> None:
        self.hidden.add(place)
        self.touched_rows.add(place[0])
        self.touched_columns.add(place[1])

    def _cost(self, place: Place) -> tuple[int, bool, int, int, int]:
        """Cells before totals; before all others those whose row and column hide something anyway, as no new line has to be
        protected for them; small before large; then by place, so that the same table always hides the same."""
        row, column = place
        is_total = (row == self.height - 1) + (column == self.width - 1)
        opens_a_line = row not in self.touched_rows or column not in self.touched_columns
        return is_total, opens_a_line, self.counts[row][column], row, column

    def _break_bridge(self) -> bool:
        """Hides one place more that leads around a hidden figure which the others give away; False when there is none."""
        bridge = self._bridge()
        if bridge is None:
            return False
        side = self._reachable(bridge[0], self.hidden - {bridge})
        other = self._reachable(self.height + bridge[1], self.hidden - {bridge})
        leading_out = [(r, c) for r, c in self.filled if self._is_shown((r, c)) and (r in side) != (self.height + c in side)]

        def far_end_misses(place: Place) -> bool:
            return place[0] not in other and self.height + place[1] not in other

        self._hide(min(leading_out, key=lambda place: (far_end_misses(place), self._cost(place))))
        return True

    def _bridge(self) -> Place | None:
        """The first bridge, by depth-first search: nodes are the rows, then the columns numbered on from `height`."""
        neighbours = self._neighbours(self.hidden)
        entered: dict[int, int] = {}
        lowest: dict[int, int] = {}
        for root in neighbours:
            if root in entered:
                continue
            entered[root] = lowest[root] = len(entered)
            path = [(root, -1, iter(neighbours[root]))]
            while path:
                node, parent, ahead = path[-1]
                following = next(ahead, None)
                if following is None:
                    path.pop()
                    if path and lowest[node] > entered[parent]:
                        return self._edge(node, parent)
                    if path:
                        lowest[parent] = min(lowest[parent], lowest[node])
                elif following not in entered:
                    entered[following] = lowest[following] = len(entered)
                    path.append((following, node, iter(neighbours[following])))
                elif following != parent:
                    lowest[node] = min(lowest[node], entered[following])
        return None

    def _reachable(self, start: int, edges: set[Place]) -> set[int]:
        neighbours = self._neighbours(edges)
        found, waiting = {start}, [start]
        while waiting:
            new = set(neighbours.get(waiting.pop(), ())) - found
            found |= new
            waiting.extend(new)
        return found

    def _neighbours(self, edges: set[Place]) -> dict[int, list[int]]:
        neighbours: dict[int, list[int]] = {}
        for r, c in sorted(edges):
            neighbours.setdefault(r, []).append(self.height + c)
            neighbours.setdefault(self.height + c, []).append(r)
        return neighbours

    def _edge(self, node: int, other: int) -> Place:
        row, column = min(node, other), max(node, other)
        return row, column - self.height
