"""A hundred random histories on one database, in a process of its own (the ORM remembers the first dialect that it meets). Prints JSON.

Each history is lived through the product's functions, its last events while somebody reads the figures; then every slice is compared
with the oracle (tests/oracle.py), the workbook with the API, and the summary with the rows.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import aiohttp
import hypothesis
import openpyxl
import servers
from door import Door, serve
from histories import HISTORIES, History, begin
from hypothesis import HealthCheck, given
from test_coverage_oracle import ONE, TWO, compare, compare_streaks
from trust.machines import folder

from api.app import create_app
from backend import checks, consents, sessions
from backend.coverage_export import FIGURES
from backend.kernel import clock, schema, settings
from backend.kernel.settings import Settings
from models.auth import Account
from models.consents import Consent
from models.members import Member, Role, RoleGrant

AXES = ("aspect", "unit", "tier", "status", "member", "day")


@asynccontextmanager
async def world(database: str) -> AsyncIterator[Door]:
    """The service in this process, on an empty database."""
    with ExitStack() as stack:
        home = stack.enter_context(folder("histories"))
        url = f"sqlite://{home / 'daka.sqlite3'}?synchronous=OFF"
        if database == "postgres":
            url, stop = servers.start_postgres()
            stack.callback(stop)
        chosen = settings.use(Settings(data_dir=home, database_url=url, secret_keys=("0" * 64,), log_level="WARNING"))
        await schema.migrate(chosen)
        async with serve(create_app(chosen, name="daka_histories")) as base, aiohttp.ClientSession() as session:
            yield Door(base, session)


async def let_in(history: History) -> str:
    """A token of the branch's secretary, who has been no more than a name."""
    member_id, now = history.secretary.member_id, clock.now()
    await Member.filter(id=member_id).update(joined_on=history.day(0))
    await RoleGrant.create(member_id=member_id, role=Role.SECRETARY)
    await Consent.create(member_id=member_id, version=consents.CURRENT, given_at=now)
    account = await Account.create(openid=f"o{secrets.token_hex(13)}h", member_id=member_id, bound_at=now, created_at=now)
    return (await sessions.open_session(member_id=member_id, account_id=account.id))[0]


def refuse_senseless(table: dict) -> None:
    """What holds at every moment, whatever is written meanwhile."""
    cells = [table["total"], *(row["cell"] for row in table["rows"])]
    for cell in cells:
        assert 0 <= cell["done"] <= cell["assigned"] and cell["done"] == cell["on_time"] + cell["makeup"] + cell["proxy"], cell
        assert cell["assigned"] == cell["done"] + cell["missing"] + cell["open"], cell
        assert cell["accuracy"] is None or cell["accuracy"] <= 1
    for name in ("assigned", "done"):
        assert sum(row["cell"][name] for row in table["rows"]) == table["total"][name], "the rows are not the total"


async def live_and_read(door: Door, token: str, history: History, events: list[tuple]) -> int:
    """The events, while the figures are read without pause: how many readings."""
    readings, living = 0, asyncio.create_task(live_all(history, events))
    while not living.done():
        reply = await door.get("/stats/coverage", token, params={"by": "unit"})
        assert reply.status == 200, reply.body
        refuse_senseless(reply.json)
        readings += 1
    await living
    return readings


async def live_all(history: History, events: list[tuple]) -> None:
    for event in events:
        await history.live(event)


async def compare_export(door: Door, token: str, by: str) -> None:
    """The workbook's lines are the API's rows and total."""
    told = (await door.get("/stats/coverage", token, params={"by": by})).json
    book = openpyxl.load_workbook(io.BytesIO((await door.get("/stats/coverage.xlsx", token, params={"by": by})).body))
    lines = [list(row)[1:] for row in book.worksheets[0].iter_rows(values_only=True)][1:]
    assert lines == [[cell[name] for name, _, _ in FIGURES] for cell in [*(row["cell"] for row in told["rows"]), told["total"]]]


async def one(door: Door, drawn: dict, told: Counter[str]) -> None:
    history = await begin(drawn, today=clock.today())
    token = await let_in(history)
    await live_all(history, drawn["events"])
    told["readings"] += await live_and_read(door, token, history, drawn["studies"])
    for axes in [*ONE, *TWO[told["histories"] % 5 :: 5]]:
        await compare(history, axes)
        told["slices"] += 1
    await compare_streaks(history)
    await compare_export(door, token, AXES[told["histories"] % len(AXES)])
    assert await checks.broken(branch_id=history.secretary.branch_id) == []
    told["histories"] += 1
    told["events"] += len(drawn["events"]) + len(drawn["studies"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("database")
    parser.add_argument("seed", type=int)
    parser.add_argument("histories", type=int)
    chosen = parser.parse_args()
    told: Counter[str] = Counter()
    loop = asyncio.new_event_loop()
    manager = world(chosen.database)
    door = loop.run_until_complete(manager.__aenter__())

    @hypothesis.seed(chosen.seed)
    @hypothesis.settings(max_examples=chosen.histories, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(drawn=HISTORIES)
    def live(drawn: dict) -> None:
        loop.run_until_complete(one(door, drawn, told))

    try:
        live()
    finally:
        loop.run_until_complete(manager.__aexit__(None, None, None))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
