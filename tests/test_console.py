"""The console through its door: the stranger first, then each role; cookies, CSRF tokens and escaping."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from desk import Desk, csrf_in
from door import Door
from people import Cast, add_person, add_plan, whole_day
from queries import counting
from sanic.response import HTTPResponse

from backend import console_links
from backend.kernel import clock
from backend.kernel import settings as kernel_settings
from backend.kernel.access import CAPABILITIES
from backend.kernel.settings import Settings
from console.http import ENTRY, HALF, PAGES, PUBLIC, SESSION, SIGNED_IN, keep
from models.members import RoleGrant
from models.plans import PlanMember


async def test_a_stranger_gets_a_page_that_says_how_to_enter(desk: Desk) -> None:
    for page in PAGES:
        if page.who == PUBLIC:
            continue
        reply = await desk._ask(page.method, re.sub(r"<\w+(?::\w+)?>", "1", page.path.removeprefix("/console")))
        assert (reply.status, reply.headers["Content-Type"]) == (401, "text/html; charset=utf-8"), page.path
        assert "daka console link" in reply.body.decode()


async def test_every_page_names_who_may_see_it() -> None:
    assert {page.who for page in PAGES} <= {PUBLIC, SIGNED_IN, HALF, *CAPABILITIES}


async def test_a_link_that_is_only_looked_at_is_not_used_up(desk: Desk, cast: Cast) -> None:
    link = await console_links.create(None, member_id=cast.secretary.id)
    for _ in range(3):
        assert (await desk.see(f"/enter?token={link}")).status == 200
    shown = await desk.see(f"/enter?token={link}")
    assert (await desk.send("/enter", csrf=csrf_in(shown), token=link)).status == 303
    assert "今日完成情况" in (await desk.see()).body.decode()


async def test_a_link_enters_once(desk: Desk, door: Door, cast: Cast) -> None:
    link = await console_links.create(None, member_id=cast.secretary.id)
    for expected in (303, 401):
        other = Desk(door)
        shown = await other.see(f"/enter?token={link}")
        assert (await other.send("/enter", csrf=csrf_in(shown), token=link)).status == expected
    assert SESSION not in other.cookies


async def test_entering_from_another_sites_form_is_refused(desk: Desk, cast: Cast) -> None:
    link = await console_links.create(None, member_id=cast.secretary.id)
    assert (await desk.send("/enter", token=link)).status == 403
    shown = await desk.see(f"/enter?token={link}")
    desk.cookies[ENTRY] = "somebody-else"
    assert (await desk.send("/enter", csrf=csrf_in(shown), token=link)).status == 403


async def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(desk: Desk, cast: Cast) -> None:
    link = await console_links.create(None, member_id=cast.secretary.id)
    shown = await desk.see(f"/enter?token={link}")
    entered = await desk.send("/enter", csrf=csrf_in(shown), token=link)
    header = next(h for h in entered.headers.getall("Set-Cookie") if h.startswith(f"{SESSION}=") and "Max-Age=0" not in h)
    assert "HttpOnly" in header and "SameSite=Strict" in header and "Path=/console" in header
    assert entered.headers["Cache-Control"] == "no-store"


async def test_in_production_the_cookie_travels_over_https_alone(settings: Settings) -> None:
    kernel_settings.use(replace(settings, env="production"))
    try:
        response = HTTPResponse()
        keep(response, SESSION, "token", until=clock.now() + timedelta(hours=12))
        assert "Secure" in str(response.cookies.get_cookie(SESSION, path="/console"))
    finally:
        kernel_settings.use(settings)


async def test_a_token_of_the_phone_opens_no_console_and_the_other_way_round(desk: Desk, door: Door, cast: Cast) -> None:
    desk.cookies[SESSION] = cast.secretary.token
    assert (await desk.see()).status == 401
    await desk.enter(cast.secretary)
    assert (await door.get("/me", desk.cookies[SESSION])).status == 401


async def test_signing_out_needs_the_pages_own_form_and_ends_the_session(desk: Desk, cast: Cast) -> None:
    await desk.enter(cast.secretary)
    token = desk.cookies[SESSION]
    page = await desk.see()
    for forged in ({}, {"csrf": ""}, {"csrf": "0" * 64}):
        assert (await desk.send("/sign-out", **forged)).status == 403
    assert (await desk.see()).status == 200
    assert (await desk.send("/sign-out", csrf=csrf_in(page))).status == 200
    assert SESSION not in desk.cookies
    desk.cookies[SESSION] = token
    assert (await desk.see()).status == 401


async def test_whoever_lost_the_last_role_sees_nothing(desk: Desk, cast: Cast) -> None:
    await desk.enter(cast.editor)
    await RoleGrant.filter(member_id=cast.editor.id).delete()
    assert (await desk.see()).status == 403


async def test_the_secretary_sees_todays_figures_and_who_is_waiting(desk: Desk, door: Door, cast: Cast) -> None:
    tasks = await add_plan(cast, days=[clock.today() - timedelta(days=1), clock.today()])
    await desk.enter(cast.secretary)
    before = (await desk.see()).body.decode()
    assert "0</a><span> / 5 人</span>" in before and "安敏" in before and "甲专委会" in before
    task = (await door.get(f"/tasks/{tasks[1].id}", cast.alice)).json
    assert (await door.post(f"/tasks/{tasks[1].id}/check-in", cast.alice, json=whole_day(task))).status == 201
    after = (await desk.see()).body.decode()
    assert "1</a><span> / 5 人</span>" in after and ">安敏</a></li>" not in after and ">白杰</a></li>" in after
    assert cast.branch.name in after and "方面9" in after


async def test_a_unit_head_sees_the_own_committee_alone(desk: Desk, cast: Cast) -> None:
    await add_plan(cast, days=[clock.today()])
    await desk.enter(cast.unit_head)
    page = (await desk.see()).body.decode()
    assert "0</a><span> / 2 人</span>" in page and ">安敏</a></li>" in page and "白杰" not in page


async def test_an_observer_sees_figures_and_no_name(desk: Desk, cast: Cast) -> None:
    await add_plan(cast, days=[clock.today()])
    await desk.enter(cast.observer)
    page = (await desk.see()).body.decode()
    assert "0<span> / 5 人</span>" in page and cast.branch.name in page
    assert not [person.name for person in cast.everyone if person.name in page]
    assert cast.other.name not in page


async def test_a_name_that_is_a_script_is_shown_as_text(desk: Desk, cast: Cast) -> None:
    sly = await add_person(cast.branch, "<script>alert(1)</script>")
    await add_plan(cast, days=[clock.today()], members=[*cast.everyone, sly])
    await desk.enter(cast.secretary)
    page = (await desk.see()).body.decode()
    assert "<script>" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page


async def test_the_link_shown_again_in_the_form_is_escaped(desk: Desk) -> None:
    page = (await desk.see("/enter?token=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")).body.decode()
    assert "<script>" not in page


async def test_pages_load_nothing_from_elsewhere_and_hold_no_script_or_style_of_their_own(desk: Desk, cast: Cast) -> None:
    await desk.enter(cast.secretary)
    for path in ("/", "/enter", "/nowhere"):
        reply = await desk.see(path)
        assert "http://" not in reply.body.decode() and "https://" not in reply.body.decode()
        assert not re.search(r"<script(?! src=\"/console/static/)|<style| style=| on\w+=", reply.body.decode())
        policy = reply.headers["Content-Security-Policy"]
        assert "script-src 'self'; style-src 'self';" in policy and "unsafe" not in policy
    sheet = await desk.see("/static/console.css")
    assert sheet.status == 200 and "text/css" in sheet.headers["Content-Type"] and b"url(" not in sheet.body


async def test_the_workbook_comes_for_the_cookie_and_for_an_observer_without_people(desk: Desk, door: Door, cast: Cast) -> None:
    await add_plan(cast, days=[clock.today()])
    await desk.enter(cast.secretary)
    reply = await desk.see("/coverage.xlsx?by=member")
    assert (reply.status, reply.body[:2]) == (200, b"PK") and ".xlsx" in reply.headers["Content-Disposition"]
    assert (await desk.see("/coverage.xlsx?by=nonsense")).status == 422
    above = await Desk(door).enter(cast.observer)
    assert (await above.see("/coverage.xlsx?by=member")).status == 403
    assert (await above.see("/coverage.xlsx?by=branch")).status == 200


async def test_the_page_costs_the_same_number_of_queries_for_five_as_for_fifty(desk: Desk, cast: Cast) -> None:
    await add_plan(cast, days=[clock.today()])
    await desk.enter(cast.secretary)
    await desk.see()
    with counting() as few:
        await desk.see()
    more = [await add_person(cast.branch, f"党员{n}", unit=cast.units[0]) for n in range(45)]
    await PlanMember.bulk_create([PlanMember(plan=cast.plan, member_id=p.id, starts_on=clock.today()) for p in more])
    with counting() as many:
        page = (await desk.see()).body.decode()
    assert "党员44" in page and len(few) == len(many) == 11


async def test_an_address_that_is_nothing_gives_a_page(desk: Desk) -> None:
    for path in ("/nowhere", "/nowhere/below", "/members/1/nowhere", "/plans/tasks/x/y/z", "/static/nowhere/x.css", "/a/"):
        reply = await desk.see(path)
        assert (reply.status, reply.headers["Content-Type"]) == (404, "text/html; charset=utf-8"), path
        assert "没有找到" in reply.body.decode(), path
    for path in ("/today/board", "/members", "/static/console.css"):
        reply = await desk.send(path)
        allowed = reply.headers["Allow"]
        assert (reply.status, reply.headers["Content-Type"]) == (405, "text/html; charset=utf-8") and "GET" in allowed, path
        assert "不支持这种请求方法" in reply.body.decode(), path


async def test_a_form_that_is_no_form_is_refused_and_not_an_error(desk: Desk, cast: Cast) -> None:
    await desk.enter(cast.secretary)
    for content_type in ("application/json", "multipart/form-data; boundary=x", "text/plain", "multipart/form-data"):
        reply = await desk._ask("POST", "/sign-out", data=b"\x00\xff{", headers={"Content-Type": content_type})
        assert reply.status in (400, 403), content_type
