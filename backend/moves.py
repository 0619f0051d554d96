"""Moving a whole installation from SQLite to PostgreSQL: every row, compared table by table, and the coverage figures on both sides."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from backend import backups_files, checks, coverage, months, moves_rows
from backend.backups_restore import empty, refuse_occupied
from backend.checks import Finding
from backend.coverage_sql import AXES
from backend.kernel import database, schema, tables
from backend.kernel.access import SECRETARY, Actor
from backend.kernel.database import fetch
from backend.kernel.errors import Conflict, NotFound, Unavailable
from backend.kernel.settings import Settings


@dataclass(frozen=True, slots=True)
class Facts:
    """One side: rows of each table, each branch's coverage by every axis (with its name and total), and what breaks an invariant."""

    counts: dict[str, int]
    coverage: dict[str, dict[str, Any]]
    findings: list[Finding]


async def move(settings: Settings, *, to: str, today: date) -> tuple[Facts, Facts]:
    """Carries the SQLite database of the settings to the empty PostgreSQL database `to`: the facts of both, which are equal.

    The tables there are made by this command; on any failure it is left empty. The source is locked against writing meanwhile, and not
    changed. Raises Conflict `not_sqlite`, `not_migrated`, `in_use` (the service runs), `not_empty`, `move_failed`, NotFound, Unavailable.
    """
    if not settings.on_sqlite:
        raise Conflict("DAKA_DATABASE_URL 已是 PostgreSQL；daka move 把 SQLite 的数据迁入 PostgreSQL。", code="not_sqlite")
    file = database.sqlite_path(settings)
    if not file.exists():
        raise NotFound(f"没有找到数据库文件 {file}。", code="no_database")
    await _refuse_other_schema(settings)
    target = replace(settings, database_url=to)
    with _held(file) as source:
        async with database.opened(settings):
            before = await _facts(today)
        found = await _reach(target)
        try:
            await schema.migrate(target)
            async with database.opened(target):
                await _prepare_months(source)
            async with database.opened(target), database.interruptible():
                after = await _carry(source, before, today)
        except BaseException as error:
            # As it was before: without our tables, or with the empty ones that it had.
            if not found:
                async with database.opened(target):
                    await empty(tables.ours())
            if not isinstance(error, database.REFUSED):
                raise
            raise Conflict(f"--to 指向的数据库不接受迁移（{str(error).splitlines()[0]}），没有迁移。", code="move_failed") from error
    return before, after


async def _refuse_other_schema(settings: Settings) -> None:
    async with database.opened(settings):
        present = set(await tables.present())
        applied = set(await tables.applied_migrations()) if tables.RECORD in present else set()
    if strange := sorted(present - tables.ours()):
        raise Conflict(f"数据库中有本版本不认识的表 {strange[0]}，它不会被迁移：请先移走它，或先升级 daka。", code="not_migrated")
    if applied != tables.known_migrations():
        raise Conflict("数据库结构与本版本不同，请先运行 daka migrate（或先升级 daka），再迁移。", code="not_migrated")


@contextmanager
def _held(file: Path) -> Iterator[sqlite3.Connection]:
    """The source, which nobody can write to for the while. Raises Conflict `in_use` when anybody has it open."""
    busy = Conflict(f"数据库 {file} 正被使用：请先停止服务，再迁移。", code="in_use")
    if backups_files.is_in_use(file):
        raise busy
    with closing(backups_files.open_sqlite(file)) as source:
        try:
            source.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            raise busy from None
        yield source


async def _reach(target: Settings) -> set[str]:
    """The tables of ours that stand in the target already, all empty. Raises Unavailable, and Conflict `not_empty`."""
    async with database.opened(target):
        try:
            await fetch("SELECT 1")
        except Exception as error:  # noqa: BLE001 — whatever keeps it from being reached, its address stays unspoken
            raise Unavailable(f"--to 指向的数据库无法连接（{type(error).__name__}）", code="target_away") from None
        await refuse_occupied()
        return tables.ours() & set(await tables.present())


async def _prepare_months(source: sqlite3.Connection) -> None:
    """The partitions of every month that has a task, before their rows come."""
    first, last = source.execute("SELECT MIN(date), MAX(date) FROM daily_task").fetchone()
    if first:
        await months.prepare(date.fromisoformat(first), date.fromisoformat(last))


async def _carry(source: sqlite3.Connection, before: Facts, today: date) -> Facts:
    """The rows, the sequences, and the comparison, inside one transaction."""
    await refuse_occupied()
    for model in await moves_rows.in_order():
        await moves_rows.copy(source, model)
    await moves_rows.set_sequences(source)
    await fetch("ANALYZE")
    after = await _facts(today)
    wrong = _differences(before, after)
    if wrong:
        raise Conflict(f"迁移后与迁移前不一致（{'；'.join(wrong[:3])}），目标数据库已恢复为空。", code="move_failed")
    return after


# --- what is compared -------------------------------------------------------------------------------------------------


async def _facts(today: date) -> Facts:
    counts = await tables.counts(sorted(tables.ours() - {tables.RECORD}))
    shown = {}
    for branch in await fetch("SELECT id, name, path FROM branch ORDER BY id"):
        secretary = Actor(session_id=0, member_id=0, branch_id=branch["id"], branch_path=branch["path"], roles=frozenset({SECRETARY}))
        by = {axis: await coverage.coverage(secretary, by=axis, today=today) for axis in AXES if axis != "branch"}
        shown[branch["path"]] = {"name": branch["name"], "total": by["day"]["total"], "by": by}
    return Facts(counts, shown, await checks.broken())


def _differences(before: Facts, after: Facts) -> list[str]:
    wrong = [f"{name} {count} 行，迁移后 {after.counts[name]} 行" for name, count in before.counts.items() if after.counts[name] != count]
    paths = before.coverage.keys() | after.coverage.keys()
    wrong += [f"支部 {path} 的覆盖率不同" for path in sorted(paths) if before.coverage.get(path) != after.coverage.get(path)]
    if _broken(before) != _broken(after):
        wrong.append("daka check 的结果不同")
    return wrong


def _broken(facts: Facts) -> dict[str, int]:
    return {finding.sentence: finding.count for finding in facts.findings}
