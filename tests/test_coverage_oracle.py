"""Every slice of random histories, as the product keeps it, against the same slice counted pair by pair."""

from __future__ import annotations

from itertools import permutations

import oracle
from door import Door
from histories import DAYS, HISTORIES, PEOPLE, History, begin
from hypothesis import HealthCheck, given, settings
from oracle import COUNTS

from backend import checkins_streak, checks, figures
from backend.coverage import coverage
from backend.kernel import clock
from backend.rules.streaks import LETTERS, streak_of
from models.members import Status, Tier
from models.questions import Withdrawal

ONE = [(axis,) for axis in ("aspect", "unit", "tier", "status", "member", "day")]
TWO = list(permutations(("aspect", "unit", "status", "member", "day"), 2))
NOTHING = dict.fromkeys(COUNTS, 0)


@settings(
    max_examples=40, deadline=None, database=None, report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(drawn=HISTORIES)
async def test_random_histories_count_as_the_oracle_counts_them(door: Door, drawn: dict):
    history = await begin(drawn, today=clock.today())
    for event in [*drawn["events"], *drawn["studies"]]:
        await history.live(event)
    for axes in ONE:
        await compare(history, axes)
    for axes in TWO[len(drawn["events"]) % 5 :: 5]:
        await compare(history, axes)
    await compare_streaks(history)
    assert await checks.broken(branch_id=history.secretary.branch_id) == []


async def compare_streaks(history: History) -> None:
    """The streak that a receipt tells is that of the days of the progress page."""
    told = await checkins_streak.streaks_with([(*pair, "m", history.today) for pair in history.world["check_ins"]])
    for member, task in history.world["check_ins"]:
        days = await figures.facts_of(member, today=history.today)
        counted = ["m" if d["task_id"] == task else LETTERS[figures.day_of(d, today=history.today).state] for d in days]
        if task in {d["task_id"] for d in days}:
            assert told[member, task] == streak_of("".join(counted))


PLAIN = (0, (0, Tier.PEER, Status.FULL))
QUIET = {"is_split": False, "aspects": [{1}] * DAYS, "people": [PLAIN] * PEOPLE}


async def test_a_withdrawn_question_leaves_no_tally_beside_a_check_in(door: Door):
    history = await begin(QUIET, today=clock.today())
    for event in (("answer", 0, 1, 1, False), ("withdraw", 1), ("check_in", 0, 1, 0, (True, True))):
        await history.live(event)
    assert history.world["check_ins"]
    assert await checks.broken(branch_id=history.secretary.branch_id) == []


async def test_a_question_taken_up_again_counts_again(door: Door):
    history = await begin(QUIET, today=clock.today())
    for event in (("answer", 0, 1, 1, False), ("check_in", 1, 1, 0, (True, True)), ("withdraw", 0), ("withdraw", 1)):
        await history.live(event)
    await Withdrawal.filter(branch_id=history.secretary.branch_id).delete()
    history.world["withdrawn"].clear()
    await figures.retally(history.tasks)
    await compare(history, ("member",))
    assert await checks.broken(branch_id=history.secretary.branch_id) == []


async def compare(history: History, axes: tuple[str, ...]) -> None:
    table = await coverage(history.secretary, by=axes[0], and_=axes[1] if axes[1:] else None, today=history.today)
    [total] = oracle.cells(history.world, (), today=history.today).values() or [NOTHING]
    same(table["total"], total)
    rows = expected(history, axes[:1])
    assert rows.keys() <= {(row["key"],) for row in table["rows"]}
    for row in table["rows"]:
        same(row["cell"], rows.get((row["key"],), NOTHING))
    if axes[1:]:
        cells = expected(history, axes)
        assert cells.keys() <= {(row["key"], column["key"]) for row in table["rows"] for column in table["columns"]}
        for row in table["rows"]:
            for key, cell in row["cells"].items():
                same(cell, cells.get((row["key"], key), NOTHING))


def expected(history: History, axes: tuple[str, ...]) -> dict[tuple[str, ...], dict]:
    return {tuple(str(part) for part in key): cell for key, cell in oracle.cells(history.world, axes, today=history.today).items()}


def same(cell: dict, counts: dict) -> None:
    shown = {name: cell[name] for name in counts if name in cell}
    assert shown == {name: counts[name] for name in shown}
    for name, part, whole in (("coverage", "done", "assigned"), ("on_time_rate", "on_time", "assigned"), ("accuracy", "rights", "firsts")):
        assert cell[name] == (round(counts[part] / counts[whole], 4) if counts[whole] else None)
