"""投诉建议: every member can send it; the secretary of the branch alone reads it."""

from __future__ import annotations

from door import Door
from people import Cast, add_person
from queries import counting


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
        assert reply.status == 201 and set(reply.json) == {"id", "created_at"}
        sent.append(reply.json)
    mine = (await door.get("/feedback", cast.secretary)).json
    assert mine == {
        "items": [
            {**sent[0], "member": {"id": cast.alice.id, "name": "安敏"}, "text": "字太小了。"},
            {**sent[1], "member": {"id": newcomer.id, "name": "新同志"}, "text": "<script>alert(1)</script>"},
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
