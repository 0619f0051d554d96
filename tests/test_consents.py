"""Consent to the privacy notice: which version, given once, and open to study from the next request on."""

from __future__ import annotations

import asyncio
from datetime import date

from door import Door
from people import Cast, add_person, add_plan

from backend import consents
from backend.kernel import clock
from models.consents import Consent


async def test_a_stranger_and_a_passer_by_give_no_consent(door: Door, cast: Cast):
    for method, path in (("GET", "/me/consents"), ("POST", "/me/consents")):
        body = {"json": {"version": consents.CURRENT}} if method == "POST" else {}
        assert (await door.ask(method, path, **body)).status == 401
        assert (await door.ask(method, path, cast.passer_by, **body)).code == "not_bound"


async def test_consent_opens_the_study_from_the_next_request_on(door: Door, cast: Cast):
    newcomer = await add_person(cast.branch, "新同志", consented=False)
    [task] = await add_plan(cast, days=[clock.today()], members=[newcomer])
    assert (await door.get("/me/consents", newcomer)).json == {"current": consents.CURRENT, "given": []}
    assert (await door.post(f"/tasks/{task.id}/check-in", newcomer, {})).code == "consent_required"
    reply = await door.post("/me/consents", newcomer, {"version": consents.CURRENT})
    assert reply.status == 201 and reply.json["version"] == consents.CURRENT and reply.json["at"].endswith("+08:00")
    assert (await door.post(f"/tasks/{task.id}/check-in", newcomer, {})).code == "incomplete"
    assert (await door.get("/me/consents", newcomer)).json == {"current": consents.CURRENT, "given": [reply.json]}


async def test_consent_given_twice_or_at_once_is_one(door: Door, cast: Cast):
    newcomer = await add_person(cast.branch, "新同志", consented=False)
    # So that every connection is open, and they really run side by side.
    await asyncio.gather(*(door.get("/me/consents", newcomer) for _ in range(40)))
    replies = await asyncio.gather(*(door.post("/me/consents", newcomer, {"version": consents.CURRENT}) for _ in range(40)))
    assert sorted(reply.status for reply in replies) == [200] * 39 + [201]
    assert len({reply.body for reply in replies}) == 1
    assert await Consent.filter(member_id=newcomer.id).count() == 1


async def test_only_the_current_version_can_be_agreed_to(door: Door, cast: Cast):
    newcomer = await add_person(cast.branch, "新同志", consented=False)
    for version in ("2023-01", "", "x" * 21, 1):
        reply = await door.post("/me/consents", newcomer, {"version": version})
        assert reply.status == 422 and reply.json["errors"][0]["field"] == "version"
    assert not await Consent.exists(member_id=newcomer.id)


async def test_an_older_and_a_withdrawn_consent_do_not_open_the_study(door: Door, cast: Cast):
    newcomer = await add_person(cast.branch, "新同志", consented=False)
    [task] = await add_plan(cast, days=[clock.today()], members=[newcomer])
    at = clock.at(date(2026, 1, 1), 9)
    await Consent.create(member_id=newcomer.id, version="2023-01", given_at=at)
    await Consent.create(member_id=newcomer.id, version=consents.CURRENT, given_at=at, withdrawn_at=clock.now())
    assert (await door.get("/me/consents", newcomer)).json["given"] == [{"version": "2023-01", "at": "2026-01-01T09:00:00+08:00"}]
    assert (await door.post(f"/tasks/{task.id}/check-in", newcomer, {})).code == "consent_required"
    assert (await door.post("/me/consents", newcomer, {"version": consents.CURRENT})).status == 201
