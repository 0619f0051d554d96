"""Small cells against subtraction: tables of the whole less those of a branch, periods that differ by a day, and all of them at once."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction
from itertools import product

import pytest
from door import Door
from hypothesis import given, settings
from hypothesis import strategies as st
from people import Cast, add_person, add_plan
from slices import table
from test_coverage_observer import branch_of

from backend.coverage_hidden import unseen_of, whole_months
from backend.figures import recount
from backend.kernel import clock
from models.branches import Unit
from models.members import Standing, Tier
from models.tasks import DailyTask

TODAY = clock.today()


async def test_two_axes_of_a_branch_tell_no_more_than_one_axis(door: Door, cast: Cast):
    for name, leaders, peers in (("丙", 3, 9), ("丁", 12, 12)):
        found = await branch_of(cast, name, units=(leaders, peers))
        unit = await Unit.get(branch=found.branch, position=0)
        await Standing.filter(unit=unit).update(tier=Tier.LEADER)
        await recount(await DailyTask.filter(branch=found.branch).values_list("id", flat=True))
    large = found.branch.id
    for other in ("status", "aspect", "day"):
        for branch in ({}, {"branch": large}):
            alone = await table(door, cast.observer, "tier", **branch)
            crossed = await table(door, cast.observer, "tier", **{"and": other}, **branch)
            turned = await table(door, cast.observer, other, **{"and": "tier"}, **branch)
            assert [r["cell"] for r in crossed["rows"]] == [r["cell"] for r in alone["rows"]]
            for r in crossed["rows"]:
                assert r["cells"] == {r2["key"]: r2["cells"][r["key"]] for r2 in turned["rows"]}
        assert crossed["rows"][0]["cell"]["assigned"] is None
        assert {cell["assigned"] for r in crossed["rows"] for cell in r["cells"].values()} <= {None, 0}
    both = await table(door, cast.observer, "day", **{"and": "aspect"}, branch=large)
    assert both["total"]["assigned"] == 24


# --- periods --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [
        (date(2024, 2, 3), date(2024, 2, 3), (date(2024, 2, 1), date(2024, 2, 29))),
        (date(2023, 12, 31), date(2024, 1, 1), (date(2023, 12, 1), date(2024, 1, 31))),
        (date(2024, 5, 20), date(2024, 5, 2), (date(2024, 5, 1), date(2024, 5, 20))),
    ],
)
def test_a_period_is_widened_to_whole_months_and_not_beyond_today(first: date, last: date, months: tuple[date, date]):
    assert whole_months(first, last, today=date(2024, 5, 20)) == months


async def test_an_observers_periods_cannot_be_subtracted_by_days(door: Door, cast: Cast):
    days = [date(2024, 3, 4), date(2024, 3, 5), date(2024, 4, 8)]
    people = [await add_person(cast.branch, "新人") for _ in range(7)]
    everyone = [*cast.everyone, *people]
    await add_plan(cast, days=days[:1], members=everyone)
    await add_plan(cast, days=days[1:2], members=people[:3])
    await add_plan(cast, days=days[2:], members=everyone)

    async def asked(person, first: date, last: date) -> dict:
        return await table(door, person, "day", **{"from": first.isoformat(), "to": last.isoformat()})

    one, two = await asked(cast.observer, days[0], days[0]), await asked(cast.observer, days[0], days[1])
    assert one == two
    assert (one["from"], one["to"]) == ("2024-03-01", "2024-03-31")
    assert [r["cell"]["assigned"] for r in one["rows"]] == [None, None]
    # A month hides the same in every period that holds it.
    longer = await asked(cast.observer, days[0], days[2])
    assert (longer["to"], longer["rows"][:2]) == ("2024-04-30", one["rows"])
    own = await asked(cast.secretary, days[0], days[0])
    assert (own["from"], own["to"], own["total"]["assigned"]) == ("2024-03-04", "2024-03-04", len(everyone))


async def test_a_small_today_is_hidden_from_an_observer(door: Door, cast: Cast):
    await add_plan(cast, days=[TODAY], members=[cast.alice, cast.bob])
    yesterday = TODAY - timedelta(days=1)
    await add_plan(cast, days=[yesterday])
    today = (await door.get("/stats/today", cast.observer)).json
    assert today["cell"]["assigned"] is None
    assert (await table(door, cast.observer, "day"))["rows"][-1]["cell"] == today["cell"]


# --- everything that can be asked, put together ---------------------------------------------------------------------

AXES = ("branch", "status", "tier")
SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
COUNTS = SHAPES.flatmap(
    lambda shape: st.tuples(
        st.just(shape),
        st.lists(
            st.sampled_from([0, 1, 3, 4, 5, 6, 9, 12]), min_size=shape[0] * shape[1] * shape[2], max_size=shape[0] * shape[1] * shape[2]
        ),
    )
)


class Span:
    """What follows from the figures shown: by elimination."""

    def __init__(self) -> None:
        self.basis: list[tuple[int, list[Fraction]]] = []

    def rest(self, vector: list[int]) -> list[Fraction]:
        rest = [Fraction(part) for part in vector]
        for pivot, base in self.basis:
            if rest[pivot]:
                rest = [a - rest[pivot] * b for a, b in zip(rest, base, strict=True)]
        return rest

    def add(self, vector: list[int]) -> None:
        rest = self.rest(vector)
        pivot = next((place for place, part in enumerate(rest) if part), None)
        if pivot is not None:
            self.basis.append((pivot, [part / rest[pivot] for part in rest]))

    def holds(self, vector: list[int]) -> bool:
        return not any(self.rest(vector))


@settings(max_examples=200, deadline=None)
@given(COUNTS)
def test_no_small_figure_follows_from_all_that_an_observer_may_ask(drawn: tuple[tuple[int, int, int], list[int]]):
    shape, numbers = drawn
    atoms = dict(zip(product(*([str(key) for key in range(size)] for size in shape)), numbers, strict=True))

    def vector(**keys: str) -> list[int]:
        return [int(all(atom[AXES.index(axis)] == key for axis, key in keys.items())) for atom in atoms]

    def heads_of(*axes: str) -> dict[tuple[str, ...], int]:
        found: dict[tuple[str, ...], int] = defaultdict(int)
        for atom, count in atoms.items():
            if count:
                found[tuple(atom[AXES.index(axis)] for axis in ("branch", *axes))] += count
        return dict(found)

    sizes = {key: count for (key,), count in heads_of().items()}
    every = set(sizes)
    span = Span()
    for asked in [every, *({branch} for branch in sorted(every))]:
        within = {} if asked == every else {"branch": min(asked)}
        for by, and_ in product(AXES, [None, *AXES]):
            if by == and_ or (within and "branch" in (by, and_)):
                continue
            plain = sorted(axis for axis in (by, and_) if axis and axis != "branch")
            heads = {tuple(cut): heads_of(*cut) for cut in (plain, *([axis] for axis in plain))}
            found = unseen_of(sizes, heads, by=by, and_=and_, asked=asked)
            if found.all:
                continue
            span.add(vector(**within))
            rows, columns = ([str(key) for key in range(shape[AXES.index(axis)])] if axis else [] for axis in (by, and_))
            for row in set(rows) - found.rows:
                span.add(vector(**within, **{by: row}))
            for row, column in set(product(rows, columns)) - found.cells:
                span.add(vector(**within, **{by: row, and_: column}))

    for place in product(*([None, *(str(key) for key in range(size))] for size in shape)):
        keys = {axis: key for axis, key in zip(AXES, place, strict=True) if key is not None}
        target = vector(**keys)
        if 0 < sum(count for count, chosen in zip(numbers, target, strict=True) if chosen) < 5:
            assert not span.holds(target), keys
