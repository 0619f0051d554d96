"""Writes pgbench scripts with the very statements of one check-in: the product makes one, and what it sends is written down.

`python -m bench.peers.pgbench_script FOLDER MEMBERS BRANCHES DAYS KEPT EACH`, with DAKA_* settings of a database that `daka bench-data`
has filled and that nobody else uses. Of the KEPT latest days each script gets EACH; prints how many scripts. Within a script member,
task and day come from a counter (ids are in order); unit, tier, status and leave from the statement that reads them, as in the product.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tortoise import connections

from backend import checkins, tasks
from backend.kernel import clock, database, settings
from backend.kernel.access import Actor
from backend.kernel.database import fetch
from bench.request_files import whole_day

# pgbench's variables: `n` counts in each client, `d` is the day within the script. The last two members are kept for writing it.
VARIABLES = """
\\set n :n + 1
\\set i :n * :clients + :client_id
\\set m :i % (:members - 2) + 1
\\set d :i / (:members - 2) + 1
\\set t :days * (((:m - 1) * :branches) / :members) + {number} - :d + 1
"""
COLUMNS = {
    "member_id": ":m", "task_id": ":t", "unit_id": ":unit_id", "tier": ":tier", "status": ":status", "key": "'p-' || :t || '-' || :m",
    "assigned": "(:excused)::int", "excused": "-(:excused)::int",
}  # fmt: skip
_GIVEN = re.compile(r"unnest\(((?:\$\d+::\w+(?:\[\])?(?:, )?)+)\) AS \w+ \(([^)]*)\)")

Sent = tuple[str, list[Any]]


def literal(value: Any) -> str:
    """`value` as SQL without a colon, which pgbench would take for the beginning of a variable."""
    if value is None or isinstance(value, bool):
        return {None: "NULL", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        return "now()"
    if isinstance(value, date):
        return f"'{value}'"
    text = str(value).replace("\\", "\\\\").replace("'", "''").replace(":", "\\u003a").replace("\n", "\\n")
    return f"E'{text}'"


def script(days: Sequence[Sequence[Sent]], member_id: int, task_ids: Sequence[int]) -> str:
    """The statements of one check-in, which each day sends with values of its own: member, task and day made variable."""
    written = []
    for sent in zip(*days, strict=True):
        sql = sent[0][0]
        names = {}
        for given in _GIVEN.finditer(sql):
            parameters = [int(text) for text in re.findall(r"\$(\d+)", given[1])]
            names |= dict(zip(parameters, [name.strip('" ') for name in given[2].split(",")], strict=True))
        for number in range(len(sent[0][1]), 0, -1):
            by_day = [values[number - 1] for _, values in sent]
            sql = sql.replace(f"${number}", _expression(by_day, names.get(number), member_id, task_ids))
        sql = " ".join(sql.split()).rstrip(";")
        written.append(sql + (" \\gset" if "unit_id" in sql and "excused" in sql and sql.startswith("SELECT") else ";"))
    if not any(sql.endswith("\\gset") for sql in written):
        raise SystemExit("没有找到读取单位、类别与身份的语句：bench/peers/pgbench_script.py 需要更新。")
    return "\n".join(written) + "\n"


def _expression(by_day: Sequence[Any], column: str | None, member_id: int, task_ids: Sequence[int]) -> str:
    def one(items: Sequence[Any]) -> str:
        if column in COLUMNS:
            return COLUMNS[column]
        if column is None and all(item == member_id for item in items):
            return ":m"
        if column is None and list(items) == list(task_ids):
            return ":t"
        literals = [literal(item) for item in items]
        return literals[0] if len(set(literals)) == 1 else f"(ARRAY[{', '.join(literals)}])[:d]"

    if isinstance(by_day[0], list):
        return f"ARRAY[{', '.join(one(items) for items in zip(*by_day, strict=True))}]"
    return one(by_day)


async def _check_in(member: dict[str, Any], task_id: int) -> None:
    body = json.loads(whole_day(await tasks.content_of(task_id)))
    answers = [SimpleNamespace(**{"choice": None, "text": None, **answer}) for answer in body["answers"]]
    actor = Actor(session_id=0, kind="mini", account_id=None, member_id=member["id"], name="", branch_id=member["branch_id"],
                  branch_path="", unit_id=None, roles=frozenset(), consented=True)  # fmt: skip
    _, is_new = await checkins.check_in(
        actor, task_id=task_id, passages=body["passages"], answers=answers, key=f"p-{task_id}", request_hash="0" * 64, at=clock.now()
    )
    if not is_new:
        raise SystemExit("压测数据已被使用过，无法写出 pgbench 脚本。")


async def write(folder: Path, members: int, branches: int, days: int, kept: int, each: int) -> None:
    last = (await fetch("SELECT id, branch_id FROM member WHERE branch_id > 1 ORDER BY id DESC LIMIT 2"))[::-1]
    rows = await fetch("SELECT id FROM daily_task WHERE branch_id = $1 ORDER BY date DESC LIMIT $2", last[0]["branch_id"], kept)
    if last[1]["id"] != members or rows[0]["id"] != branches * days:
        raise SystemExit("编号不连续，无法写出 pgbench 脚本。")
    sent: list[Sent] = []
    # The pool has one connection, which keeps its listeners when it is given back.
    async with connections.get("default").acquire_connection() as driver:
        driver.add_query_logger(lambda query: sent.append((query.query, list(query.args or ()))))
    days_sent: list[tuple[int, list[Sent]]] = []
    for row in rows:
        await _check_in(last[0], row["id"])  # what is remembered for 5 s is remembered now
        sent.clear()
        await _check_in(last[1], row["id"])
        days_sent.append((row["id"], list(sent)))
    # Days that follow each other and were sent with the same statements (today is not, nor is another month) share a script.
    number = 0
    for _, alike in itertools.groupby(days_sent, key=lambda day: [statement[0] for statement in day[1]]):
        some = list(alike)
        for first in range(0, len(some) - each + 1, each):
            task_ids, by_day = zip(*some[first : first + each], strict=True)
            head = VARIABLES.format(number=task_ids[0] - days * (branches - 1)).lstrip()
            (folder / f"pgbench-{number}.sql").write_text(head + script(by_day, last[1]["id"], task_ids), "utf-8")
            number += 1
    print(number)


async def main() -> None:
    chosen = settings.use(settings.load())
    await database.connect(chosen, pool=1)
    try:
        await write(Path(sys.argv[1]), *(int(word) for word in sys.argv[2:7]))
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(main())
