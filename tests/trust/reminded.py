"""Reminders in AC-05: members with grants, secretaries who send while WeChat is away, and what came of each row afterwards.

The outage begins as outages do: WeChat has taken the messages of the first batch, and its answers are lost. Whoever sends those again
because no answer came sends them twice, which the members' own inboxes in the sandbox show.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import sandbox_server
from conftest import REMINDER
from door import Door
from trust import books
from trust.ledger import requests_of
from waiting import until

from backend.wechat.outward import MESSAGE
from backend.wechat.sandbox import SandboxState
from backend.wechat.sandbox.faults import parse_fault
from backend.wechat.sandbox.records import Template

GRANTED, DRAINED_S = 60, 300.0
LOST = {"match": {"path": MESSAGE}, "do": {"close_after_effect": True}}
_MEMBERS = "SELECT id, branch_id FROM member WHERE branch_id > 1 ORDER BY branch_id, id"
_ROWS = "SELECT r.member_id, r.state, a.openid FROM reminder r JOIN account a ON a.member_id = r.member_id"


def know(state: SandboxState) -> None:
    """The template and the page that a reminder opens."""
    app = state.apps[sandbox_server.APPID]
    app.pages = (*app.pages, "pages/today/today")
    app.templates[REMINDER] = Template(REMINDER, "学习提醒", {"thing1": "学习内容", "date2": "学习日期", "thing3": "温馨提示"})


@dataclass
class Branch:
    """`granted`: those who can be reminded, the secretary not among them."""

    secretary: int
    granted: list[int]


@dataclass
class Reminders:
    """`tokens`: member -> session, from the request files of the load; the load leaves today's tasks alone."""

    base: str
    source: str
    state: SandboxState
    tokens: dict[int, str]
    branches: list[Branch] = field(default_factory=list)

    @classmethod
    async def prepared(cls, base: str, source: str, state: SandboxState, file: Path) -> Reminders:
        made = cls(base, source, state, {request.member_id: request.token for request in requests_of(file)})
        members: dict[int, list[int]] = {}
        for member_id, branch_id in (await books.read(source, _MEMBERS))[0]:
            members.setdefault(branch_id, []).append(member_id)
        made.branches = [Branch(some[0], some[1 : GRANTED + 1]) for some in members.values()]
        for branch in made.branches:
            await asyncio.gather(*(made._grant(member_id) for member_id in branch.granted))
        return made

    async def _post(self, path: str, member_id: int, body: dict[str, Any]) -> int:
        async with aiohttp.ClientSession() as session:
            who: Any = SimpleNamespace(token=self.tokens[member_id])
            return (await Door(self.base, session).post(path, who, body)).status

    async def _grant(self, member_id: int) -> None:
        """Twice: a second message must not fail for want of a grant."""
        user = self.state.add_user(openid=f"oBENCH{member_id:0>22}")
        user.grants[REMINDER] = 2
        for prompt in ("first", "second"):
            status = await self._post("/me/subscriptions", member_id, {"prompt": prompt, "results": {REMINDER: "accept"}})
            assert status == 200, f"grant: {status}"

    async def send(self, index: int, members: list[int] | None = None) -> None:
        status = await self._post("/reminders", self.branches[index].secretary, {"members": members} if members else {})
        assert status == 201, f"reminders: {status}"

    def inbox(self, member_id: int) -> int:
        return len(self.state.users[f"oBENCH{member_id:0>22}"].received)

    async def states(self) -> Counter[str]:
        return Counter(state for _, state, _ in (await books.read(self.source, _ROWS))[0])

    async def calm(self) -> None:
        """One message in each branch, as on any day: from then on there is a token for messages."""
        firsts = [branch.granted[0] for branch in self.branches]
        for index, first in enumerate(firsts):
            await self.send(index, [first])
        await until(lambda: all(self.inbox(first) for first in firsts), seconds=60)

    async def answers_lost(self) -> None:
        """The first batch, whose messages WeChat takes and whose answers never come."""
        self.state.faults[:] = [parse_fault(LOST, now=self.state.now())]
        await self.send(0)
        await until(lambda: sum(map(self.inbox, self.branches[0].granted)) >= 3, seconds=60)

    async def during(self, seconds: float) -> None:
        """The second batch in the middle, the third shortly before the end."""
        await asyncio.sleep(seconds / 2)
        await self.send(1)
        await asyncio.sleep(max(0.0, seconds / 2 - 5))
        await self.send(2)

    async def settled(self, told: dict[str, Any]) -> None:
        """`told` takes the figures: how long until no row is open, how the rows ended, who has more than one message or one too many."""
        waited, began = await self.states(), time.monotonic()

        async def none_is_open() -> bool:
            found = await self.states()
            return not found["waiting"] + found["sending"]

        await until(none_is_open, seconds=DRAINED_S)
        told |= {"open_at_end": waited["waiting"] + waited["sending"], "drained_s": time.monotonic() - began}
        rows = (await books.read(self.source, _ROWS))[0]
        of_member: dict[int, list[str]] = {}
        for member_id, state, _ in rows:
            of_member.setdefault(member_id, []).append(state)
        granted = [member_id for branch in self.branches for member_id in branch.granted]
        inboxes = {member_id: self.inbox(member_id) for member_id in granted}
        told |= {f"reminders_{state}": number for state, number in sorted(Counter(state for _, state, _ in rows).items())}
        told |= {
            "reminded_twice": sum(number > 1 for number in inboxes.values()),
            "untold": sum("sent" in of_member.get(m, []) and not number for m, number in inboxes.items()),
            "unasked": sum(not set(of_member.get(m, [])) & {"sent", "unknown"} and number > 0 for m, number in inboxes.items()),
            "lost_but_taken": sum("unknown" in of_member.get(m, []) and number == 1 for m, number in inboxes.items()),
        }
        assert told["reminded_twice"] == told["untold"] == told["unasked"] == 0
        assert told["open_at_end"] > 0, "nothing was left to do after the outage: it shows nothing"
        assert told["lost_but_taken"] > 0, "no answer was lost: a second message could not be seen"
        # Those on leave or not yet joined have none.
        assert len(of_member.keys() & set(granted)) >= 0.9 * len(granted), "members with a grant have no row"
        assert {state for _, state, _ in rows} <= {"sent", "refused", "unknown"}
