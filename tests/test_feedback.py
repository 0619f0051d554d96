"""投诉建议: every member can send it; the secretary of the branch alone reads it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from door import Door
from people import Cast, Person, add_person
from queries import counting

from backend import answering
from backend.kernel import clock
from backend.kernel.access import Actor
from backend.kernel.database import fetch
from models.corrections import Correction
from models.feedback import Feedback


async def test_a_stranger_sends_nothing_and_only_the_secretary_reads(door: Door, cast: Cast):
    assert (await door.post("/feedback", None, {"text": "好"})).status == 401
    assert (await door.post("/feedback", cast.passer_by, {"text": "好"})).code == "not_bound"
    for person in (cast.alice, cast.editor, cast.unit_head, cast.observer):
        assert (await door.get("/feedback", person)).status == 403


async def test_a_word_from_a_member_reaches_the_own_secretary_and_no_other(door: Door, cast: Cast):
    newcomer = await add_person(cast.branch, "新同志", consented=False)
    sent = []
    for person, text in ((cast.alice, "  字太小了。\n"), (newcomer, "<script>alert(1)</script>"), (cast.other_member, "外支部的话")):
        reply = await door.post("/feedback", person, {"text": text})
        assert reply.status == 201 and (reply.json["text"], reply.json["answered_at"]) == (text.strip(), None)
        sent.append(reply.json)
    mine = (await door.get("/feedback", cast.secretary)).json
    assert mine == {
        "items": [
            {**sent[0], "member": {"id": cast.alice.id, "name": "安敏"}},
            {**sent[1], "member": {"id": newcomer.id, "name": "新同志"}},
        ],
        "next": None,
    }
    assert [item["text"] for item in (await door.get("/feedback", cast.other_secretary)).json["items"]] == ["外支部的话"]


async def test_text_is_needed_and_has_an_end(door: Door, cast: Cast):
    for text in ("", "   \n　", "长" * 2001, None, 5):
        assert (await door.post("/feedback", cast.alice, {"text": text})).status == 422
    assert (await door.post("/feedback", cast.alice, {"text": "长", "member": cast.bob.id})).status == 422
    assert (await door.post("/feedback", cast.alice, {"text": "长" * 2000})).status == 201


async def test_the_list_is_paged_and_takes_one_query(door: Door, cast: Cast):
    for n in range(5):
        await door.post("/feedback", cast.bob, {"text": f"第{n}条"})
    seen, cursor = [], {}
    while True:
        with counting() as queries:
            page = (await door.get("/feedback", cast.secretary, params={"limit": 2, **cursor})).json
        assert len(queries) == 1
        seen += [item["text"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == [f"第{n}条" for n in range(5)]
    for wrong in ({"limit": 0}, {"limit": 201}, {"cursor": "?"}, {"branch": cast.other.id}):
        assert (await door.get("/feedback", cast.secretary, params=wrong)).status == 422


KINDS = {
    "feedback": ("/feedback", "/me/feedback", {"text": "字太小了"}, {"answer": " 已放大。 "}),
    "corrections": (
        "/me/corrections",
        "/me/corrections",
        {"subject": "roster", "text": "姓名有误"},
        {"answer": " 已放大。 ", "done": True},
    ),
}


async def asked(door: Door, kind: str, who: Person) -> dict[str, Any]:
    send, _, body, _ = KINDS[kind]
    reply = await door.post(send, who, body)
    assert reply.status == 201, reply.body
    return reply.json


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_a_request_is_answered_once_by_the_own_secretary_and_the_member_reads_it(door: Door, cast: Cast, kind: str):
    _, own, _, answer = KINDS[kind]
    sent = await asked(door, kind, cast.alice)
    path = f"/{kind}/{sent['id']}/answer"
    assert (await door.post(path, None, answer)).status == 401
    for stranger in (cast.alice, cast.editor, cast.unit_head, cast.observer):
        assert (await door.post(path, stranger, answer)).status == 403
    assert (await door.post(path, cast.other_secretary, answer)).status == 404
    for wrong in ({**answer, "answer": ""}, {**answer, "answer": " \n"}, {**answer, "answer": "长" * 2001}, {"answer": 5}):
        assert (await door.post(path, cast.secretary, wrong)).status == 422
    waiting = (await door.get(f"/{kind}?state=waiting", cast.secretary)).json["items"]
    assert [(item["id"], item["overdue"], item["due_on"]) for item in waiting] == [
        (sent["id"], False, str(clock.today() + timedelta(days=15)))
    ]
    reply = await door.post(path, cast.secretary, answer)
    assert (reply.status, reply.json["answer"], reply.json["answered_by"]["name"]) == (200, "已放大。", "陈书记")
    assert (await door.post(path, cast.secretary, answer)).code == "answered"
    assert (
        (await door.get(own, cast.alice)).json["items"]
        == [reply.json]
        == (await door.get(f"/{kind}?state=answered", cast.secretary)).json["items"]
    )
    assert (await door.get(own, cast.bob)).json["items"] == (await door.get(f"/{kind}?state=waiting", cast.secretary)).json["items"] == []
    [entry] = await fetch("SELECT actor_id FROM audit_entry WHERE subject_id = $1 AND action LIKE '%:answer'", sent["id"])
    assert entry["actor_id"] == cast.secretary.id


async def test_what_waits_too_long_is_overdue_and_counted(door: Door, cast: Cast):
    actor = Actor(session_id=1, member_id=cast.secretary.id, branch_id=cast.branch.id, roles=frozenset({"secretary"}))
    for kind, table in (("feedback", Feedback), ("corrections", Correction)):
        late, early, elsewhere = [await asked(door, kind, who) for who in (cast.alice, cast.bob, cast.other_member)]
        await table.filter(id__in=[late["id"], elsewhere["id"]]).update(created_at=clock.now() - timedelta(days=16))
        with counting() as queries:
            assert await answering.waiting(table, actor) == {"waiting": 2, "overdue": 1}
        assert len(queries) == 1
        shown = (await door.get(f"/{kind}", cast.secretary)).json["items"]
        assert {item["id"]: item["overdue"] for item in shown} == {late["id"]: True, early["id"]: False}
