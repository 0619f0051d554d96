"""The audit log on the secretary's desk: for the branch's secretary alone, by filters, page by page, and proved whole."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from desk import Desk, csrf_in
from door import Door, Reply
from people import Cast, add_person

from backend.kernel import audit, clock
from backend.kernel.access import Actor
from backend.kernel.database import fetch
from console import words

TODAY = clock.today()


def _actor(cast: Cast) -> Actor:
    return Actor(session_id=0, member_id=cast.editor.id, branch_id=cast.branch.id, request_id="req-00000001")


def rows(reply: Reply) -> list[tuple[str, str, str]]:
    """(who, what, to what) of each entry shown."""
    found = re.findall(
        r'<th scope="row">(.*?)</th>\s*<td class="what">(.*?)</td>\s*<td class="about">(.*?)</td>', reply.body.decode(), re.S
    )
    return [tuple(re.sub(r"<[^>]+>", "", cell) for cell in row) for row in found]


async def _entries(cast: Cast) -> None:
    await audit.record(_actor(cast), "member:change", subject="member", subject_id=cast.alice.id, fields=["phone", "name"])
    await audit.record(None, "member:bind", subject="member", subject_id=cast.bob.id, branch_id=cast.branch.id)
    await audit.record(_actor(cast), "text:import", subject="text", subject_id=7_000_007)


async def test_nobody_but_the_secretary_of_the_branch_sees_an_entry(desk: Desk, door: Door, cast: Cast):
    await _entries(cast)
    assert (await desk.see("/audit")).status == 401
    for person in (cast.editor, cast.unit_head, cast.observer):
        assert (await (await Desk(door).enter(person)).see("/audit")).status == 403, person.name
    foreign = await (await Desk(door).enter(cast.other_secretary)).see("/audit?action=text")
    assert rows(foreign) == [] and "没有符合条件的记录" in foreign.body.decode()
    mine = await (await Desk(door).enter(cast.other_secretary)).see(f"/audit?subject=member&id={cast.alice.id}")
    assert cast.alice.name not in mine.body.decode()


async def test_proving_the_log_needs_the_pages_own_form(desk: Desk, cast: Cast):
    await desk.enter(cast.secretary)
    assert (await desk.send("/audit/proof")).status == 403


async def test_an_entry_is_told_in_chinese_and_by_name(desk: Desk, cast: Cast):
    await _entries(cast)
    await desk.enter(cast.secretary)
    reply = await desk.see("/audit")
    assert rows(reply)[1:4] == [
        ("文编辑", "导入学习文本", "学习文本 7000007"), ("服务器或微信", "绑定微信", "白杰"), ("文编辑", "修改成员资料", "安敏"),
    ]  # fmt: skip
    assert "姓名、手机号" in reply.body.decode() and "req-00000001" in reply.body.decode()


async def test_a_members_page_leads_the_secretary_alone_to_what_was_changed_of_it(desk: Desk, door: Door, cast: Cast):
    await _entries(cast)
    link = f"/audit?subject=member&amp;id={cast.alice.id}"
    await desk.enter(cast.secretary)
    assert link in (await desk.see(f"/members/{cast.alice.id}")).body.decode()
    shown = await desk.see(link.replace("&amp;", "&"))
    assert [what for _, what, _ in rows(shown)] == ["修改成员资料"] and f'/console/members/{cast.alice.id}">到成员页' in shown.body.decode()
    for person in (cast.editor, cast.unit_head):
        assert link not in (await (await Desk(door).enter(person)).see(f"/members/{cast.alice.id}")).body.decode(), person.name


async def test_every_filter_narrows_and_what_is_senseless_hurts_nobody(desk: Desk, cast: Cast):
    await _entries(cast)
    await desk.enter(cast.secretary)
    tomorrow, text, change, bind = TODAY + timedelta(days=1), "导入学习文本", "修改成员资料", "绑定微信"
    for asked, expected in {
        "action=member": [bind, change], "action=member:bind": [bind], f"actor={cast.editor.id}": [text, change], "actor=x": [],
        "source=person&action=member": [change], "source=system&action=member": [bind], "request=req-00000001": [text, change],
        f"subject=member&id={cast.alice.id}": [change], "subject=member&id=x": [], f"from={TODAY}&action=text": [text],
        f"from={tomorrow}": [], f"to={TODAY - timedelta(days=1)}": [], f"to={TODAY}&action=text": [text], "from=9999-12-31": [],
        "from=0001-01-01&to=9999-12-31&action=text": [text], "from=gestern&source=x&before=y&action=text": [text],
        "action=text&before=1": [], f"action=text&before={2**40}": [text],
    }.items():  # fmt: skip
        reply = await desk.see(f"/audit?{asked}")
        assert ([what for _, what, _ in rows(reply)], reply.status) == (expected, 200), asked


async def test_a_day_of_the_log_is_a_day_in_shanghai(desk: Desk, cast: Cast):
    midnight, yesterday = clock.at(TODAY), TODAY - timedelta(days=1)
    for number, at in enumerate((midnight - timedelta(hours=1), midnight)):
        with clock.shifted(at):
            await audit.record(_actor(cast), "text:change", subject="text", subject_id=number)
    await desk.enter(cast.secretary)
    for asked, expected in {f"from={TODAY}": 1, f"from={yesterday}&to={yesterday}": 0}.items():
        assert [about for _, _, about in rows(await desk.see(f"/audit?action=text&{asked}"))] == [f"学习文本 {expected}"], asked


async def test_the_log_goes_on_page_by_page_under_the_same_filter(desk: Desk, cast: Cast):
    for number in range(120):
        await audit.record(_actor(cast), "text:change", subject="text", subject_id=number)
    await desk.enter(cast.secretary)
    seen, path = [], "/audit?action=text"
    while path:
        reply = await desk.see(path)
        seen.append([about for _, _, about in rows(reply)])
        link = re.search(r'href="/console(/audit\?[^"]+)" rel="next"', reply.body.decode())
        path = link[1].replace("&amp;", "&") if link else ""
    assert [len(page) for page in seen] == [50, 50, 20]
    assert sum(seen, []) == [f"学习文本 {number}" for number in range(119, -1, -1)]


async def test_a_log_that_was_changed_behind_the_service_is_told(desk: Desk, cast: Cast):
    await _entries(cast)
    await desk.enter(cast.secretary)
    csrf = csrf_in(await desk.see("/audit"))
    assert "记录完整" in (await desk.send("/audit/proof", csrf=csrf)).body.decode()
    head = (await fetch("SELECT hash FROM audit_head WHERE id = 1"))[0]["hash"]
    await fetch("UPDATE audit_head SET hash = $1 WHERE id = 1", "f" * 64)
    try:
        told = (await desk.send("/audit/proof", csrf=csrf)).body.decode()
    finally:
        await fetch("UPDATE audit_head SET hash = $1 WHERE id = 1", head)
    assert "操作记录的末尾被截去" in told and "记录完整" not in told


async def test_a_name_that_is_a_script_is_shown_as_text(desk: Desk, cast: Cast):
    sly = await add_person(cast.branch, "<script>alert(1)</script>")
    await audit.record(_actor(cast), "member:change", subject="member", subject_id=sly.id, fields=["<script>"])
    await desk.enter(cast.secretary)
    page = (await desk.see("/audit?request=%22%3E%3Cscript%3E")).body.decode() + (await desk.see("/audit")).body.decode()
    assert "<script>" not in page and "&lt;script&gt;alert(1)" in page


def test_every_action_that_is_audited_has_its_words():
    folder = Path(__file__).parent.parent / "backend"
    called = re.compile(r'"([a-z_]+:[a-z_]+)"')
    told = {"audit.record", "action =", "_decide(", "audit(", "revoke", "action="}
    lines = [line for path in folder.rglob("*.py") for line in path.read_text("utf-8").splitlines()]
    actions = {found for line in lines if any(word in line for word in told) for found in called.findall(line)}
    assert {"member:correct", "leave:grant", "checkin:record"} <= actions
    assert actions - set(words.ACTIONS) == set()
    assert {action.partition(":")[0] for action in words.ACTIONS} - set(words.SUBJECTS) <= {"wechat"}
