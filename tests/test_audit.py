"""The audit log: for the secretary of the branch alone; ids and field names, never a personal value."""

from __future__ import annotations

from door import Door
from people import Cast
from queries import counting

from backend.kernel import audit
from backend.kernel.access import Actor


def _actor(cast: Cast) -> Actor:
    return Actor(session_id=0, member_id=cast.editor.id, branch_id=cast.branch.id, request_id="req-00000001")


async def test_only_the_secretary_reads_the_log(door: Door, cast: Cast):
    assert (await door.get("/audit")).status == 401
    for person in (cast.alice, cast.editor, cast.unit_head, cast.observer):
        assert (await door.get("/audit", person)).status == 403


async def test_the_secretary_of_another_branch_sees_nothing_of_it(door: Door, cast: Cast):
    await audit.record(_actor(cast), "text:import", subject="text", subject_id=7_000_007)
    assert (await door.get("/audit", cast.other_secretary)).json == {"items": [], "next": None}


async def test_an_entry_says_who_did_what_to_which_object(door: Door, cast: Cast):
    await audit.record(_actor(cast), "member:change", subject="member", subject_id=cast.alice.id, fields=["phone", "name"])
    await audit.record(None, "branch:create", subject="branch", subject_id=cast.branch.id, branch_id=cast.branch.id)
    with counting() as queries:
        reply = await door.get("/audit", cast.secretary)
    assert len(queries) == 1
    first, second = reply.json["items"]
    assert first["actor"] == {"id": cast.editor.id, "name": cast.editor.name}
    assert (first["action"], first["subject"], first["subject_id"]) == ("member:change", "member", cast.alice.id)
    assert (first["fields"], first["request_id"]) == (["name", "phone"], "req-00000001")
    assert first["at"].endswith("+08:00")
    assert (second["actor"], second["fields"]) == (None, [])


async def test_the_log_is_paged_newest_last_and_filtered(door: Door, cast: Cast):
    for number in range(5):
        await audit.record(_actor(cast), "text:import" if number % 2 else "text:change", subject="text", subject_id=7_000_000 + number)
    page = await door.get("/audit", cast.secretary, params={"limit": "2"})
    seen = [item["subject_id"] for item in page.json["items"]]
    while page.json["next"]:
        page = await door.get("/audit", cast.secretary, params={"limit": "2", "cursor": page.json["next"]})
        seen += [item["subject_id"] for item in page.json["items"]]
    assert seen == [7_000_000, 7_000_001, 7_000_002, 7_000_003, 7_000_004]

    async def ids(**params: str) -> list[int]:
        return [item["subject_id"] for item in (await door.get("/audit", cast.secretary, params=params)).json["items"]]

    assert await ids(action="text:import") == [7_000_001, 7_000_003]
    assert await ids(subject="text", subject_id="7000004") == [7_000_004]
    assert await ids(actor=str(cast.secretary.id)) == []
    assert await ids(subject="member") == []
    assert (await door.get("/audit", cast.secretary, params={"actor": "x"})).status == 422
