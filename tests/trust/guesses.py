"""AC-14: ten thousand guesses in each way, from one address and from a hundred, with forged forwarding headers: `make trust-14`.

At codes and numbers of one name, at the name of one code, at ever new names; for the right answers of a task; at codes of the console.
Nobody is let in; of one target no more than five guesses are judged, from one address no more than twenty, whatever it says in
X-Forwarded-For; the rest get 429 with Retry-After; and who really is on the roster gets in by the other way.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from string import ascii_uppercase
from typing import Any

import aiohttp
from desk import Desk
from door import Door, Reply
from people import Person, add_plan, build_cast, whole_day
from test_console_scans import shown
from trust.house import House, house
from trust.report import Run
from wechat_user import WeChatUser, add_member, from_elsewhere, invite, new_phone, wechat_user

from backend import guesses
from backend.kernel import clock, security
from backend.kernel.database import fetch
from models.auth import Account
from models.members import Invite

AT_ONCE = 25
FORGED = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP")


@asynccontextmanager
async def addresses(made: House, number: int, dice: random.Random) -> AsyncIterator[list[Door]]:
    """The service as it is called from so many addresses."""
    async with AsyncExitStack() as stack:
        doors = []
        for index in range(number):
            local = f"127.{10 + dice.randrange(200)}.{index % 250}.{2 + dice.randrange(250)}"
            connector = aiohttp.TCPConnector(local_addr=(local, 0), limit=0)
            doors.append(Door(made.door.base, await stack.enter_async_context(aiohttp.ClientSession(connector=connector))))
        yield doors


async def many(number: int, guess: Any) -> Counter:
    """So many guesses, AT_ONCE at a time: what was answered, and whether each 429 said when to come again."""
    replies: Counter = Counter()
    for first in range(0, number, AT_ONCE):
        for reply in await asyncio.gather(*(guess(n) for n in range(first, min(number, first + AT_ONCE)))):
            replies[reply.code or str(reply.status)] += 1
            assert reply.status in (404, 429), (reply.status, reply.body)
            assert reply.status != 429 or int(reply.headers["Retry-After"]) > 0
    return replies


def spoof(dice: random.Random) -> dict[str, str]:
    address = ".".join(str(dice.randrange(1, 255)) for _ in range(4))
    return {name: f"for={address}" if name == "Forwarded" else address for name in FORGED}


async def attack(made: House, victim: Person, way: str, number: int, from_: int, dice: random.Random) -> Counter:
    """Guesses at one name by one of the two ways; each with a WeChat account that may be used again."""
    async with addresses(made, from_, dice) as doors:
        crowd: list[WeChatUser] = []
        for index in range(min(from_, 20)):
            user = wechat_user(made.state, phone=new_phone())
            assert (await user.sign_in(doors[index % from_])).status == 200
            crowd.append(user)

        async def guess(n: int) -> Reply:
            user, door = crowd[n % len(crowd)], doors[n % from_]
            proof = {"invite_code": security.new_invite_code()} if way == "invite" else {"phone_code": made.state.phone_button(user.openid)}
            return await door.post("/auth/bind", user, {"name": victim.name, **proof}, headers=spoof(dice))

        return await many(number, guess)


async def one_code(made: House, code: str, number: int, from_: int, dice: random.Random) -> Counter:
    """Guesses at the name that belongs to a code somebody found: each with another name."""
    async with addresses(made, from_, dice) as doors:
        user = wechat_user(made.state)
        assert (await user.sign_in(doors[0])).status == 200

        async def guess(n: int) -> Reply:
            return await doors[n % from_].post("/auth/bind", user, {"name": f"猜名{n}", "invite_code": code}, headers=spoof(dice))

        return await many(number, guess)


async def many_names(made: House, number: int, from_: int, dice: random.Random) -> Counter:
    """Ever another name with ever another code, so that what counts is the address alone."""
    async with addresses(made, from_, dice) as doors:
        user = wechat_user(made.state)
        assert (await user.sign_in(doors[0])).status == 200

        async def guess(n: int) -> Reply:
            body = {"name": f"某人{n}", "invite_code": security.new_invite_code()}
            return await doors[n % from_].post("/auth/bind", user, body, headers=spoof(dice))

        return await many(number, guess)


async def owner_gets_in(made: House, victim: Person, way: str, phone: str) -> None:
    """By the way that was not attacked, from an address that nobody guessed from."""
    async with from_elsewhere(made.door) as door:
        user = wechat_user(made.state, phone=phone)
        assert (await user.sign_in(door)).status == 200
        await Invite.filter(member_id=victim.id).delete()
        code = None if way == "invite" else await invite(victim)
        reply = await user.bind(door, victim.name, code=code)
        assert reply.status == 200, (way, reply.status, reply.body)


async def binding(made: House, way: str, from_: int, number: int, dice: random.Random, told: dict[str, Any]) -> None:
    cast, phone = await build_cast(), new_phone()
    victim = await add_member(cast.branch, f"林{way}{from_}", phone=phone)
    code = await invite(victim)
    match way:
        case "code":
            replies = await one_code(made, code, number, from_, dice)
        case "names":
            replies = await many_names(made, number, from_, dice)
        case _:
            replies = await attack(made, victim, way, number, from_, dice)
    told |= {"guesses": sum(replies.values()), "judged": replies["not_on_roster"], "refused": replies["too_many_attempts"]}
    told["successes"] = await Account.filter(member_id=victim.id).count()
    most = guesses.PER_ADDRESS * from_ if way == "names" else guesses.PER_TARGET
    assert told["judged"] <= most and told["guesses"] == told["judged"] + told["refused"] == number, replies
    assert told["successes"] == 0, "somebody guessed right"
    await owner_gets_in(made, victim, "invite" if way == "code" else way, phone)


async def quiz(made: House, number: int, dice: random.Random, told: dict[str, Any]) -> None:
    """Who searches for the right answers is told them after the first try, and it is the first that counts, and stays the only one."""
    cast = await build_cast()
    [task] = await add_plan(cast, days=[clock.today()])
    path, right = f"/tasks/{task.id}/answers", whole_day((await made.door.get(f"/tasks/{task.id}", cast.alice)).json)["answers"]
    wrong = whole_day((await made.door.get(f"/tasks/{task.id}", cast.alice)).json, right=False)["answers"]
    assert (await made.door.post(path, cast.alice, {"answers": wrong})).json["right"] == 0

    async def search(n: int) -> Reply:
        return await made.door.post(path, cast.alice, {"answers": dice.choice((right, wrong))}, headers=spoof(dice))

    replies: Counter = Counter()
    for first in range(0, number, AT_ONCE):
        for reply in await asyncio.gather(*map(search, range(first, min(number, first + AT_ONCE)))):
            replies[reply.status] += 1
    counted = await fetch('SELECT COUNT(*) AS n, SUM(CASE WHEN "right" THEN 1 ELSE 0 END) AS r FROM answer WHERE is_first')
    told |= {"guesses": sum(replies.values()), "judged": 0, "refused": replies[429], "successes": counted[0]["r"]}
    assert set(replies) <= {200, 429} and counted == [{"n": len(wrong), "r": 0}], (replies, counted)


async def scenes(made: House, number: int, dice: random.Random, told: dict[str, Any]) -> None:
    """Codes of the console made up by somebody who may confirm one, and by a member: the browser that waits is let in by none."""
    cast, desk = await build_cast(), Desk(made.door)
    _, asked = await shown(desk)

    async def guess(n: int) -> Reply:
        code = f"IN{int(time.time()):08X}{''.join(dice.choices(ascii_uppercase + '234567', k=20))}"
        return await made.door.post("/auth/console-scan", cast.alice if n % 2 else cast.observer, {"code": code}, headers=spoof(dice))

    replies: Counter = Counter()
    for first in range(0, number, AT_ONCE):
        for reply in await asyncio.gather(*map(guess, range(first, min(number, first + AT_ONCE)))):
            replies[reply.status] += 1
            assert reply.status != 429 or int(reply.headers["Retry-After"]) > 0
    entered = await fetch("SELECT COUNT(*) AS n FROM session WHERE kind = 'console' AND member_id = $1", cast.observer.id)
    told |= {"guesses": sum(replies.values()), "judged": replies[204], "refused": replies[429] + replies[403]}
    told["successes"] = entered[0]["n"]
    assert (await desk.send("/enter/scan", **asked)).status == 204 and told["successes"] == 0
    assert set(replies) <= {204, 403, 429} and told["judged"] <= guesses.VISITS_PER_ADDRESS, replies
    assert told["judged"] + told["refused"] == number, replies


async def main() -> int:
    run = Run.of("AC-14", "brute force", guesses=10_000)
    names = [*(f"{way}-from-{from_}" for way in ("invite", "phone", "code", "names") for from_ in (1, 100)), "quiz", "scenes"]
    if run.has_left(names):
        async with house() as made:
            for name in run.left(names):
                with run.piece(name) as found:
                    way, _, from_ = name.partition("-from-")
                    given = (run.given.guesses, run.dice(name), found)
                    await (binding(made, way, int(from_), *given) if from_ else (quiz if way == "quiz" else scenes)(made, *given))
    return run.conclude(guesses=sum, successes=sum, judged=sum, refused=sum)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
