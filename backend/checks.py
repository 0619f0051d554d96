"""What must hold of the rows, and where it does not. The database does the work: each check is one statement, and a few rows come back."""

from __future__ import annotations

from dataclasses import dataclass

from backend import audit_proof, checks_sql
from backend.kernel.database import dialect, fetch
from backend.kernel.settings import Settings

SAMPLES = 5
COUNTED = {
    "branch": "党支部",
    "member": "名册人员",
    "study_plan": "学习计划",
    "daily_task": "每日任务",
    "check_in": "打卡",
    "answer": "作答",
    "reading": "阅读",
    "task_figure": "汇总行",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken invariant: its Chinese sentence, how many rows break it, and the first few as {column: id}."""

    sentence: str
    count: int
    samples: list[dict]


async def broken(*, branch_id: int | None = None, elsewhere: Settings | None = None) -> list[Finding]:
    """Every invariant that does not hold, in the whole database or among the rows of one branch; empty when all is well.

    `elsewhere`: as `audit_proof.faults`.
    """
    found = []
    for sentence, column, sql in checks_sql.checks(dialect()):
        only = "" if branch_id is None else f"AND {column} = {int(branch_id)}"
        rows = await fetch(f"SELECT x.*, COUNT(*) OVER () AS how_many FROM ({sql.replace('{only}', only)}) x LIMIT {SAMPLES}")  # noqa: S608
        if rows:
            count = rows[0]["how_many"]
            found.append(Finding(sentence, count, [{k: v for k, v in row.items() if k != "how_many"} for row in rows]))
    if branch_id is None:
        faults = await audit_proof.faults(elsewhere=elsewhere)
        found += [Finding(sentence, len(entries), entries[:SAMPLES]) for sentence, entries in faults]
    return found


async def sizes() -> dict[str, int]:
    """How many rows the main tables have, by their Chinese names (one query)."""
    rows = await fetch(" UNION ALL ".join(f"SELECT '{table}' AS name, COUNT(*) AS n FROM {table}" for table in COUNTED))  # noqa: S608
    found = {row["name"]: row["n"] for row in rows}
    return {word: found[table] for table, word in COUNTED.items()}
