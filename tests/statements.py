"""Run as a process of its own, `python statements.py`, on an empty migrated PostgreSQL of DAKA_DATABASE_URL: fills it with some ten
thousand rows a table, lets the product do what it does most, and prints {what: [a sequential scan of a growing table, …]} as JSON.

The plans are the generic ones, as the product's connections have them. Tables are vacuumed as autovacuum does it: each partition, never
a partitioned table itself.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import asyncpg
from statements_seed import DAYS, ENOUGH, GROWING, MEMBERS, NOW, SEED, TODAY
from tortoise import connections

from backend import (
    audit,
    auth,
    checkins,
    checkins_batch,
    checkins_streak,
    coverage,
    coverage_questions,
    figures,
    figures_periods,
    guesses,
    leaves,
    months,
    progress,
    quizzes,
    readings,
    reviews,
    sessions,
    tasks,
    tasks_content,
    tasks_marks,
    tasks_today,
    texts,
)
from backend.checkins_batch import Attempt
from backend.kernel import database, settings
from backend.kernel.access import Actor
from backend.kernel.database import transactional

STUDIOUS, LAZY = MEMBERS * 5 + 1, MEMBERS * 5 + 4  # of branch 5
SECRETARY = Actor(session_id=1, member_id=STUDIOUS, branch_id=5, branch_path="/1/2/5/", roles=frozenset({"secretary"}))
STUDENT = Actor(session_id=1, member_id=LAZY, branch_id=5, branch_path="/1/2/5/")
OBSERVER = Actor(session_id=1, member_id=STUDIOUS, branch_id=2, branch_path="/1/2/", roles=frozenset({"observer"}))
AXES = ("aspect", "unit", "tier", "status", "day", "branch", "member")
PERIOD = {"first": TODAY - timedelta(days=100), "last": TODAY, "today": TODAY}


def task_of(days_ago: int) -> int:
    """The task of branch 5 of so many days ago, an even number."""
    return DAYS * 5 + (DAYS - days_ago) // 2


def answers(task: int) -> list[SimpleNamespace]:
    return [SimpleNamespace(question=1 + task % 300, choice=["A"], text=None)]


def attempts(days_ago: int, key: str) -> list[Attempt]:
    """Whole days of some members of branch 5 who have not done this one; finished without a network where it is not today's."""
    task, day = task_of(days_ago), TODAY - timedelta(days=days_ago)
    studied_on = day if days_ago else None
    return [Attempt(MEMBERS * 5 + n, n, task, [1 + task % 300], answers(task), "体会", studied_on, key, "x", NOW, "") for n in (4, 6, 7)]


def streaks() -> Awaitable[Any]:
    return checkins_streak.streaks_with([(member, task_of(0), "k", TODAY) for member in (STUDIOUS, LAZY)])


CALLS: dict[str, Callable[[], Awaitable[Any]]] = {
    "who calls": lambda: sessions._rows_of([f"{n:064}" for n in range(20)]),
    "today's task": lambda: tasks_today._look_up([(STUDIOUS, TODAY), (LAZY, TODAY)]),
    "the content of tasks": lambda: tasks_content._look_up([task_of(0), task_of(2)]),
    "that a task was fetched": lambda: tasks_marks._write_fetches([(1, task_of(0), TODAY)]),
    "one task": lambda: tasks.task_for(STUDIOUS, task_id=task_of(100)),
    "a month of tasks": lambda: tasks.listing(SECRETARY, first=None, last=None, today=TODAY),
    "streaks from the first day on": streaks,
    "streaks": streaks,
    "check-ins": lambda: checkins_batch.settle(attempts(0, "a")),
    "check-ins once more": lambda: checkins_batch.settle(attempts(0, "a")),
    "check-ins of a day that is rolled up": lambda: checkins_batch.settle(attempts(2, "b")),
    "answers": lambda: quizzes.answer(STUDENT, task_id=task_of(4), answers=answers(task_of(4)), today=TODAY),
    "marks of passages": lambda: readings.mark(STUDENT, task_id=task_of(4), passages=[1 + task_of(4) % 300], today=TODAY),
    "mistakes": lambda: quizzes.mistakes(SECRETARY, after=0, limit=50),
    "reviews due": lambda: reviews.due(SECRETARY, today=TODAY),
    "progress": lambda: progress.progress(SECRETARY, first=None, last=None, today=TODAY),
    "the reading map": lambda: texts.reading_map(SECRETARY, text="report"),
    "the secretary's today": lambda: coverage.of_day(SECRETARY, today=TODAY),
    **{f"coverage by {by}": lambda by=by: coverage.coverage(SECRETARY, by=by, **PERIOD) for by in AXES},
    **{f"coverage by {by} and member": lambda by=by: coverage.coverage(SECRETARY, by=by, and_="member", **PERIOD) for by in AXES[:-1]},
    "coverage by aspect and unit": lambda: coverage.coverage(SECRETARY, by="aspect", and_="unit", **PERIOD),
    "coverage by branch and aspect, from above": lambda: coverage.coverage(OBSERVER, by="branch", and_="aspect", **PERIOD),
    "coverage by tier and day, from above": lambda: coverage.coverage(OBSERVER, by="tier", and_="day", **PERIOD),
    "how hard the questions are": lambda: coverage_questions.items(SECRETARY, **PERIOD, after=0, limit=50),
    "leaves": lambda: leaves.own(SECRETARY),
    "own sessions": lambda: auth.own_sessions(SECRETARY, after=0, limit=50),
    "own sessions before binding": lambda: auth.own_sessions(Actor(session_id=1, account_id=STUDIOUS), after=0, limit=50),
    "the audit log": lambda: audit.listing(SECRETARY),
    "a recount of the branch": lambda: transactional(figures.recount_days)(5, TODAY - timedelta(days=60)),
    "a question withdrawn": lambda: transactional(figures.retally)([task_of(100), task_of(102)]),
    "old keys swept": lambda: checkins.forget_old_keys(now=NOW),
    "old guesses swept": lambda: guesses.forget_old(now=NOW),
    "old sessions swept": lambda: sessions.forget_old(now=NOW),
    "months prepared": lambda: months.keep(today=TODAY),
    "days rolled up": lambda: figures_periods.roll_up(today=TODAY + timedelta(days=1)),
}


def literal(value: Any, kind: str) -> str:
    """`value` as PostgreSQL reads it in the text of a statement."""
    if value is None:
        return "NULL"
    if isinstance(value, list):
        parts = ("NULL" if part is None else '"' + text(part).replace("\\", "\\\\").replace('"', '\\"') + '"' for part in value)
        value = f"{{{','.join(parts)}}}"
    return "'" + text(value).replace("'", "''") + f"'::{kind}"


def text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def scans(node: dict[str, Any]) -> Iterator[str]:
    if node["Node Type"] == "Seq Scan":
        yield node["Relation Name"]
    for below in node.get("Plans", ()):
        yield from scans(below)


async def faults(connection: asyncpg.Connection, large: set[str], sql: str, values: list[Any]) -> list[str]:
    """The large tables that the plan of a statement reads from one end to the other."""
    kinds = [kind.name for kind in (await connection.prepare(sql)).get_parameters()]
    given = f"({', '.join(literal(value, kind) for value, kind in zip(values, kinds, strict=True))})" if values else ""
    await connection.execute(f"PREPARE tried AS {sql}")
    [[plan]] = await connection.fetch(f"EXPLAIN (FORMAT JSON) EXECUTE tried{given}")
    await connection.execute("DEALLOCATE tried")
    return [f"{table}: {' '.join(sql.split())[:300]}" for table in sorted(set(scans(json.loads(plan)[0]["Plan"])) & large)]


async def fill(connection: asyncpg.Connection) -> set[str]:
    """The growing tables and partitions that are large enough now that nobody should read them whole."""
    await months.prepare(TODAY - timedelta(days=DAYS), TODAY)
    await connection.execute(SEED)
    tables = await connection.fetch("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
    while tables:
        for row in tables:
            await connection.execute(f"VACUUM ANALYZE {row['relname']}")
        # A worker of autovacuum that looks on keeps rows from being marked as visible to all; they are once it has gone.
        tables = await connection.fetch(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relallvisible < relpages"
        )
    rows = await connection.fetch("SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples > $1", ENOUGH)
    return {row["relname"] for row in rows if row["relname"].startswith(GROWING)}


def noted(seen: list[tuple[str, list[Any]]]) -> None:
    """Lets the ORM's client write down every statement before it is sent."""
    client = type(connections.get("default"))

    def noting(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def note(self: Any, sql: str, values: list[Any] | None = None) -> Any:
            seen.append((sql, list(values or ())))
            return await method(self, sql, values)

        return note

    for name in ("execute_query", "execute_query_dict"):
        setattr(client, name, noting(getattr(client, name)))


async def main() -> None:
    chosen = settings.use(settings.load())
    connection = await asyncpg.connect(chosen.database_url, server_settings=dict(database.SETTINGS))
    await database.connect(chosen)
    large = await fill(connection)
    seen: list[tuple[str, list[Any]]] = []
    noted(seen)
    found: dict[str, Any] = {"large": sorted(large)}
    for what, call in CALLS.items():
        seen.clear()
        await call()
        asked = [(sql, values) for sql, values in seen if sql.lstrip().upper().startswith(("SELECT", "WITH", "INSERT", "UPDATE", "DELETE"))]
        assert asked, what
        found[what] = [fault for sql, values in asked for fault in await faults(connection, large, sql, values)]
    await connection.close()
    await database.close()
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main())
