"""Phones hang up all day. Requests cut off at random moments leave the pool whole, and the next one is answered."""

from __future__ import annotations

import asyncio
import json
import random
from urllib.parse import urlsplit

from door import Door
from people import Cast, add_person, add_plan, whole_day
from tortoise import connections
from waiting import until

from backend.kernel import clock, database
from backend.kernel.database import fetch, transactional

SEED = 20221016
REQUESTS = 400


async def hang_up_after(door: Door, person, path: str, body: dict, seconds: float) -> None:
    """Sends a request over a socket of its own and closes it, whatever has come back by then."""
    address = urlsplit(door.base)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    content = json.dumps(body).encode()
    head = f"POST /api/v1{path} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {person.token}\r\nContent-Type: application/json\r\n"
    writer.write(head.encode() + f"Content-Length: {len(content)}\r\n\r\n".encode() + content)
    await writer.drain()
    await asyncio.sleep(seconds)
    writer.transport.abort()


async def test_four_hundred_requests_cut_off_at_random_leave_the_pool_whole(door: Door, cast: Cast):
    dice = random.Random(SEED)
    people = [await add_person(cast.branch, f"党员{n}") for n in range(40)]
    [task] = await add_plan(cast, days=[clock.today()], members=[*people, cast.alice])
    day = whole_day((await door.get(f"/tasks/{task.id}", cast.alice)).json)
    answers = {"answers": day["answers"][:1]}
    for _ in range(REQUESTS // len(people)):
        await asyncio.gather(
            *(
                hang_up_after(door, person, f"/tasks/{task.id}/{path}", body, dice.uniform(0, 0.06))
                for person in people
                for path, body in [dice.choice([("check-in", day), ("answers", answers), ("readings", {"passages": day["passages"]})])]
            )
        )
    replies = await asyncio.wait_for(asyncio.gather(*(door.post(f"/tasks/{task.id}/check-in", p, day) for p in people)), 20)
    assert {r.status for r in replies} <= {200, 201}
    if database.dialect() == "postgres":
        pool = connections.get("default")._pool
        assert pool.get_idle_size() == pool.get_size()
    rows = (await fetch("SELECT COUNT(*) AS n, SUM(firsts) AS firsts FROM check_in WHERE task_id = $1", task.id))[0]
    figures = (await fetch("SELECT SUM(on_time) AS n, SUM(firsts) AS firsts FROM task_figure WHERE task_id = $1", task.id))[0]
    assert (rows["n"], rows["firsts"]) == (figures["n"], figures["firsts"]) == (40, 120)


async def test_a_cancelled_transaction_is_finished_not_torn(door: Door, cast: Cast):
    started = asyncio.Event()

    @transactional
    async def rename(name: str) -> None:
        await fetch("UPDATE branch SET name = $2 WHERE id = $1", cast.branch.id, name)
        started.set()
        await asyncio.sleep(0.05)
        await fetch("UPDATE unit SET name = $2 WHERE id = $1", cast.units[0].id, name)

    task = asyncio.create_task(rename("改名"))
    await started.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    async def renamed() -> bool:
        """Both or neither at every moment, and both in the end."""
        names = await fetch(
            "SELECT b.name AS branch, u.name AS unit FROM branch b JOIN unit u ON u.branch_id = b.id WHERE u.id = $1", cast.units[0].id
        )
        changed = [name == "改名" for name in names[0].values()]
        assert changed in ([True, True], [False, False])
        return all(changed)

    await until(renamed)
