"""Small cells and what would give them away."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.rules.suppression import Hidden, hidden_cells, hidden_rows

TABLES = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(st.none() | st.integers(0, 14), min_size=width, max_size=width), min_size=1, max_size=5)
)


def given_away(table, hidden: Hidden) -> list[tuple[int, int]]:
    """The hidden places (totals in the last row and column) that follow from the shown ones, found by elimination."""
    height, width = len(table), len(table[0])
    totals = {(r, width) for r in hidden.rows} | {(height, c) for c in hidden.columns}
    unknown = sorted(hidden.cells | totals | ({(height, width)} if hidden.total else set()))
    lines = [([(r, c) for c in range(width)], (r, width)) for r in range(height + 1)]
    lines += [([(r, c) for r in range(height)], (height, c)) for c in range(width + 1)]
    rows = [[Fraction((place in cells) - (place == total)) for place in unknown] for cells, total in lines]
    pivots = 0
    for column in range(len(unknown)):
        found = next((i for i in range(pivots, len(rows)) if rows[i][column]), None)
        if found is None:
            continue
        rows[pivots], rows[found] = rows[found], rows[pivots]
        rows[pivots] = [value / rows[pivots][column] for value in rows[pivots]]
        for i, row in enumerate(rows):
            if i != pivots and row[column]:
                rows[i] = [value - row[column] * top for value, top in zip(row, rows[pivots], strict=True)]
        pivots += 1
    alone = [row for row in rows if sum(value != 0 for value in row) == 1]
    return [unknown[next(i for i, value in enumerate(row) if value)] for row in alone]


def test_a_table_of_large_cells_is_shown_whole():
    assert hidden_cells([[5, 10], [None, 0], [7, 8]]) == Hidden(set(), set(), set(), False)


def test_a_small_cell_takes_three_others_with_it():
    hidden = hidden_cells([[10, 3, 20], [30, 40, 25], [9, 50, 60]])
    assert hidden == Hidden({(0, 0), (0, 1), (2, 0), (2, 1)}, set(), set(), False)


def test_an_empty_cell_hides_nothing_else():
    hidden = hidden_cells([[10, 3], [20, 0]])
    assert hidden == Hidden({(0, 0), (0, 1)}, set(), {0, 1}, False)


def test_a_line_with_nothing_left_to_hide_hides_its_total():
    assert hidden_cells([[3]]) == Hidden({(0, 0)}, {0}, {0}, True)
    hidden = hidden_cells([[2, None], [20, 30], [20, 30]])
    assert 0 in hidden.rows
    assert len(hidden.rows) >= 2


def test_small_cells_that_together_are_enough_need_no_further_one_in_their_line():
    hidden = hidden_cells([[3, 4], [3, 4], [9, 9]])
    assert hidden == Hidden({(0, 0), (0, 1), (1, 0), (1, 1)}, set(), set(), False)


def test_a_cell_between_two_hidden_blocks_is_not_given_away():
    table = [[4, 4, 20, 20], [4, 4, 3, 20], [20, 20, 4, 4], [20, 20, 4, 4]]
    only_small = Hidden({(r, c) for r, row in enumerate(table) for c, count in enumerate(row) if count < 5}, set(), set(), False)
    # Each line hides two or more, and still: rows 0 and 1 less columns 0 and 1 leave the 3.
    assert given_away(table, only_small) == [(1, 2)]
    assert given_away(table, hidden_cells(table)) == []


def test_the_same_three_members_on_nine_days_stay_hidden_with_their_total():
    assert hidden_cells([[3] * 9, [20] * 9]).rows == set()
    hidden = hidden_cells([[3] * 9, [20] * 9, [20] * 9], rows_overlap=True)
    assert 0 in hidden.rows
    assert hidden_rows([3] * 9) == (set(range(9)), False)
    assert hidden_rows([3] * 9, overlap=True) == (set(range(9)), True)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([], (set(), False)),
        ([None, 0], (set(), False)),
        ([5, 9], (set(), False)),
        ([3, 10, 20], ({0, 1}, False)),
        ([3, None, 20], ({0, 2}, False)),
        ([2, 2, 9, 8], ({0, 1, 3}, False)),
        ([3, 4, 9], ({0, 1}, False)),
        ([3], ({0}, True)),
        ([1, 2], ({0, 1}, True)),
        ([3, 10], ({0, 1}, False)),
    ],
)
def test_one_column_of_figures(counts, expected):
    assert hidden_rows(counts) == expected


def test_rows_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="length"):
        hidden_cells([[1, 2], [3]])
    assert hidden_cells([]) == hidden_cells([[]]) == Hidden(set(), set(), set(), False)


@given(TABLES, st.booleans(), st.booleans())
def test_no_hidden_figure_follows_from_the_shown_ones(table, rows_overlap, columns_overlap):
    hidden = hidden_cells(table, rows_overlap=rows_overlap, columns_overlap=columns_overlap)
    assert given_away(table, hidden) == []


@given(TABLES)
def test_every_figure_for_fewer_than_five_is_hidden_and_no_empty_one(table):
    hidden = hidden_cells(table)
    counts = [[count or 0 for count in row] for row in table]
    small = {(r, c) for r, row in enumerate(counts) for c, count in enumerate(row) if 0 < count < 5}
    assert small <= hidden.cells
    assert {r for r, row in enumerate(counts) if 0 < sum(row) < 5} <= hidden.rows
    assert {c for c, column in enumerate(zip(*counts, strict=True)) if 0 < sum(column) < 5} <= hidden.columns
    assert all(counts[r][c] for r, c in hidden.cells)
    if not small:
        assert hidden == Hidden(set(), set(), set(), False)


def guarded(counts: list[int], overlap: bool) -> bool:
    return not counts or (len(counts) >= 2 and (max(counts) if overlap else sum(counts)) >= 5)


@given(TABLES, st.booleans(), st.booleans())
def test_a_line_with_a_shown_total_hides_none_or_two_that_stand_for_five(table, rows_overlap, columns_overlap):
    hidden = hidden_cells(table, rows_overlap=rows_overlap, columns_overlap=columns_overlap)
    for r, row in enumerate(table):
        if r not in hidden.rows:
            assert guarded([row[c] for c in range(len(row)) if (r, c) in hidden.cells], rows_overlap)
    for c in range(len(table[0])):
        if c not in hidden.columns:
            assert guarded([table[r][c] for r in range(len(table)) if (r, c) in hidden.cells], columns_overlap)
    if not hidden.total:
        assert len(hidden.rows) != 1
        assert len(hidden.columns) != 1


@given(st.lists(st.none() | st.integers(0, 14), max_size=12), st.booleans())
def test_one_column_hides_none_or_two_that_stand_for_five_or_its_total(counts, overlap):
    hidden, hide_total = hidden_rows(counts, overlap=overlap)
    assert {place for place, count in enumerate(counts) if count and count < 5} <= hidden
    assert all(counts[place] for place in hidden)
    assert hide_total or guarded([counts[place] for place in hidden], overlap)
    if hide_total:
        assert hidden == {place for place, count in enumerate(counts) if count}
