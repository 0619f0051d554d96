"""The figures of one cell."""

from backend.rules.cells import FIELDS, HIDDEN, cell, rate, together


def test_done_is_the_sum_of_its_three_ways_and_missing_is_what_is_left():
    found = cell({"assigned": 10, "on_time": 3, "makeup": 2, "proxy": 1, "open": 1, "excused": 4, "firsts": 8, "rights": 6})
    assert found == {
        "assigned": 10, "done": 6, "on_time": 3, "makeup": 2, "proxy": 1, "excused": 4, "missing": 3, "open": 1,
        "coverage": 0.6, "on_time_rate": 0.3, "accuracy": 0.75,
    }  # fmt: skip
    assert tuple(found) == FIELDS


def test_nothing_assigned_gives_no_rate_neither_zero_nor_one():
    assert cell({})["coverage"] is cell({})["on_time_rate"] is cell({})["accuracy"] is None
    assert cell({"assigned": 0, "excused": 2})["coverage"] is None
    assert cell({"assigned": 3})["coverage"] == 0.0


def test_rates_have_four_decimals():
    assert rate(2, 3) == 0.6667
    assert rate(3, 3) == 1.0


def test_counts_of_disjoint_slices_add_up():
    assert together([{"assigned": 1, "open": 1}, {"assigned": 2, "rights": None}])["assigned"] == 3
    assert set(together([]).values()) == {0}


def test_a_hidden_cell_shows_no_figure():
    assert set(HIDDEN) == set(FIELDS)
    assert set(HIDDEN.values()) == {None}
