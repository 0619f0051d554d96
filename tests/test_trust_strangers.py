"""Short forms of AC-09: another's thing and a missing one are the same, nothing shows what is private, no field too many is taken."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from door import Door
from trust import matrix, strangers
from trust.samples import operations
from trust.two_branches import World, build_world

from console.http import PAGES, PUBLIC, SIGNED_IN

WATCHED = ["alice", "unit_head", "observer", "other_secretary"]


@pytest.fixture(scope="module")
async def world(door: Door) -> World:
    return await build_world(door)


async def everywhere(check: Callable[..., Awaitable[tuple[int, list[str]]]], *given: Any) -> tuple[int, list[str]]:
    """`check` on every operation: how much was asked in all, and every fault."""
    done = [await check(*given[:2], operation, *given[2:]) for operation in operations()]
    return sum(number for number, _ in done), [fault for _, faults in done for fault in faults]


def test_every_id_in_a_request_says_what_it_is_an_id_of():
    assert strangers.unknown_ids() == []


def test_every_capability_that_a_page_asks_for_has_its_expectation():
    assert {page.who for page in PAGES} - {PUBLIC, SIGNED_IN} - set(matrix.ROLES) == set()


async def test_what_is_anothers_and_what_is_not_there_get_the_same_answer(door: Door, world: World):
    asked, faults = await everywhere(strangers.differing, door, world)
    assert faults == [] and asked > 40


async def test_nothing_private_is_shown_to_who_may_not_see_it(door: Door, world: World):
    read, faults = await everywhere(strangers.shown_to_the_wrong, door, world, WATCHED)
    number, found = await strangers.console_faults(door, world, ["unit_head", "observer"])
    assert faults + found == [] and read > 100


async def test_the_marks_are_there_to_be_found(door: Door, world: World):
    """Else the test above could not fail."""
    from trust.strangers import text_of

    lists = [await door.get(path, world.cast.secretary) for path in ("/members", "/leaves", "/feedback", "/corrections")]
    seen = "".join(text_of(reply.body) for reply in lists)
    mine = [mark for mark in world.marks if str(world.cast.bob.id) in mark.what]
    assert [mark.what for mark in mine if "secretary" in mark.readers and mark.text not in seen and "reflection" not in mark.what] == []


async def test_a_field_that_nobody_asked_for_is_refused(door: Door, world: World):
    extras, faults = iter(random.Random(9).choices(strangers.EXTRAS, k=500)), []
    for operation in operations():
        faults += (await strangers.taken_unasked(door, world, operation, (next(extras),)))[1]
    assert faults == []


async def test_a_number_that_no_column_holds_is_refused_and_breaks_nothing(door: Door, world: World):
    asked, faults = await everywhere(strangers.beyond_numbers, door, world)
    assert faults == [] and asked > 300
