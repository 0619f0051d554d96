"""更正申请: what a member finds wrong in the own record. How it is answered: test_feedback.py, which asks the same of both."""

from __future__ import annotations

from door import Door
from people import Cast, add_person


async def test_a_stranger_asks_nothing_and_a_member_sees_only_the_own(door: Door, cast: Cast):
    body = {"subject": "record", "text": "11 月 3 日已在会上学习"}
    assert (await door.post("/me/corrections", None, body)).status == 401
    assert (await door.post("/me/corrections", cast.passer_by, body)).code == "not_bound"
    newcomer = await add_person(cast.branch, "新同志", consented=False)
    sent = (await door.post("/me/corrections", newcomer, body)).json
    assert (sent["subject"], sent["text"], sent["done"], sent["answer"]) == ("record", body["text"], None, "")
    assert (await door.get("/me/corrections", newcomer)).json["items"] == [sent]
    assert (await door.get("/me/corrections", cast.alice)).json["items"] == []


async def test_a_correction_without_subject_or_text_is_refused(door: Door, cast: Cast):
    for body in ({}, {"subject": "roster"}, {"subject": "roster", "text": " "}, {"subject": "else", "text": "好"},
                 {"subject": "roster", "text": "长" * 1001}):  # fmt: skip
        assert (await door.post("/me/corrections", cast.alice, body)).status == 422
    assert (await door.get("/corrections", cast.secretary)).json == {"items": [], "next": None}
