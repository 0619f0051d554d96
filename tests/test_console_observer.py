"""The superior committee at the desk: figures to look at and not to touch, and nobody's name in the source of any page."""

from __future__ import annotations

import re

from desk import Desk, addresses, csrf_in
from door import Door
from people import Cast, add_branch, add_person, add_plan
from test_console_matrix import ROWS, row_of
from test_coverage_observer import branch_of

from backend.kernel import clock, documents
from console.http import FILE, PAGES, PREFIX, STREAM
from models.checkins import CheckIn

TODAY = clock.today()


async def _see(desk: Desk, path: str) -> str:
    reply = await desk.see(path)
    assert reply.status == 200, path
    return reply.body.decode()


async def test_an_observer_finds_only_what_is_there_to_look_at(desk: Desk, cast: Cast):
    await add_plan(cast, days=[TODAY])
    await desk.enter(cast.observer)
    front = await _see(desk, "/")
    assert (
        re.findall(r'<li><a href="/console(/[^"]*)"[^>]*>(?:今日|提醒|覆盖|成员|代录|办理|计划|题库|文本|操作记录)</a>', front)
        == ["/", "/coverage"] * 2
    )
    changing = {row for row, (who, _) in ROWS.items() if row.startswith("POST") and "observer" in who}
    assert all(row.startswith(("POST /account", "POST /enter", "POST /sign-out")) for row in changing)


async def test_a_write_of_an_observer_is_refused_and_changes_nothing(desk: Desk, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY])
    await desk.enter(cast.observer)
    csrf = csrf_in(await desk.see("/"))
    reply = await desk.send("/paper", csrf=csrf, cells=f"{cast.alice.id}-{task.id}")
    assert reply.status == 403 and not await CheckIn.exists(member_id=cast.alice.id)
    assert (await desk.send("/members/new", csrf=csrf, name="某人")).status == 403


async def test_no_page_that_an_observer_may_open_holds_a_name_of_a_member(desk: Desk, cast: Cast):
    await add_plan(cast, days=[TODAY])
    below = await branch_of(cast, "丙支部", units=(6,))
    await desk.enter(cast.observer)
    names = [person.name for person in (*cast.everyone, cast.other_member, below.alice)]
    mine = [page for page in PAGES if page.method == "GET" and page.gives != STREAM and "observer" in ROWS[row_of(page)][0]]
    seen = [await _see(desk, page.path.removeprefix(PREFIX)) for page in mine if page.gives != FILE and "<" not in page.path]
    held = {address for address in addresses(seen).values() if address.split("?")[0] in {page.path for page in mine}}
    more = [f"{PREFIX}/coverage?by={by}{branch}" for by in ("unit", "tier", "branch") for branch in ("", f"&branch={cast.branch.id}")]
    for address in {*held, *more}:
        reply = await desk.see(address.removeprefix(PREFIX))
        # A workbook is zipped: its cells are read.
        source = str(documents.read_sheet(reply.body)) if reply.body[:2] == b"PK" else reply.body.decode()
        assert [name for name in names if name in source] == [], address
    for path in (
        "/coverage/people",
        "/members",
        f"/members/{cast.alice.id}",
        "/coverage?by=member",
        "/silent",
        "/coverage.xlsx?by=member",
    ):
        assert (await desk.see(path)).status == 403, path


async def test_each_branch_below_is_opened_from_the_overview_and_no_other_branch(desk: Desk, cast: Cast):
    await add_plan(cast, days=[TODAY])
    third = await branch_of(cast, "丙支部", units=(6,))
    await desk.enter(cast.observer)
    for page in (await _see(desk, "/"), await _see(desk, "/coverage")):
        links = [
            link.replace("&amp;", "&")
            for link in re.findall(r'href="/console(/coverage\?by=unit&amp;branch=\d+|/coverage\?by=unit&branch=\d+)"', page)
        ]
        assert links == [f"/coverage?by=unit&branch={branch.id}" for branch in (cast.branch, third.branch)]
    one = await _see(desk, f"/coverage?by=unit&branch={third.branch.id}")
    assert f"{third.branch.name}：九个方面" in one and "丙支部0" in one and "甲专委会" not in one
    for foreign in (cast.other.id, "999999999", "x", "9" * 30):
        assert (await desk.see(f"/coverage?branch={foreign}")).status == 404, foreign
        assert (await desk.see(f"/coverage.xlsx?branch={foreign}")).status == 404, foreign


async def test_branches_stand_in_the_order_of_the_register_and_a_small_one_is_hidden(desk: Desk, cast: Cast):
    await add_plan(cast, days=[TODAY])
    await branch_of(cast, "丙支部", units=(6,))
    await branch_of(cast, "小支部", units=(2,))
    await desk.enter(cast.observer)
    rows = dict(re.findall(r'<tr><th scope="row">(?:<a[^>]*>)?([^<]+)(?:</a>)?</th>(.*?)</tr>', await _see(desk, "/coverage"), re.S))
    labels = [re.sub(r"\d+$", "", label) for label in rows]
    assert labels == ["机械学会支部", "丙支部", "小支部", "合计"]
    small = next(cells for label, cells in rows.items() if label.startswith("小支部"))
    assert "<b>" not in small and "—" in small


async def test_who_looks_from_another_tree_sees_nothing_of_this_one(door: Door, cast: Cast):
    await add_plan(cast, days=[TODAY])
    stranger = await add_person(await add_branch("别的党委"), "别处观察员", roles=("observer",))
    desk = await Desk(door).enter(stranger)
    assert cast.branch.name not in await _see(desk, "/") + await _see(desk, "/coverage")
    assert (await desk.see(f"/coverage?branch={cast.branch.id}")).status == 404
