"""Members who check in over HTTP as fast as they are answered, and which check-ins were acknowledged by when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import aiohttp
from door import Door
from people import Cast, Person, add_person, add_plan, build_cast, whole_day

from backend.kernel import clock

# Forty check-ins a second at most, so that they last.
AT_ONCE, PAUSE_S = 4, 0.1


@dataclass
class Load:
    """`acknowledged`: (member id, task id) and when 201 came back."""

    people: list[Person]
    tasks: list[int]
    acknowledged: dict[tuple[int, int], datetime] = field(default_factory=dict)
    refused: list[tuple[int, bytes]] = field(default_factory=list)

    def by(self, instant: datetime) -> set[tuple[int, int]]:
        """What was acknowledged by then."""
        return {pair for pair, at in self.acknowledged.items() if at < instant}

    async def reaches(self, count: int) -> None:
        while len(self.acknowledged) < count:
            assert not self.refused, self.refused[0]
            await asyncio.sleep(0.01)

    @asynccontextmanager
    async def at(self, base: str) -> AsyncIterator[None]:
        """The members check in while the block lasts, or until every day is done."""
        waiting = [(person, task) for task in self.tasks for person in self.people if (person.id, task) not in self.acknowledged]
        async with aiohttp.ClientSession() as session:
            door = Door(base, session)
            day = whole_day((await door.get(f"/tasks/{self.tasks[0]}", self.people[0])).json)

            async def check_in_all() -> None:
                while waiting:
                    person, task = waiting.pop(0)
                    reply = await door.post(f"/tasks/{task}/check-in", person, day)
                    if reply.status == 201:
                        self.acknowledged[person.id, task] = clock.now()
                    else:
                        self.refused.append((reply.status, reply.body))
                    await asyncio.sleep(PAUSE_S)

            working = [asyncio.create_task(check_in_all()) for _ in range(AT_ONCE)]
            try:
                yield
            finally:
                waiting.clear()
                await asyncio.gather(*working)


async def build_load(*, members: int, days: int) -> tuple[Cast, Load]:
    """A branch with so many more members, and a task on each of the last `days` days that all can still make up."""
    cast = await build_cast()
    people = [await add_person(cast.branch, f"会员{number}", unit=cast.units[number % 2]) for number in range(members)]
    today = clock.today()
    tasks = await add_plan(
        cast, days=[today - timedelta(days=age) for age in reversed(range(days))], members=[*cast.everyone, *people],
        passages=1, questions=2, makeup_days=days,
    )  # fmt: skip
    return cast, Load(people, [task.id for task in tasks])
