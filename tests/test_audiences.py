"""Audiences: dated rows that follow the roster from a day on, and never rewrite the days before it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import LONG_AGO, Cast, add_person, add_plan
from queries import counting

from backend import audiences, members_standing
from backend.kernel import clock
from backend.kernel.database import transactional
from backend.kernel.errors import Conflict
from models.members import Member, Status, Tier
from models.plans import PlanMember, StudyPlan

ORIGIN = date(2024, 1, 1)
DAYS = 30


def day(number: int) -> date:
    return ORIGIN + timedelta(days=number)


def days_of(spans: list[tuple[date, date | None]]) -> set[int]:
    return {n for n in range(DAYS) for start, end in spans if start <= day(n) and (end is None or end > day(n))}


@st.composite
def spans(draw) -> list[tuple[date, date | None]]:
    """Spans in order that do not overlap; the last may be open."""
    cuts = sorted(draw(st.sets(st.integers(0, DAYS), max_size=6)))
    found = [(day(a), day(b)) for a, b in zip(cuts[::2], cuts[1::2], strict=False)]
    return [*found, (day(cuts[-1]), None)] if len(cuts) % 2 else found


@given(have=spans(), want=spans(), first=st.integers(0, DAYS))
@settings(max_examples=300, deadline=None)
def test_days_before_the_first_stay_and_days_from_it_on_are_as_wanted(have, want, first):
    after = audiences.aligned(have, want, first=day(first))
    assert days_of(after) == {n for n in days_of(have) if n < first} | {n for n in days_of(want) if n >= first}
    assert all(end is None or start < end for start, end in after)
    assert all(one[1] is not None and one[1] <= other[0] for one, other in zip(after, after[1:], strict=False))


@given(
    cuts=st.sets(st.integers(1, DAYS), max_size=4),
    tiers=st.lists(st.sampled_from(list(Tier)), min_size=5, max_size=5),
    joined=st.integers(0, DAYS),
    left=st.none() | st.integers(0, DAYS),
    chosen=st.sets(st.sampled_from([tier.value for tier in Tier])),
)
@settings(max_examples=300, deadline=None)
def test_a_member_is_wanted_on_the_days_of_a_matching_standing(cuts, tiers, joined, left, chosen):
    edges = [date.min, *(day(cut) for cut in sorted(cuts)), None]
    rows = [
        {"starts_on": a, "until": b, "unit_id": None, "tier": tier.value, "status": "full", "joined_on": day(joined),
         "left_on": None if left is None else day(left)}
        for a, b, tier in zip(edges, edges[1:], tiers, strict=False)
    ]  # fmt: skip
    plan = StudyPlan(starts_on=day(3), ends_on=day(DAYS), units=[], tiers=sorted(chosen), statuses=[])
    expected = {
        n
        for n in range(max(3, joined), DAYS if left is None else left)
        for row in rows
        if row["starts_on"] <= day(n) and (row["until"] is None or row["until"] > day(n)) and (not chosen or row["tier"] in chosen)
    }
    assert days_of(audiences.wanted(plan, rows)) == expected


async def _plan(cast: Cast, **fields) -> StudyPlan:
    return await StudyPlan.create(
        branch=cast.branch, title=fields.pop("title", "某计划"), starts_on=day(0), ends_on=day(DAYS), weekdays=[1], aspects=[1],
        created_at=clock.now(), **fields,
    )  # fmt: skip


async def _rows(plan: StudyPlan) -> dict[int, list[tuple[date, date | None]]]:
    found: dict[int, list[tuple[date, date | None]]] = {}
    for row in await PlanMember.filter(plan=plan).order_by("member_id", "starts_on"):
        found.setdefault(row.member_id, []).append((row.starts_on, row.until))
    return found


@transactional
async def _refresh(cast: Cast, member_ids, first: date) -> None:
    await audiences.lock(cast.branch.id)
    await audiences.refresh(cast.branch.id, member_ids=member_ids, first=first)


@transactional
async def _move(member_id: int, on: date, **fields) -> None:
    await members_standing.change({member_id: fields}, on=on)


async def test_a_plan_takes_the_members_it_is_for(cast: Cast):
    everyone, unit, tier, status = [
        await _plan(cast),
        await _plan(cast, units=[cast.units[0].id]),
        await _plan(cast, tiers=["leader"]),
        await _plan(cast, statuses=["associate"]),
    ]
    await _refresh(cast, None, day(0))
    always = [(day(0), None)]
    assert await _rows(everyone) == {person.id: always for person in cast.everyone}
    assert await _rows(unit) == {cast.unit_head.id: always, cast.alice.id: always}
    assert await _rows(tier) == {cast.secretary.id: always}
    assert await _rows(status) == {cast.bob.id: always}


async def test_a_transfer_moves_the_audience_from_its_own_day_on(cast: Cast):
    here, there = await _plan(cast, units=[cast.units[0].id]), await _plan(cast, units=[cast.units[1].id])
    await _refresh(cast, None, day(0))
    await _move(cast.alice.id, day(9), unit_id=cast.units[1].id)
    await _refresh(cast, [cast.alice.id], day(9))
    assert (await _rows(here))[cast.alice.id] == [(day(0), day(9))]
    assert (await _rows(there))[cast.alice.id] == [(day(9), None)]
    await _move(cast.alice.id, day(9), unit_id=cast.units[0].id)
    await _refresh(cast, [cast.alice.id], day(9))
    assert (await _rows(here))[cast.alice.id] == [(day(0), None)]
    assert cast.alice.id not in await _rows(there)


async def test_a_late_joiner_and_a_leaver_are_in_it_on_their_days_alone(cast: Cast):
    plan = await _plan(cast)
    late = await add_person(cast.branch, "后来人", joined_on=day(5))
    await Member.filter(id=cast.bob.id).update(left_on=day(7))
    await _refresh(cast, None, day(0))
    rows = await _rows(plan)
    assert (rows[late.id], rows[cast.bob.id]) == ([(day(5), None)], [(day(0), day(7))])


async def test_a_standing_in_the_future_is_already_in_the_audience(cast: Cast):
    plan = await _plan(cast, statuses=["full"])
    await _move(cast.bob.id, day(20), status=Status.FULL)
    await _refresh(cast, [cast.bob.id], day(1))
    assert await _rows(plan) == {cast.bob.id: [(day(20), None)]}


async def test_rows_of_the_past_are_never_rewritten(cast: Cast):
    plan = await _plan(cast, tiers=["exemplar"])
    for person in (cast.alice, cast.bob):
        await PlanMember.create(plan=plan, member_id=person.id, starts_on=day(2), until=day(4))
        await PlanMember.create(plan=plan, member_id=person.id, starts_on=day(6))
    await _refresh(cast, None, day(10))
    assert await _rows(plan) == {person.id: [(day(2), day(4)), (day(6), day(10))] for person in (cast.alice, cast.bob)}
    ended = await _plan(cast, title="已结束")
    await StudyPlan.filter(id=ended.id).update(ends_on=day(9))
    await _refresh(cast, None, day(10))
    assert await _rows(ended) == {}


async def test_the_number_of_queries_depends_neither_on_members_nor_on_plans(cast: Cast):
    await _plan(cast)
    with counting() as few:
        await _refresh(cast, None, day(0))
    for number in range(20):
        await add_person(cast.branch, f"党员{number}")
        await _plan(cast, tiers=["peer"])
    with counting() as many:
        await _refresh(cast, None, day(0))
    assert len(many) == len(few) <= 5


async def test_two_tasks_on_one_date_are_refused_and_both_plans_named(cast: Cast):
    today = clock.today()
    await add_plan(cast, days=[today], members=[cast.alice])
    first = cast.plan
    await add_plan(cast, days=[today], members=[cast.alice, cast.bob])
    second = cast.plan
    await StudyPlan.filter(id=first.id).update(title="甲计划")
    await StudyPlan.filter(id=second.id).update(title="乙计划")
    with pytest.raises(Conflict) as refused:
        await audiences.overlaps(cast.branch.id, first=LONG_AGO)
    assert refused.value.code == "plan_overlap"
    assert "甲计划" in refused.value.detail and "乙计划" in refused.value.detail
    await audiences.overlaps(cast.branch.id, first=today + timedelta(days=1))
    await PlanMember.filter(plan=second, member_id=cast.alice.id).update(until=today)
    await audiences.overlaps(cast.branch.id, first=LONG_AGO)
