"""The people of the load tests: an organisation, its branches, rosters, accounts, consents, leaves and plans. All names are invented."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import msgspec

from backend import consents
from backend.kernel import clock
from backend.kernel.bulk import load
from models.leaves import LeaveReason, LeaveState
from models.members import Role, Status, Tier

ABOVE = "上级党委（压测）"
UNITS = 5
BEGINNING = date(1, 1, 1)
# A member is away about once in so many days, for 3 to 10 of them.
LEAVE_EVERY, LEAVE_LEAST, LEAVE_MOST = 150, 3, 10
JOINS_LATER, MOVES = 0.05, 0.05


@dataclass(slots=True)
class Person:
    """How often (0 to 1) a day is studied in time: `diligence`; a missed one made up: `care`; an answer right: `knowledge`."""

    id: int
    branch_id: int
    joined_on: date
    diligence: float
    care: float
    knowledge: float
    away: list[tuple[date, date]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Everybody:
    """`branches`: the ids of those that study; `people` in order of branch, the first of each branch is its secretary."""

    branches: list[int]
    people: list[Person]
    secretaries: dict[int, int]


async def write(members: int, branches: int, *, dice: random.Random, first: date, today: date) -> Everybody:
    """The organisation (branch 1, with one observer) and the branches below it, evenly filled with members who can all sign in."""
    at = clock.at(first, 8)
    ids = list(range(2, branches + 2))
    rows = [(1, ABOVE, None, "/1/", False, at)]
    rows += [(branch_id, f"压测支部{branch_id - 1:04d}", 1, f"/1/{branch_id}/", False, at) for branch_id in ids]
    await load("branch", ("id", "name", "parent_id", "path", "is_demo", "created_at"), rows)
    units = {branch_id: [(n * UNITS + u + 1) for u in range(UNITS)] for n, branch_id in enumerate(ids)}
    await load(
        "unit", ("id", "branch_id", "name", "position"),
        [(unit, branch_id, f"第{u + 1}党小组", u) for branch_id, some in units.items() for u, unit in enumerate(some)],
    )  # fmt: skip
    people = [_person(n + 1, ids[n * branches // members], dice, first, today) for n in range(members)]
    observer = Person(members + 1, 1, first, 0, 0, 0)
    everyone = [*people, observer]
    secretaries = {person.branch_id: person.id for person in reversed(people)}
    await load(
        "member", ("id", "branch_id", "name", "post", "note", "joined_on", "created_at"),
        ((p.id, p.branch_id, f"压测人员{p.id:06d}", "", "", p.joined_on, at) for p in everyone),
    )  # fmt: skip
    await load(
        "standing", ("member_id", "unit_id", "tier", "status", "starts_on", "until"),
        (row for p in everyone for row in _standings(p, units.get(p.branch_id), dice, first, today)),
    )  # fmt: skip
    grants = [(member_id, Role.SECRETARY.value) for member_id in secretaries.values()]
    await load("role_grant", ("member_id", "role"), [*grants, (observer.id, Role.OBSERVER.value)])
    await load(
        "account", ("id", "openid", "member_id", "bound_at", "created_at"), ((p.id, f"oBENCH{p.id:0>22}", p.id, at, at) for p in everyone)
    )
    await load("consent", ("member_id", "version", "given_at"), ((p.id, consents.CURRENT, at) for p in everyone))
    await load(
        "leave", ("member_id", "starts_on", "ends_on", "reason", "note", "state", "decided_by_id", "created_at"),
        (
            (p.id, starts_on, ends_on, LeaveReason.TRAVEL.value, "", LeaveState.GRANTED.value, secretaries[p.branch_id], at)
            for p in people
            for starts_on, ends_on in p.away
        ),
    )  # fmt: skip
    return Everybody(ids, people, secretaries)


def _person(number: int, branch_id: int, dice: random.Random, first: date, today: date) -> Person:
    days = (today - first).days
    joined_on = first + timedelta(days=dice.randint(0, days // 2)) if dice.random() < JOINS_LATER else first
    person = Person(number, branch_id, joined_on, _share(dice, 0.85), _share(dice, 0.55), _share(dice, 0.76))
    for _ in range(sum(dice.random() < 1 / LEAVE_EVERY for _ in range(days))):
        starts_on = first + timedelta(days=dice.randint(0, days))
        person.away.append((starts_on, starts_on + timedelta(days=dice.randint(LEAVE_LEAST, LEAVE_MOST))))
    return person


def _share(dice: random.Random, middle: float) -> float:
    return min(0.99, max(0.05, dice.gauss(middle, 0.1)))


def _standings(person: Person, units: list[int] | None, dice: random.Random, first: date, today: date) -> Iterator[tuple[Any, ...]]:
    """One row; two for who has moved to another unit half-way."""
    if units is None:
        yield person.id, None, Tier.PEER.value, Status.FULL.value, BEGINNING, None
        return
    tier = dice.choices(list(Tier), (5, 10, 10, 75))[0].value
    status = dice.choices(list(Status), (70, 10, 10, 10))[0].value
    unit, moved_on = dice.choice(units), None
    if dice.random() < MOVES and (days := (today - first).days) > 2:
        moved_on = first + timedelta(days=dice.randint(1, days))
        yield person.id, dice.choice(units), tier, status, BEGINNING, moved_on
    yield person.id, unit, tier, status, moved_on or BEGINNING, None


async def write_plans(everybody: Everybody, *, first: date, last: date, makeup_days: int, questions: int) -> list[int]:
    """A plan of every calendar day for each branch, for all of its members: the ids, in order of branch."""
    json: Callable[[Any], str] = lambda value: msgspec.json.encode(value).decode()  # noqa: E731
    plan_of = {branch_id: number for number, branch_id in enumerate(everybody.branches, start=1)}
    weekdays, aspects, everyone = json(list(range(1, 8))), json(list(range(1, 10))), json([])
    columns = ("id", "branch_id", "title", "starts_on", "ends_on", "weekdays", "aspects", "units", "tiers", "statuses")
    more = ("questions_per_day", "makeup_days", "skip_holidays", "count_workdays", "warning", "created_at")
    await load("study_plan", (*columns, *more), (
        (plan_id, branch_id, "压测计划", first, last, weekdays, aspects, everyone, everyone, everyone,
         questions, makeup_days, False, False, "", clock.at(first, 8))
        for branch_id, plan_id in plan_of.items()
    ))  # fmt: skip
    await load("plan_member", ("plan_id", "member_id", "starts_on"), ((plan_of[p.branch_id], p.id, p.joined_on) for p in everybody.people))
    return list(plan_of.values())
