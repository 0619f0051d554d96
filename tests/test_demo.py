"""The demo as a newcomer finds it: one command, then the main job over HTTP alone, and a second start that keeps everything."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import aiohttp
from door import Door
from people import whole_day
from process import daka, environment, fresh_database, running
from waiting import until

from backend.demo_wechat import PAGES, REMINDER
from backend.kernel import clock
from backend.kernel.settings import Settings


async def sign_in(door: Door, openid: str) -> tuple[str, dict | None]:
    """Token and member, by way of the sandbox's phone."""
    code = (await door.post("/sandbox/wx-login", json={"openid": openid}, root=True)).json["code"]
    reply = await door.post("/auth/wechat", json={"code": code})
    assert reply.status == 200, reply.body
    return reply.json["token"], reply.json["member"]


async def figures(door: Door, token: str, **params: str) -> dict:
    reply = await door.get("/stats/coverage", token, params={"by": "aspect", **params})
    assert reply.status == 200, reply.body
    return reply.json


async def test_the_main_job_from_one_command(settings: Settings, tmp_path: Path):
    async with fresh_database(settings.database_url, tmp_path) as url:
        env = environment(DATA_DIR=str(tmp_path / "var"), DATABASE_URL=url, LOG_LEVEL="WARNING")
        async with running("demo", env=env, cwd=tmp_path) as (base, _), aiohttp.ClientSession() as session:
            door = Door(base, session)
            before = await _walk(door)
            await _look_around(door)
            await _receive(door)
            await _remind(door)
            printed = next(tmp_path.glob("daka-*.log")).read_text("utf-8")
            await _enter_console(door, printed)
        done = daka("check", env=env, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        async with running("demo", env=env, cwd=tmp_path) as (base, _), aiohttp.ClientSession() as session:
            door = Door(base, session)
            assert (await figures(door, await _secretary(door)))["total"]["done"] == before + 1
            assert len([p for p in await _people(door) if not p["bound"]]) >= 2
            await _grants_agree(door)


async def _people(door: Door) -> list[dict]:
    return (await door.get("/sandbox/people", root=True)).json["items"]


async def _secretary(door: Door) -> str:
    return (await sign_in(door, next(p["openid"] for p in await _people(door) if "secretary" in p["roles"])))[0]


async def _walk(door: Door) -> int:
    """Sign in, bind, consent, today's task, a wrong and a right check-in, and the figure that moves: done before it."""
    people = await _people(door)
    assert {role for p in people for role in p["roles"]} == {"secretary", "editor", "unit_head", "observer"}
    newcomer = next(p for p in people if not p["bound"] and p["invite_code"])
    secretary = await _secretary(door)
    token, member = await sign_in(door, newcomer["openid"])
    assert member is None
    body = {"name": newcomer["name"], "invite_code": newcomer["invite_code"]}
    bound = await door.post("/auth/bind", token, body)
    assert bound.status == 200, bound.body
    token = bound.json["token"]
    assert (await door.post("/auth/bind", token, body)).code in ("already_bound", "not_on_roster")
    version = (await door.get("/me/consents", token)).json["current"]
    task = (await door.get("/tasks/today", token)).json["task"]
    path = f"/tasks/{task['id']}/check-in"
    assert (await door.post(path, token, whole_day(task))).code == "consent_required"
    assert (await door.post("/me/consents", token, {"version": version})).status in (200, 201)
    # Every process remembers a session for at most 5 s; the one that took the consent knows at once.
    before = await figures(door, secretary)
    incomplete = await door.post(path, token, {"passages": [], "answers": []})
    assert (incomplete.status, incomplete.code) == (409, "incomplete")
    assert incomplete.json["missing"]["passages"] == [p["id"] for p in task["passages"]]
    day = {"passages": [p["id"] for p in task["passages"]], "answers": [_some_answer(q) for q in task["questions"]]}
    first = await door.post(path, token, day)
    again = await door.post(path, token, day)
    assert (first.status, again.status, again.body) == (201, 200, first.body)
    after = await figures(door, secretary)
    moved = {str(a["id"]) for a in task["aspects"]}
    for old, new in zip(before["rows"], after["rows"], strict=True):
        assert new["cell"]["done"] - old["cell"]["done"] == (str(new["key"]) in moved)
        assert new["cell"]["assigned"] == old["cell"]["assigned"]
    assert after["total"]["done"] == before["total"]["done"] + 1
    return before["total"]["done"]


def _some_answer(question: dict) -> dict:
    given = {
        "single": {"choice": ["A"]},
        "multiple": {"choice": ["A", "B"]},
        "true_false": {"choice": ["true"]},
        "blank": {"text": "不知道"},
    }
    return {"question": question["id"], **given[question["kind"]]}


async def _look_around(door: Door) -> None:
    """Three weeks of history on four levels; the pages that the start prints."""
    secretary = await _secretary(door)
    tiers = await door.get("/stats/coverage", secretary, params={"by": "tier", "and": "aspect"})
    assert [row["key"] for row in tiers.json["rows"]] == ["leader", "expert", "exemplar", "peer"]
    total = (await figures(door, secretary))["total"]
    assert total["assigned"] > 1000 and total["makeup"] > 0 and total["proxy"] > 0 and total["excused"] > 0
    listed = await door.get("/tasks", secretary, params={"from": str(clock.today() - timedelta(days=21)), "to": str(clock.today())})
    assert len(listed.json["items"]) == 22
    assert (await door.get("/sandbox", root=True)).status in (301, 302)
    for path in ("/sandbox/", "/docs", "/openapi.json", "/docs/vendor/swagger-ui.css", "/sandbox/phone.js"):
        assert (await door.get(path, root=True)).status == 200, path
    assert (await door.get("/console/", root=True)).status == 401


async def _receive(door: Door) -> None:
    """The phone's inbox: no message without a grant, and one for each; its page is one that the mini-program has."""
    openid = next(p["openid"] for p in await _people(door) if p["name"] == "安敏")

    async def lever(name: str, **order: str) -> dict:
        return (await door.post(f"/sandbox/control/{name}", json={"openid": openid, **order}, root=True)).json

    inbox = f"/sandbox/control/messages?openid={openid}"
    templates = [grant["template_id"] for grant in (await door.get(inbox, root=True)).json["grants"]]
    assert len(templates) == 2
    for template_id in templates:
        order = {"template_id": template_id, "page": PAGES[0]}
        assert (await lever("message", **order))["errcode"] == 43101
        assert (await lever("subscribe", template_id=template_id))["left"] == 1
        assert (await lever("message", **order))["errcode"] == 0
    items = (await door.get(inbox, root=True)).json["items"]
    assert [item["template_id"] for item in items] == templates[::-1]


async def _remind(door: Door) -> None:
    """Today's missing are reminded: some get it, the others have their reason, and each message is one grant less on both sides."""
    token = await _secretary(door)
    sent = await door.post("/reminders", token, {})
    assert sent.status == 201, sent.body
    batch: dict = {}

    async def is_over() -> bool:
        batch.update((await door.get(f"/reminders/{sent.json['id']}", token)).json)
        return batch["finished"]

    await until(is_over)
    assert batch["counts"]["sent"] > 3 and {"no_grant", "rejected"} <= {item["reason"] for item in batch["items"]}
    await _grants_agree(door)


async def _grants_agree(door: Door) -> None:
    """What the members' phones show as left is what the sandbox's WeChat would send."""
    left = []
    for person in [p for p in await _people(door) if p["bound"] and "observer" not in p["roles"]]:
        [mine] = (await door.get("/me/subscriptions", (await sign_in(door, person["openid"]))[0])).json["items"]
        inbox = (await door.get(f"/sandbox/control/messages?openid={person['openid']}", root=True)).json
        given = {grant["template_id"]: grant["left"] for grant in inbox["grants"]}
        assert given[REMINDER] == mine["left"], person
        left.append(mine["left"])
    assert any(left)


async def _enter_console(door: Door, printed: str) -> None:
    """The printed link signs the secretary in, once."""
    assert "演示" in printed and "邀请码" in printed
    link = re.search(r"(/console/enter\?token=\S+)", printed).group(1)
    page = await door.get(link, root=True)
    assert page.status == 200
    fields = dict(re.findall(r'name="(\w+)" value="([^"]+)"', page.body.decode()))
    entry = {"Cookie": page.headers["Set-Cookie"].split(";")[0]}
    entered = await door.ask("POST", "/console/enter", root=True, data=fields, headers=entry)
    assert entered.status in (302, 303), entered.body
    cookie = next(c.split(";")[0] for c in entered.headers.getall("Set-Cookie") if c.startswith("daka_console="))
    today = await door.get("/console/", root=True, headers={"Cookie": cookie})
    assert today.status == 200 and "演示" in today.body.decode()
    assert (await door.ask("POST", "/console/enter", root=True, data=fields, headers=entry)).status == 401
