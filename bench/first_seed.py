"""Fills an empty database with branches that can be studied in, by the product's own functions, and writes down the requests to send.

`python -m bench.first_seed FOLDER`, with DAKA_* settings as the service's. One dialect a process (the ORM remembers the first it met).
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from backend import branches, consents, curriculum, members, plans, sessions, tasks
from backend.kernel import clock, database, schema, settings
from backend.kernel.database import fetch, transactional
from models.auth import Account
from models.consents import Consent
from models.members import Role
from models.tasks import DailyTask

BRANCHES, MEMBERS, DAYS, UNITS = 20, 100, 31, 5
PACK = Path(__file__).parent.parent / "curriculum"
Request = tuple[str, str, str, str, str]  # method, path, token, idempotency key, body


@transactional
async def _bind(member_id: int, openid: str) -> str:
    """The token of a member with an account, the current consent and an open session."""
    at = clock.now()
    account = await Account.create(openid=openid, member_id=member_id, bound_at=at, created_at=at)
    await Consent.create(member_id=member_id, version=consents.CURRENT, given_at=at)
    return (await sessions.open_session(member_id=member_id, account_id=account.id))[0]


@transactional
async def _units(branch_id: int) -> list[int]:
    return list((await branches.units_named(branch_id, [f"专委会{n}" for n in range(UNITS)]))[0].values())


async def _found(number: int) -> tuple[list[str], str, list[DailyTask]]:
    """One branch with members, a plan that began 30 days ago and can still be made up whole: tokens, the secretary's, the tasks."""
    today = clock.today()
    start = today - timedelta(days=DAYS - 1)
    branch_id = await branches.create(None, name=f"压测支部{number}", parent_id=None)
    units = await _units(branch_id)
    ids = [
        await members.add(None, branch_id=branch_id, name=f"会员{number}-{n}", unit_id=units[n % UNITS], joined_on=start)
        for n in range(MEMBERS)
    ]
    await members.grant(None, member_id=ids[0], role=Role.SECRETARY)
    tokens = [await _bind(member_id, f"oBENCH{member_id:0>22}") for member_id in ids]
    plan_id = await plans.create(
        None,
        branch_id=branch_id,
        title="压测计划",
        starts_on=start,
        ends_on=today,
        weekdays=range(1, 8),
        makeup_days=plans.MAKEUP_MOST,
        skip_holidays=False,
        plain_calendar=True,
        today=start,
    )
    return tokens, tokens[0], await DailyTask.filter(plan_id=plan_id).order_by("id")


def _body(content: tasks.TaskContent) -> str:
    """A whole day: every passage read, every question answered right."""
    answers = [{"question": q.id, **({"text": q.answer[0]} if q.kind == "blank" else {"choice": q.answer})} for q in content.questions]
    return json.dumps({"passages": [p.id for p in content.passages], "answers": answers}, ensure_ascii=False)


async def _requests() -> dict[str, list[Request]]:
    today: list[Request] = []
    check_ins: list[Request] = []
    coverage: list[Request] = []
    for number in range(BRANCHES):
        tokens, secretary, laid = await _found(number)
        today += [("GET", "/api/v1/tasks/today", token, "", "") for token in tokens]
        coverage.append(("GET", "/api/v1/stats/coverage?by=aspect", secretary, "", ""))
        for task in laid:
            body = _body(await tasks.content_of(task.id))
            path = f"/api/v1/tasks/{task.id}/check-in"
            check_ins += [("POST", path, token, f"bench-{task.id}-{n}", body) for n, token in enumerate(tokens)]
    dice = random.Random(20221016)
    for requests in (today, check_ins, coverage):
        dice.shuffle(requests)
    return {"today": today, "check-in": check_ins, "coverage": coverage}


def _write(path: Path, requests: Iterable[Request]) -> None:
    path.write_text("".join("\t".join(request) + "\n" for request in requests), "utf-8")


async def main(folder: Path) -> None:
    chosen = settings.use(settings.load())
    await schema.migrate(chosen)
    await database.connect(chosen)
    try:
        if await fetch("SELECT id FROM branch LIMIT 1"):
            raise SystemExit("这个数据库不是空的，压测数据不写入其中。")
        await curriculum.load(PACK)
        for name, requests in (await _requests()).items():
            _write(folder / f"{name}.tsv", requests)
        counts: dict[str, Any] = {"支部": BRANCHES, "会员": BRANCHES * MEMBERS, "任务": BRANCHES * DAYS}
        print(json.dumps(counts, ensure_ascii=False))
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
