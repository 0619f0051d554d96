"""Reminders while whole processes are stopped, killed and many: none is lost, none is sent twice, at most one a member and day."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
from conftest import APPID, REMINDER, SECRET
from door import Door
from grants import grant
from installations import Installation, apart, installation
from people import Cast, Person, add_person, add_plan, build_cast
from process import daka, running
from test_worker import working
from waiting import until

from backend.kernel import clock
from backend.kernel.settings import Settings
from backend.rules import reminding
from backend.wechat.outward import MESSAGE, STABLE_TOKEN
from backend.wechat.sandbox.faults import parse_fault

# Starts whole processes, again and again: see `make test-long`.
pytestmark = pytest.mark.long

# More than one round of the sender takes at once (AT_ONCE).
MANY = 28


@dataclass
class Town:
    """An installation of its own whose members all wait to be reminded, and the sandbox that its processes ask."""

    own: Installation
    env: dict[str, str]
    cast: Cast
    people: list[Person]
    wechat: Any

    @asynccontextmanager
    async def serving(self, folder: Path, *words: str) -> AsyncIterator[tuple[Door, subprocess.Popen[str]]]:
        connector = aiohttp.TCPConnector(limit=20, force_close=True)
        async with running("serve", *words, env=self.env, cwd=folder) as (base, process):
            async with aiohttp.ClientSession(connector=connector) as session:
                yield Door(base, session), process

    def received(self, who: Person) -> int:
        return len(self.wechat.users[who.openid].received)

    def asked(self, path: str) -> int:
        """How often the processes have asked the sandbox for this."""
        return sum(record["path"].endswith(path) for record in self.wechat.requests)

    def spoil(self, people: list[Person], path: str = MESSAGE, **fault: Any) -> None:
        for match in [{"openid": person.openid} for person in people] or [{}]:
            self.wechat.faults.append(parse_fault({"match": {"path": path, **match}, "do": fault}, now=self.wechat.now()))

    async def tell(self, sql: str) -> None:
        """A statement past the product: this process has other databases open."""
        if self.own.settings.on_sqlite:
            with closing(sqlite3.connect(self.own.file, timeout=10)) as connection:
                connection.execute(sql)
                connection.commit()
            return
        connection = await asyncpg.connect(self.own.settings.database_url)
        await connection.execute(sql)
        await connection.close()


@pytest.fixture
async def town(blank: Installation, settings: Settings, sandbox: Any, tmp_path: Path) -> AsyncIterator[Town]:
    (tmp_path / "data").mkdir()
    async with installation(settings, tmp_path / "data") as own:
        async with apart(settings):
            await own.become(blank)
            async with own.opened():
                cast = await build_cast()
                people = [await add_person(cast.branch, f"同志{number}", unit=cast.units[0]) for number in range(MANY)]
                await add_plan(cast, days=[clock.today()], members=people)
        env = own.env | {
            "DAKA_WECHAT_APPID": APPID, "DAKA_WECHAT_SECRET": SECRET, "DAKA_WECHAT_API_BASE": sandbox[1],
            "DAKA_WECHAT_REMINDER_TEMPLATE": REMINDER,
        }  # fmt: skip
        sandbox[0].requests.clear()
        yield Town(own, env, cast, people, sandbox[0])
        sandbox[0].faults.clear()


async def counts(door: Door, who: Person, batch_id: int) -> dict[str, int]:
    return (await door.get(f"/reminders/{batch_id}", who)).json["counts"]


async def told(door: Door, town: Town, batch_id: int) -> dict[int, tuple[str, str]]:
    """Member -> state and what is shown of it."""
    items = (await door.get(f"/reminders/{batch_id}", town.cast.secretary)).json["items"]
    return {item["member"]["id"]: (item["state"], item["explanation"]) for item in items}


def nothing_is_broken(town: Town, folder: Path) -> None:
    done = daka("check", env=town.env, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr


async def kill(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    await asyncio.to_thread(process.wait, 10)


async def settle_what_was_lost(door: Door, town: Town, batch_id: int) -> None:
    """Minutes later: what was claimed by a process that is gone."""
    await town.tell("UPDATE reminder SET claimed_at = '2020-01-01 00:00:00+00:00' WHERE state = 'sending'")

    async def none_is_open() -> bool:
        found = await counts(door, town.cast.secretary, batch_id)
        return found["waiting"] + found["sending"] == 0

    await until(none_is_open, 60)


async def test_killed_in_the_midst_of_sending_it_loses_none_and_sends_none_twice(town: Town, tmp_path: Path):
    answered, unanswered, unheard, later = (town.people[a:b] for a, b in ((0, 10), (10, 15), (15, 20), (20, MANY)))
    async with town.serving(tmp_path) as (door, process):
        await grant(door, town.wechat, *town.people, times=2)
        town.spoil(unanswered, delay_ms=60_000)
        town.spoil(unheard, hang=True)
        batch_id = (await door.post("/reminders", town.cast.secretary, {})).json["id"]
        await until(lambda: town.asked(MESSAGE) == 20 and all(town.received(person) for person in (*answered, *unanswered)))
        await kill(process)
    assert not any(town.received(person) for person in later)
    town.wechat.faults.clear()
    async with town.serving(tmp_path) as (door, process):
        await until(lambda: all(town.received(person) for person in later))
        await settle_what_was_lost(door, town, batch_id)
        found = await told(door, town, batch_id)
        left = [(await door.get("/me/subscriptions", person)).json["items"][0]["left"] for person in town.people]
        again = await door.post("/reminders", town.cast.secretary, {"members": [unheard[0].id]})
        assert (await told(door, town, again.json["id"]))[unheard[0].id][0] == "refused"
    assert {found[person.id] for person in later} == {("sent", "")}
    assert {found[person.id] for person in (*unanswered, *unheard)} == {("unknown", reminding.UNKNOWN)}
    assert {found[person.id][0] for person in answered} <= {"sent", "unknown"}
    assert [town.received(person) for person in town.people] == [1] * 15 + [0] * 5 + [1] * 8 and left == [1] * MANY
    nothing_is_broken(town, tmp_path)


async def test_killed_between_the_claim_and_the_message_it_says_so_and_goes_on_with_the_rest(town: Town, tmp_path: Path):
    town.spoil([], STABLE_TOKEN, hang=True)
    async with town.serving(tmp_path) as (door, process):
        await grant(door, town.wechat, *town.people)
        batch_id = (await door.post("/reminders", town.cast.secretary, {})).json["id"]
        # No message before there is a token: all that is claimed waits for one.
        await until(lambda: town.asked(STABLE_TOKEN) > 0)
        await kill(process)
    assert town.asked(MESSAGE) == 0
    town.wechat.faults.clear()
    async with town.serving(tmp_path) as (door, process):
        await until(lambda: all(town.received(person) for person in town.people[20:]))
        await settle_what_was_lost(door, town, batch_id)
        found = await told(door, town, batch_id)
    assert {found[person.id][0] for person in town.people} == {"sent", "unknown"}
    assert [town.received(person) for person in town.people] == [int(found[person.id][0] == "sent") for person in town.people]
    nothing_is_broken(town, tmp_path)


async def test_an_orderly_stop_finishes_what_is_under_way_and_leaves_the_rest_to_the_next_start(town: Town, redis_url: str, tmp_path: Path):
    town.env["DAKA_REDIS_URL"] = redis_url
    async with town.serving(tmp_path) as (door, process):
        await grant(door, town.wechat, *town.people)
        town.spoil(town.people, delay_ms=300)
        batch_id = (await door.post("/reminders", town.cast.secretary, {})).json["id"]
        await until(lambda: town.asked(MESSAGE) > 0)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 30) == 0
    assert 0 < sum(town.received(person) for person in town.people) < MANY
    async with town.serving(tmp_path) as (door, process):
        await until(lambda: all(town.received(person) for person in town.people))

        async def all_are_sent() -> bool:
            return (await counts(door, town.cast.secretary, batch_id))["sent"] == MANY

        await until(all_are_sent)
    assert [town.received(person) for person in town.people] == [1] * MANY
    nothing_is_broken(town, tmp_path)


async def test_many_commands_at_once_to_several_processes_remind_each_member_once(town: Town, redis_url: str, tmp_path: Path):
    words = () if town.own.settings.on_sqlite else ("--workers", "2")
    town.env["DAKA_REDIS_URL"] = redis_url
    async with town.serving(tmp_path, *words) as (door, _):
        await grant(door, town.wechat, *town.people, times=3)
        replies = await asyncio.gather(*(door.post("/reminders", town.cast.secretary, {}) for _ in range(8)))
        assert {reply.status for reply in replies} == {201}

        async def all_are_over() -> bool:
            each = [await counts(door, town.cast.secretary, reply.json["id"]) for reply in replies]
            return not any(one["waiting"] + one["sending"] for one in each)

        await until(all_are_over)
        found = [await told(door, town, reply.json["id"]) for reply in replies]
        left = [(await door.get("/me/subscriptions", person)).json["items"][0]["left"] for person in town.people]
    for person in town.people:
        states = sorted(one[person.id] for one in found)
        assert states == [("refused", reminding.REASONS["already"])] * 7 + [("sent", "")], person.name
    assert [town.received(person) for person in town.people] == [1] * MANY and left == [2] * MANY
    nothing_is_broken(town, tmp_path)


async def test_web_processes_without_jobs_leave_the_sending_to_the_worker(town: Town, redis_url: str, tmp_path: Path):
    town.env |= {"DAKA_REDIS_URL": redis_url, "DAKA_LOG_LEVEL": "INFO"}
    first, second = town.people[:14], town.people[14:]
    async with town.serving(tmp_path, "--no-jobs") as (door, _):
        await grant(door, town.wechat, *town.people)
        body = {"members": [person.id for person in first]}
        batch_id = (await door.post("/reminders", town.cast.secretary, body)).json["id"]
        # Another command is answered meanwhile: whoever wanted to send has had the time to ask.
        assert (await counts(door, town.cast.secretary, batch_id))["waiting"] == len(first) and town.asked(MESSAGE) == 0
        async with working(town.env, tmp_path):
            await until(lambda: all(town.received(person) for person in first))
            body = {"members": [person.id for person in second]}
            assert (await door.post("/reminders", town.cast.secretary, body)).status == 201
            await until(lambda: all(town.received(person) for person in second))
    assert [town.received(person) for person in town.people] == [1] * MANY
