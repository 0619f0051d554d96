"""订阅许可: one accepted prompt is one reminder; what is sent again counts once, and the ledger adds up."""

from __future__ import annotations

import asyncio
from typing import Any

from conftest import REMINDER
from door import Door, Reply
from people import Cast, Person, add_person

from backend import subscriptions
from backend.kernel.database import transactional
from models.subscriptions import GrantEntry, GrantReason, Subscription


async def prompted(door: Door, who: Person, prompt: str, result: str = "accept") -> Reply:
    return await door.post("/me/subscriptions", who, {"prompt": prompt, "results": {REMINDER: result}})


async def mine(door: Door, who: Person) -> dict[str, Any]:
    [item] = (await door.get("/me/subscriptions", who)).json["items"]
    return item


async def test_a_stranger_has_none_and_without_consent_none_is_taken(door: Door, cast: Cast):
    assert (await door.get("/me/subscriptions")).status == 401
    newcomer = await add_person(cast.branch, "新同志", consented=False)
    assert (await prompted(door, newcomer, "1")).code == "consent_required"
    assert await mine(door, newcomer) == {"template_id": REMINDER, "purpose": "reminder", "left": 0, "on": False, "last": None}


async def test_every_accepted_prompt_is_one_more_and_the_same_prompt_counts_once(door: Door, cast: Cast):
    for prompt in ("a", "b", "a"):
        assert (await prompted(door, cast.alice, prompt)).status == 200
    assert await mine(door, cast.alice) == {"template_id": REMINDER, "purpose": "reminder", "left": 2, "on": True, "last": "accept"}
    replies = await asyncio.gather(*(prompted(door, cast.bob, "same") for _ in range(8)))
    assert {reply.status for reply in replies} == {200} and (await mine(door, cast.bob))["left"] == 1
    assert (await mine(door, cast.secretary))["left"] == 0


async def test_a_refusal_takes_nothing_away_and_is_remembered(door: Door, cast: Cast):
    await prompted(door, cast.alice, "1")
    for number, result in enumerate(("reject", "ban", "filter")):
        await prompted(door, cast.alice, f"no{number}", result)
        assert ((await mine(door, cast.alice))["left"], (await mine(door, cast.alice))["last"]) == (1, result)


async def test_one_tap_switches_off_and_the_grants_stay(door: Door, cast: Cast):
    await prompted(door, cast.alice, "1")
    for on in (False, False, True):
        assert (await door.ask("PUT", "/me/subscriptions", cast.alice, json={"on": on})).json["items"][0]["on"] is on
        assert (await mine(door, cast.alice))["left"] == 1
    assert await GrantEntry.filter(member_id=cast.alice.id).count() == 3
    assert (await subscriptions.standing([cast.alice.id, cast.bob.id], REMINDER)) == {cast.bob.id: "no_grant"}


async def test_why_no_message_can_reach_a_member(door: Door, cast: Cast):
    await prompted(door, cast.alice, "1", "reject")
    await prompted(door, cast.bob, "1", "ban")
    await prompted(door, cast.editor, "1")
    await door.ask("PUT", "/me/subscriptions", cast.editor, json={"on": False})
    found = await subscriptions.standing([p.id for p in (cast.alice, cast.bob, cast.editor)], REMINDER)
    assert found == {cast.alice.id: "rejected", cast.bob.id: "banned", cast.editor.id: "off"}


async def test_a_message_spends_one_never_below_zero_and_a_lapse_takes_all(door: Door, cast: Cast):
    for prompt in "abc":
        await prompted(door, cast.alice, prompt)
    spend = transactional(subscriptions.spend)
    await spend(cast.alice.id, REMINDER, GrantReason.SENT)
    await spend(cast.alice.id, REMINDER, GrantReason.LAPSED)
    await spend(cast.alice.id, REMINDER, GrantReason.SENT)
    await spend(cast.bob.id, REMINDER, GrantReason.SENT)
    assert (await Subscription.get(member_id=cast.alice.id)).remaining == 0
    entries = await GrantEntry.filter(member_id=cast.alice.id).order_by("id").values_list("change", "reason")
    assert entries == [(1, "accept"), (1, "accept"), (1, "accept"), (-1, "sent"), (-2, "lapsed")]


async def test_what_no_prompt_gives_is_refused(door: Door, cast: Cast):
    for body in ({"prompt": "1", "results": {}}, {"prompt": "1", "results": {"other": "accept"}},
                 {"prompt": "", "results": {REMINDER: "accept"}}, {"prompt": "1", "results": {REMINDER: "yes"}},
                 {"prompt": "长" * 65, "results": {REMINDER: "accept"}},
                 {"results": {REMINDER: "accept"}}):  # fmt: skip
        assert (await door.post("/me/subscriptions", cast.alice, body)).status == 422
    assert not await Subscription.exists(member_id=cast.alice.id)
