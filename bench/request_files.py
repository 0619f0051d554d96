"""Opens a session for everybody in a bench database and writes down the requests to send: a file for each scenario, see load.c.

`python -m bench.request_files FOLDER [--check-ins N]`, with DAKA_* settings as the service's, after `daka bench-data`.
One dialect a process: the ORM remembers the first that it met.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from backend import tasks
from backend.kernel import bulk, clock, database, security, settings
from backend.kernel.database import as_date, fetch, transactional

SEED = 20221016
QUARTER_DAYS = 92
LIFETIME = timedelta(days=30)
# due (ms), method, path, token, idempotency key, body
Request = tuple[str, str, str, str, str, str]

_OPEN_TASKS = """
SELECT t.id, t.branch_id, t.date FROM daily_task t WHERE t.date <= $1 AND t.makeup_until >= $1 ORDER BY t.date DESC, t.branch_id
"""
_STUDENTS = "SELECT id, branch_id, joined_on FROM member WHERE branch_id > 1 ORDER BY id"
_STUDIED = "SELECT MAX(task_date) AS day FROM check_in"


@transactional
async def _sign_in(member_ids: Iterable[int]) -> dict[int, str]:
    """A token for each member; accounts have their member's id."""
    at = clock.now()
    tokens = {member_id: security.new_token() for member_id in member_ids}
    columns = ("token_hash", "kind", "account_id", "member_id", "device", "created_at", "seen_at", "expires_at")
    rows = ((security.token_hash(token), "mini", m, m, "", at, at, at + LIFETIME) for m, token in tokens.items())
    await bulk.load("session", columns, rows)
    return tokens


def get(path: str, token: str) -> Request:
    return "", "GET", f"/api/v1{path}", token, "", ""


def whole_day(content: tasks.TaskContent) -> str:
    """Every passage read, every question answered right."""
    answers = [{"question": q.id, **({"text": q.answer[0]} if q.kind == "blank" else {"choice": q.answer})} for q in content.questions]
    return json.dumps({"passages": [p.id for p in content.passages], "answers": answers}, ensure_ascii=False)


async def _check_ins(students: list[dict[str, Any]], tokens: dict[int, str], today: date, most: int) -> Iterator[Request]:
    """Every day that can still be done and that nobody has done, the latest first; on each day everybody, in no order."""
    studied = as_date((await fetch(_STUDIED))[0]["day"]) or date.min
    days: dict[date, dict[int, int]] = {}
    for row in await fetch(_OPEN_TASKS, today):
        if as_date(row["date"]) > studied:
            days.setdefault(as_date(row["date"]), {})[row["branch_id"]] = row["id"]
    bodies = {day: whole_day(await tasks.content_of(next(iter(of_branch.values())))) for day, of_branch in days.items()}
    dice = random.Random(SEED)

    def written() -> Iterator[Request]:
        number = 0
        for day, task_of in days.items():
            some = [s for s in students if as_date(s["joined_on"]) <= day]
            dice.shuffle(some)
            for student in some:
                task_id = task_of[student["branch_id"]]
                key = f"bench-{task_id}-{student['id']}"
                yield "", "POST", f"/api/v1/tasks/{task_id}/check-in", tokens[student["id"]], key, bodies[day]
                number += 1
                if number == most:
                    return

    return written()


def _secretary(token: str, quarter: str) -> dict[str, Request]:
    return {
        "day": get("/stats/today?by=member", token),
        "matrix": get(f"/stats/coverage?by=member&and=aspect&{quarter}", token),
        "units": get(f"/stats/coverage?by=unit&and=aspect&{quarter}", token),
        "people": get("/members?limit=100", token),
    }


async def write(folder: Path, *, most: int) -> dict[str, int]:
    """check-in.tsv, today.tsv, day.tsv, matrix.tsv, units.tsv, people.tsv, organisation.tsv: how many requests in each."""
    today = clock.today()
    students = await fetch(_STUDENTS)
    observer = (await fetch("SELECT member_id FROM role_grant WHERE role = 'observer'"))[0]["member_id"]
    secretaries = [row["member_id"] for row in await fetch("SELECT member_id FROM role_grant WHERE role = 'secretary' ORDER BY member_id")]
    tokens = await _sign_in([*(student["id"] for student in students), observer])
    studied = as_date((await fetch(_STUDIED))[0]["day"]) or today
    quarter = f"from={studied - timedelta(days=QUARTER_DAYS - 1)}&to={studied}"
    files: dict[str, Iterable[Request]] = {
        "check-in": await _check_ins(students, tokens, today, most),
        "today": [get("/tasks/today", tokens[student["id"]]) for student in students],
        "organisation": [get(f"/stats/coverage?by=branch&and=aspect&{quarter}", tokens[observer])],
    }
    asked = [_secretary(tokens[member_id], quarter) for member_id in secretaries]
    files |= {name: [one[name] for one in asked] for name in asked[0]}
    return {name: _write(folder / f"{name}.tsv", requests) for name, requests in files.items()}


def _write(path: Path, requests: Iterable[Request]) -> int:
    number = 0
    with path.open("w", encoding="utf-8") as file:
        for request in requests:
            number += 1
            file.write("\t".join(request) + "\n")
    return number


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--check-ins", type=int, default=0, help="at most so many check-ins (0: all)")
    given = parser.parse_args()
    chosen = settings.use(settings.load())
    await database.connect(chosen)
    try:
        print(json.dumps(await write(given.folder, most=given.check_ins)))
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(main())
