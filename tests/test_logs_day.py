"""A whole day at DEBUG in a process of its own, with everything that goes wrong: no name, number, token or word of a member in the logs."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import asyncpg
import pytest
from door import Door
from held_up import held_up
from people import Cast, add_person, add_plan, whole_day
from process import environment, running
from test_console import Desk, csrf_in
from test_hang_ups import hang_up_after
from test_push import delivery, knock
from wechat_user import add_member, invite, new_phone, wechat_user

from backend import console_links
from backend.kernel import clock
from backend.kernel.database import fetch
from backend.kernel.settings import Settings
from backend.wechat.sandbox.faults import parse_fault
from models.members import Role

# Starts whole processes, again and again: see `make test-long`.
pytestmark = pytest.mark.long

REFLECTION = "金丝雀心得：今天读了三段，很受教育。"
FEEDBACK = "金丝雀意见：字太小。"
NAME = "金丝雀"
METRICS_TOKEN = "canary-metrics-token-0123456789"


@pytest.fixture
async def service(door: Door, settings: Settings, tmp_path: Path) -> AsyncIterator[tuple[Door, Path]]:
    """The service at DEBUG on the test's database, and the file with all that it writes to standard output and error."""
    env = environment(
        DATABASE_URL=settings.database_url, REDIS_URL=settings.redis_url, SECRET_KEY=settings.secret_keys[0], LOG_LEVEL="DEBUG",
        WECHAT_APPID=settings.wechat_appid, WECHAT_SECRET=settings.wechat_secret, WECHAT_API_BASE=settings.wechat_api_base,
        WECHAT_PUSH_TOKEN=settings.wechat_push_token, WECHAT_PUSH_AES_KEY=settings.wechat_push_aes_key, METRICS_TOKEN=METRICS_TOKEN,
    )  # fmt: skip
    async with running("serve", env=env, cwd=tmp_path) as (base, _), aiohttp.ClientSession() as session:
        yield Door(base, session), next(tmp_path.glob("daka-*.log"))


@asynccontextmanager
async def broken_reflections(settings: Settings) -> AsyncIterator[None]:
    """Within the block the database refuses every reflection, with an error text that holds it, as PostgreSQL's do."""
    if settings.on_sqlite:
        await fetch(f"CREATE TRIGGER broken BEFORE INSERT ON reflection BEGIN SELECT RAISE(ABORT, 'refused: {REFLECTION}'); END")  # noqa: S608
        yield
        await fetch("DROP TRIGGER broken")
        return
    connection = await asyncpg.connect(settings.database_url)
    await connection.execute("ALTER TABLE reflection ADD CONSTRAINT broken CHECK (length(body) < 3) NOT VALID")
    yield
    await connection.execute("ALTER TABLE reflection DROP CONSTRAINT broken")
    await connection.close()


async def test_nothing_personal_or_secret_is_written_in_a_whole_day(
    cast: Cast, settings: Settings, sandbox: tuple[Any, str], service: tuple[Door, Path]
):
    own, log = service
    state = sandbox[0]
    spoken: list[str] = [
        REFLECTION,
        FEEDBACK,
        NAME,
        METRICS_TOKEN,
        *settings.secret_keys,
        settings.wechat_secret,
        settings.wechat_push_token,
    ]
    await the_way_in(own, cast, state, spoken)
    await a_day_of_study(own, cast, spoken)
    failed = await everything_breaks(own, cast, settings, state, spoken)
    await at_the_desk(own, cast, spoken)
    written = log.read_text("utf-8")
    for word in spoken:
        assert len(word) >= 3
        for form in {word, quote(word), json.dumps(word)[1:-1], repr(word.encode())[2:-1]}:
            assert form not in written, f"{form} in: " + next(line for line in written.splitlines() if form in line)
    lines = [json.loads(line) for line in written.splitlines()]
    assert all({"event", "level", "at"} <= set(line) and line["at"].endswith("Z") for line in lines)
    faults = [line for line in lines if line["event"] == "server_error"]
    assert [line["request_id"] for line in faults if line["request_id"] in failed] == failed, "each error once, with its request's id"
    assert all(line["error"]["type"] and line["error"]["at"] for line in faults)
    events = {line["event"] for line in lines}
    assert events >= {"signed_in", "sign_in_failed", "guesses_refused", "session_refused", "access_denied", "request", "background_error"}
    assert {"login_again", "not_on_roster", "link_invalid"} <= {line["code"] for line in lines if line["event"] == "sign_in_failed"}
    assert {"forbidden", "csrf"} <= {line["code"] for line in lines if line["event"] == "access_denied"}


async def the_way_in(own: Door, cast: Cast, state: Any, spoken: list[str]) -> None:
    """Sign-in and binding, right and wrong."""
    phone = new_phone()
    member = await add_member(cast.branch, NAME, phone=phone)
    by_phone, by_code = wechat_user(state, phone=phone), wechat_user(state)
    second = await add_member(cast.branch, f"{NAME}二")
    code = await invite(second)
    for somebody in (by_phone, by_code):
        assert (await somebody.sign_in(own)).status == 200
        spoken += [somebody.token, somebody.openid, state.users[somebody.openid].session_key]
    spoken += [phone, code, code.replace("-", ""), second.name, member.name]
    await own.post("/auth/wechat", json={"code": f"canary-{NAME}"})
    for _ in range(6):
        await by_code.bind(own, f"{NAME}三", code=f"{code[:-1]}?")
    assert (await by_code.bind(own, second.name, code=code)).status == 200
    assert (await by_phone.bind(own, member.name)).status == 200
    spoken += [reply["token"] for reply in [(await by_code.sign_in(own)).json]]


async def a_day_of_study(own: Door, cast: Cast, spoken: list[str]) -> None:
    [task] = await add_plan(cast, days=[clock.today()])
    path = f"/tasks/{task.id}"
    day = whole_day((await own.get(path, cast.alice)).json)
    await own.post(f"{path}/answers", cast.alice, {"answers": day["answers"][:1]})
    assert (await own.post(f"{path}/check-in", cast.alice, {"reflection": REFLECTION})).status == 409
    for key in ("canary-key-1", "canary-key-1", "canary-key-2"):
        reply = await own.post(f"{path}/check-in", cast.alice, {**day, "reflection": REFLECTION}, headers={"Idempotency-Key": key})
        assert reply.status in (200, 201)
    await own.get("/me/export", cast.alice)
    await own.post("/feedback", cast.alice, {"text": FEEDBACK})
    spoken += ["canary-key", cast.alice.token, cast.alice.openid]
    # What is not theirs, and what is malformed.
    assert (await own.get("/members", cast.alice, params={"q": NAME})).status == 403
    await own.get("/members", cast.secretary, params={"q": NAME, "name": NAME})
    await own.post("/members", cast.secretary, {"name": NAME, "phone": "1390000金丝雀", "无此项": NAME})
    await own.ask("POST", "/feedback", cast.alice, data=f'{{"text": "{FEEDBACK}'.encode(), headers={"Content-Type": "application/json"})
    await own.get(f"/{NAME}/{quote(NAME)}", cast.alice)
    await own.get("/me", f"token-of-{NAME}".encode().hex())
    await own.get("/metrics", root=True, headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
    spoken += [f"token-of-{NAME}".encode().hex()]


async def everything_breaks(own: Door, cast: Cast, settings: Settings, state: Any, spoken: list[str]) -> list[str]:
    """The request ids of those that were answered with 500."""
    somebody = wechat_user(state)
    spoken.append(somebody.openid)
    for do in ({"http_status": 502}, {"close_after_effect": True}, {"errcode": 40125, "errmsg": f"bad secret {settings.wechat_secret}"}):
        state.faults.append(parse_fault({"match": {"path": "*"}, "do": do, "times": 3}))
        assert (await somebody.sign_in(own)).status == 503
        state.faults.clear()
    query, body = delivery(state, somebody.openid)
    await knock(own, query, body)
    assert (await knock(own, {**query, "msg_signature": f"0{secrets.token_hex(19)}", "echostr": NAME}, body)).status == 403
    spoken += [query["msg_signature"], query["nonce"]]
    [task] = await add_plan(cast, days=[clock.today()], members=[cast.bob, cast.unit_head])
    day = {**whole_day((await own.get(f"/tasks/{task.id}", cast.bob)).json), "reflection": REFLECTION}
    failed = []
    async with broken_reflections(settings):
        for number in range(2):
            headers = {"X-Request-ID": f"broken-{number:04d}"}
            reply = await own.post(f"/tasks/{task.id}/check-in", cast.bob, day, headers=headers)
            assert reply.status == 500 and REFLECTION not in reply.body.decode()
            failed.append(reply.json["request_id"])
        # The phone is gone when the database refuses: nobody waits for that error any more.
        async with held_up(settings):
            await asyncio.gather(*(hang_up_after(own, cast.unit_head, f"/tasks/{task.id}/check-in", day, 0.5) for _ in range(3)))
        await asyncio.sleep(0.8)
    return failed


async def at_the_desk(own: Door, cast: Cast, spoken: list[str]) -> None:
    keeper = await add_person(cast.branch, f"{NAME}书记", roles=(Role.SECRETARY,))
    desk, link = Desk(own), await console_links.create(None, member_id=keeper.id)
    shown = await desk.see(f"/enter?token={link}")
    assert (await desk.send("/enter", csrf=csrf_in(shown), token=link)).status == 303
    again = await desk.see(f"/enter?token={link}")
    assert (await desk.send("/enter", csrf=csrf_in(again), token=link)).status == 401
    assert (await desk.see("/")).status == 200
    assert (await desk.send("/sign-out", csrf=NAME)).status == 403
    spoken += [link, keeper.name, keeper.openid, keeper.token, *desk.cookies.values()]
