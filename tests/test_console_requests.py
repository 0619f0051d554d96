"""What members ask for, at the desk: leave, corrections, complaints; in the order in which it came, with its day, and answered there."""

from __future__ import annotations

import re
from datetime import timedelta

from desk import Desk, csrf_in, text
from door import Door, Reply
from people import Cast, Person, add_plan

from backend import answering
from backend.kernel import clock
from models.audit import AuditEntry
from models.corrections import Correction
from models.feedback import Feedback
from models.leaves import Leave

TODAY = clock.today()
KINDS = ("", "/corrections", "/feedback")


def askers(reply: Reply) -> list[str]:
    return re.findall(r'class="name" href="/console/members/\d+">([^<]+)<', text(reply))


async def ask(door: Door, person: Person, words: str = "请看一下") -> dict[str, int]:
    """One of each kind, of this person: {"leaves", "corrections", "feedback"}: their ids."""
    days = {"starts_on": str(TODAY + timedelta(days=3)), "ends_on": str(TODAY + timedelta(days=5)), "reason": "travel"}
    sent = {
        "leaves": await door.post("/me/leaves", person, days),
        "corrections": await door.post("/me/corrections", person, {"subject": "record", "text": words}),
        "feedback": await door.post("/feedback", person, {"text": words}),
    }
    assert [reply.status for reply in sent.values()] == [201] * 3
    return {kind: reply.json["id"] for kind, reply in sent.items()}


async def post(desk: Desk, path: str, **fields: str) -> Reply:
    return await desk.send(path, csrf=csrf_in(await desk.see("/")), **fields)


async def test_nobody_but_the_secretary_of_the_branch_reads_or_answers(desk: Desk, door: Door, cast: Cast):
    ids = await ask(door, cast.alice)
    writes = {
        f"/requests/leaves/{ids['leaves']}": {"decision": "grant"},
        f"/requests/corrections/{ids['corrections']}": {"answer": "好", "done": "yes"},
        f"/requests/feedback/{ids['feedback']}": {"answer": "好"},
    }
    assert [(await desk.see(f"/requests{kind}")).status for kind in KINDS] == [401] * 3
    for person in (cast.editor, cast.unit_head, cast.observer):
        other = await Desk(door).enter(person)
        assert [(await other.see(f"/requests{kind}")).status for kind in KINDS] == [403] * 3, person.name
        assert [(await post(other, path, **fields)).status for path, fields in writes.items()] == [403] * 3, person.name
    foreign = await Desk(door).enter(cast.other_secretary)
    assert [askers(await foreign.see(f"/requests{kind}?state=all")) for kind in KINDS] == [[]] * 3
    assert [(await post(foreign, path, **fields)).status for path, fields in writes.items()] == [404] * 3
    await desk.enter(cast.secretary)
    assert [(await desk.send(path, **fields)).status for path, fields in writes.items()] == [403] * 3  # no CSRF token
    assert not await AuditEntry.exists(branch_id=cast.branch.id, action__in=["leave:grant", "correction:answer", "feedback:answer"])


async def test_leave_is_granted_refused_and_taken_back_with_one_press(desk: Desk, door: Door, cast: Cast):
    await add_plan(cast, days=[TODAY + timedelta(days=n) for n in range(6)])
    mine, other = (await ask(door, cast.alice))["leaves"], (await ask(door, cast.bob))["leaves"]
    await desk.enter(cast.secretary)
    assert askers(await desk.see("/requests")) == ["安敏", "白杰"]
    assert (await post(desk, f"/requests/leaves/{mine}", decision="perhaps")).status == 422
    granted = await post(desk, f"/requests/leaves/{mine}", decision="grant")
    assert granted.status == 303 and "已准：安敏" in text(await desk.see("/requests"))
    assert (await post(desk, f"/requests/leaves/{other}", decision="refuse")).status == 303
    again = await post(desk, f"/requests/leaves/{other}", decision="grant")
    assert (again.status, "已经处理过了" in text(again)) == (409, True)
    assert askers(await desk.see("/requests")) == [] and askers(await desk.see("/requests?state=all")) == ["安敏", "白杰"]
    assert (await post(desk, f"/requests/leaves/{mine}", decision="refuse")).status == 303
    assert {leave.state for leave in await Leave.filter(id__in=[mine, other])} == {"refused"}


async def test_an_answer_reaches_the_member_and_is_given_once(desk: Desk, door: Door, cast: Cast):
    ids = await ask(door, cast.alice, "11 月 3 日已在会上学习")
    await desk.enter(cast.secretary)
    for kind, more in (("corrections", {"done": "yes"}), ("feedback", {})):
        path = f"/requests/{kind}/{ids[kind]}"
        for wrong, said in (({"answer": " \0"}, "请填写答复"), ({"answer": "长" * 2001}, "不能超过 2000 个字")):
            reply = await post(desk, path, **{**more, **wrong})
            assert (reply.status, said in text(reply), wrong["answer"].strip(" \0") in text(reply)) == (422, True, True), kind
        assert (await post(desk, path, answer="已核实\r\n<b>并更正</b>\0", **more)).status == 303
        assert "已答复" in text(await desk.see(f"/requests/{kind}?state=all")) and askers(await desk.see(f"/requests/{kind}")) == []
        again = await post(desk, path, answer="再答一次", **more)
        assert (again.status, "已经答复过了" in text(again)) == (409, True)
        mine = (await door.get("/me/corrections" if kind == "corrections" else "/me/feedback", cast.alice)).json["items"][0]
        assert (mine["answer"], mine["answered_at"] is None) == ("已核实\n<b>并更正</b>", False)
        assert "&lt;b&gt;并更正" in text(await desk.see(f"/requests/{kind}?state=all"))
        assert (await AuditEntry.get(action=f"{kind.rstrip('s')}:answer", subject_id=ids[kind])).actor_id == cast.secretary.id
    assert (await Correction.get(id=ids["corrections"])).done is True


async def test_a_correction_is_not_answered_without_saying_whether_it_was_made(desk: Desk, door: Door, cast: Cast):
    asked = (await ask(door, cast.alice))["corrections"]
    await desk.enter(cast.secretary)
    reply = await post(desk, f"/requests/corrections/{asked}", answer="我的答复")
    assert (reply.status, "请选择是否已更正" in text(reply), ">我的答复</textarea>" in text(reply)) == (422, True, True)


async def test_what_is_past_its_day_says_so_and_the_first_page_counts_it(desk: Desk, door: Door, cast: Cast):
    ids = await ask(door, cast.alice)
    await ask(door, cast.bob)
    long_ago = clock.at(TODAY - answering.ANSWER_WITHIN - timedelta(days=1), 12)
    await Correction.filter(id=ids["corrections"]).update(created_at=long_ago)
    await Feedback.filter(id=ids["feedback"]).update(created_at=long_ago + timedelta(days=1))
    await Leave.filter(id=ids["leaves"]).update(starts_on=TODAY - timedelta(days=1))
    await desk.enter(cast.secretary)
    front = text(await desk.see("/"))
    for path, said in (("", "份请假申请"), ("/corrections", "份更正申请"), ("/feedback", "条投诉建议")):
        assert f'<a href="/console/requests{path}"><b>2</b> {said}等您答复</a>' in front
    assert "其中 <b>2</b> 件已过答复期限" in front
    late = [text(await desk.see(f"/requests{kind}")) for kind in KINDS]
    assert [("请假已经开始" in late[0]), late[1].count("已过期限"), late[2].count("已过期限")] == [True, 1, 0]
    assert f"请在 {TODAY + answering.ANSWER_WITHIN} 前答复" in late[1]
    head = await Desk(door).enter(cast.unit_head)
    assert "/console/requests" not in text(await head.see("/"))


async def test_the_lists_go_on_page_by_page_and_an_empty_one_says_so(desk: Desk, door: Door, cast: Cast):
    await desk.enter(cast.secretary)
    for kind in KINDS:
        assert "没有等待办理的" in text(await desk.see(f"/requests{kind}?after=x")), kind
    at = clock.now()
    await Feedback.bulk_create([Feedback(member_id=cast.bob.id, text=f"<script>第{n}条", created_at=at) for n in range(60)])
    seen, path = [], "/requests/feedback"
    while path:
        reply = await desk.see(path)
        assert "<script>第" not in text(reply)
        seen.append(len(askers(reply)))
        link = re.search(r'href="/console(/requests/feedback\?[^"]+)" rel="next"', text(reply))
        path = link[1].replace("&amp;", "&") if link else ""
    assert seen == [25, 25, 10]
