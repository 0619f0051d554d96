"""Ten thousand instants around Shanghai's midnights, judged by the product's rules and by whole-number arithmetic. Prints JSON.

In a process of its own, whose TZ the caller chooses: the digest of all that was decided must be the same in every zone. Shanghai has had
eight hours and no summer time since 1992.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from calendar import isleap
from datetime import UTC, date, datetime, timedelta

import hypothesis
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from backend.kernel import clock
from backend.rules import periods

EPOCH, DAY_S, EAST_S = date(1970, 1, 1).toordinal(), 86_400, 8 * 3600
STATED = st.none() | st.integers(-2, 2)  # the day that the phone says, off by so many
LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def day_of(seconds: int) -> int:
    """The Shanghai day of a Unix time, as an ordinal."""
    return EPOCH + (seconds + EAST_S) // DAY_S


def length(year: int, month: int) -> int:
    return LENGTHS[month - 1] + (month == 2 and isleap(year))


@st.composite
def instants(draw: st.DrawFn) -> int:
    """A Unix time near a midnight; every second one at the end of a month, a quarter, a half-year, a year, or on 29 February."""
    year = draw(st.integers(2000, 2099))
    month = draw(st.sampled_from([2, 3, 6, 9, 12]) | st.integers(1, 12))
    day = draw(st.just(length(year, month)) | st.integers(1, length(year, month)))
    midnight = (date(year, month, day).toordinal() + 1 - EPOCH) * DAY_S - EAST_S
    return midnight + draw(st.sampled_from([-1, 0, 1]) | st.integers(-7200, 7200) | st.integers(-3 * DAY_S, 3 * DAY_S))


def judge(task: date, seconds: int, makeup: int, studied: date | None, fetched: bool) -> list[str]:
    """What the product decides; AssertionError where the arithmetic says otherwise."""
    instant, ordinal = datetime.fromtimestamp(seconds, UTC), day_of(seconds)
    today = periods.shanghai_date(instant)
    assert today.toordinal() == ordinal
    with clock.shifted(instant):
        assert clock.today() in (today, periods.shanghai_date(instant + timedelta(seconds=1)))
    begins, ends = periods.day_bounds(today)
    assert begins.timestamp() <= seconds < ends.timestamp() and ends.timestamp() - begins.timestamp() == DAY_S
    assert clock.at(today) == begins
    opened = periods.is_open_for_checkin(task, today, makeup)
    behind = ordinal - task.toordinal()
    assert opened == ("not_open" if behind < 0 else "closed" if behind > makeup else "open")
    # The last second within 48 hours counts, the next one does not.
    in_time = periods.within_offline_window(task, instant)
    assert in_time == (seconds <= (task.toordinal() + 1 - EPOCH) * DAY_S - EAST_S + 48 * 3600)
    kind = periods.kind_of(task_date=task, arrived_on=today, studied_on=studied, fetched_on_task_date=fetched, arrived_within_48h=in_time)
    offline = studied == task and fetched and in_time
    assert kind == ("on_time" if behind == 0 or offline else "makeup")
    told = [str(today), opened, kind]
    for name, months in (("month", 1), ("quarter", 3), ("half_year", 6), ("year", 12)):
        first, last = periods.period(name, today)
        month = (today.month - 1) // months * months + 1
        assert (first.year, first.month, first.day) == (today.year, month, 1)
        assert (last.year, last.month, last.day) == (today.year, month + months - 1, length(today.year, month + months - 1))
        told.append(f"{first}/{last}")
    return told


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("seed", type=int)
    parser.add_argument("examples", type=int)
    chosen = parser.parse_args()
    digest, counted = hashlib.sha256(), 0

    @hypothesis.seed(chosen.seed)
    @hypothesis.settings(max_examples=chosen.examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(
        seconds=instants(),
        behind=st.integers(-2, 12),
        makeup=st.integers(0, 10),
        studied=st.none() | st.integers(-2, 2),
        fetched=st.booleans(),
    )
    def look(seconds: int, behind: int, makeup: int, studied: int | None, fetched: bool) -> None:
        nonlocal counted
        task = date.fromordinal(day_of(seconds) - behind)
        stated = None if studied is None else task + timedelta(days=studied)
        digest.update(json.dumps(judge(task, seconds, makeup, stated, fetched)).encode())
        counted += 1

    look()
    print(json.dumps({"examples": counted, "digest": digest.hexdigest()[:16]}))


if __name__ == "__main__":
    main()
