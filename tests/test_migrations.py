"""Migrations on a database that has rows already: nothing is lost, and what was refused before is refused after."""
# ruff: noqa: S608

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest
from process import DEADLINE_S, ROOT, environment, fresh_database

from backend.kernel import clock

# Goes up and down through every migration: see `make test-long`.
pytestmark = pytest.mark.long

STUDY = ("answer", "answer_tally", "check_in", "reading", "reflection")
PARTITIONED = ("answer", "check_in", "reading", "reflection")
BEFORE, AFTER = "models.0004_syllabus_constraints", "models.0006_roll_up"
NOON = "2024-02-29 04:00:00+00:00"

# Two tasks, in February 2024 and in June 2026, and everything that can be kept of a member who studies.
ROWS = f"""
INSERT INTO branch (id, name, path, is_demo, created_at) VALUES (1, '甲支部', '/1/', false, '{NOON}');
INSERT INTO member (id, branch_id, name, post, note, joined_on, created_at) VALUES (1, 1, '安敏', '', '', '2020-01-01', '{NOON}');
INSERT INTO text (id, key, title, source_url) VALUES (1, 'report', '报告', '');
INSERT INTO section (id, text_id, key, number, title, guidance, aspects) VALUES (1, 1, 's0', 0, '序言', '', '[]');
INSERT INTO passage (id, section_id, number, body) VALUES (1, 1, 1, '段落'), (2, 1, 2, '段落');
INSERT INTO question (id, kind, stem, options, answer, explanation, source_text, source_section, locator, level, created_at)
  VALUES (1, 'single', '题', '[]', '["B"]', '', 'report', 's0', '', 1, '{NOON}');
INSERT INTO study_plan (id, branch_id, title, starts_on, ends_on, weekdays, aspects, units, tiers, statuses, questions_per_day, makeup_days,
  skip_holidays, count_workdays, warning, created_at)
  VALUES (1, 1, '计划', '2024-02-01', '2026-12-31', '[1]', '[1]', '[]', '[]', '[]', 3, 7, false, false, '', '{NOON}');
INSERT INTO daily_task (id, plan_id, branch_id, date, title, guidance, prompt, makeup_until)
  VALUES (1, 1, 1, '2024-02-29', '学习', '', '', '2024-03-07'), (2, 1, 1, '2026-06-01', '学习', '', '', '2026-06-08');
INSERT INTO check_in (id, member_id, task_id, task_date, kind, checked_in_at, checked_in_on, firsts, rights, receipt, request_id)
  VALUES (3, 1, 1, '2024-02-29', 'on_time', '{NOON}', '2024-02-29', 1, 1, '{{"streak": 1}}', 'a'),
    (7, 1, 2, '2026-06-01', 'makeup', '{NOON}', '2026-06-02', 0, 0, '{{}}', 'b');
INSERT INTO answer (id, member_id, question_id, task_id, task_date, is_first, given, "right", answered_at)
  VALUES (1, 1, 1, 1, '2024-02-29', true, '["B"]', true, '{NOON}'), (2, 1, 1, 1, '2024-02-29', false, '["A"]', false, '{NOON}');
INSERT INTO answer_tally (id, member_id, task_id, task_date, firsts, rights) VALUES (1, 1, 2, '2026-06-01', 1, 0);
INSERT INTO reading (id, member_id, passage_id, task_id, task_date, read_at) VALUES (1, 1, 1, 1, '2024-02-29', '{NOON}');
INSERT INTO reflection (id, member_id, task_id, task_date, body, state, written_at)
  VALUES (1, 1, 1, '2024-02-29', '体会', 'pending', '{NOON}');
"""

_CHECK_IN = "member_id, task_id, task_date, kind, checked_in_at, checked_in_on, firsts, rights, receipt, request_id"
_ANSWER = 'member_id, question_id, task_id, task_date, is_first, given, "right", answered_at'
REFUSED = {
    "a second check-in": f"INSERT INTO check_in ({_CHECK_IN}) SELECT {_CHECK_IN} FROM check_in WHERE task_id = 1",
    "a second first answer": f"INSERT INTO answer ({_ANSWER}) SELECT {_ANSWER} FROM answer WHERE is_first",
    "a second mark": "INSERT INTO reading (member_id, passage_id, task_id, task_date, read_at) "
    "SELECT member_id, passage_id, task_id, task_date, read_at FROM reading",
    "a second reflection": "INSERT INTO reflection (member_id, task_id, task_date, body, state, written_at) "
    "SELECT member_id, task_id, task_date, body, state, written_at FROM reflection",
    "a second tally": "INSERT INTO answer_tally (member_id, task_id, task_date, firsts, rights) "
    "SELECT member_id, task_id, task_date, firsts, rights FROM answer_tally",
    "a day that is not the task's": "INSERT INTO reading (member_id, passage_id, task_id, task_date, read_at) "
    f"VALUES (1, 2, 1, '2024-03-01', '{NOON}')",
    "a check-in of nobody": f"INSERT INTO check_in ({_CHECK_IN}) "
    f"VALUES (99, 1, '2024-02-29', 'makeup', '{NOON}', '2024-02-29', 0, 0, '{{}}', '')",
    "an answer to nothing": f"INSERT INTO answer ({_ANSWER}) VALUES (1, 99, 1, '2024-02-29', true, '[]', true, '{NOON}')",
    "a mark on nothing": "INSERT INTO reading (member_id, passage_id, task_id, task_date, read_at) "
    f"VALUES (1, 99, 1, '2024-02-29', '{NOON}')",
}
ALLOWED = {
    "another answer": f"INSERT INTO answer ({_ANSWER}) SELECT {_ANSWER} FROM answer WHERE NOT is_first AND id = 2",
    "a mark of another passage": "INSERT INTO reading (member_id, passage_id, task_id, task_date, read_at) "
    f"VALUES (1, 2, 1, '2024-02-29', '{NOON}')",
}


class Database:
    """One that was migrated by a process of its own, seen with the bare driver."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite://")

    def migrate(self, target: str) -> None:
        env = environment(DATABASE_URL=self.url, SECRET_KEY="1" * 64)
        done = subprocess.run(
            [sys.executable, str(ROOT / "tests" / "migrated.py"), target],
            env=env, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    async def run(self, *statements: str) -> list[tuple]:
        """The rows of the last of these statements, which are one transaction. Raises what the driver does."""
        if self.is_sqlite:
            connection = sqlite3.connect(self.url.removeprefix("sqlite://"))
            try:
                connection.execute("PRAGMA foreign_keys = ON")
                with connection:
                    return [connection.execute(statement).fetchall() for statement in statements][-1]
            finally:
                connection.close()
        connection = await asyncpg.connect(self.url)
        try:
            async with connection.transaction():
                return [[tuple(row) for row in await connection.fetch(statement)] for statement in statements][-1]
        finally:
            await connection.close()

    async def rows(self) -> dict[str, Sequence[tuple]]:
        return {table: await self.run(f"SELECT * FROM {table} ORDER BY id") for table in STUDY}


@pytest.fixture(scope="module")
async def database(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    async with fresh_database(database_url, tmp_path_factory.mktemp("migrations")) as url:
        yield Database(url)


@pytest.fixture(scope="module")
async def before(database: Database) -> dict[str, Sequence[tuple]]:
    """The rows as they stood before the tables were partitioned."""
    database.migrate(BEFORE)
    sequences = [f"SELECT setval('{table}_id_seq', 50)" for table in STUDY] if not database.is_sqlite else []
    await database.run(*(statement for statement in ROWS.split(";\n") if statement.strip()), *sequences)
    rows = await database.rows()
    database.migrate(AFTER)
    return rows


async def test_every_row_is_where_it_was(database: Database, before: dict[str, Any]):
    assert {table: len(rows) for table, rows in before.items()} == {
        "answer": 2,
        "answer_tally": 1,
        "check_in": 2,
        "reading": 1,
        "reflection": 1,
    }
    assert await database.rows() == before


@pytest.mark.parametrize("what", REFUSED)
async def test_what_was_refused_is_refused(database: Database, before: dict[str, Any], what: str):
    with pytest.raises((sqlite3.IntegrityError, asyncpg.IntegrityConstraintViolationError)):
        await database.run(REFUSED[what])


@pytest.mark.parametrize("what", ALLOWED)
async def test_what_was_allowed_is_allowed_and_the_numbers_go_on(database: Database, before: dict[str, Any], what: str):
    table = ALLOWED[what].split()[2]
    [(new,)] = await database.run(ALLOWED[what] + " RETURNING id")
    assert new > max(row[0] for row in before[table])
    await database.run(f"DELETE FROM {table} WHERE id = {new}")


# What the database says of itself: the columns of each unique key, primary keys and indexes, and what refers to where.
_KEYS = """
SELECT c.conrelid::regclass::text, pg_get_constraintdef(c.oid) FROM pg_constraint c
WHERE c.conrelid IN ('answer'::regclass, 'answer_tally'::regclass, 'check_in'::regclass, 'reading'::regclass, 'reflection'::regclass)
"""
_MEMBER = "FOREIGN KEY (member_id) REFERENCES member(id) ON DELETE RESTRICT"
_TASK = "FOREIGN KEY (task_id, task_date) REFERENCES daily_task(id, date)"
KEYS = {
    "answer": {"PRIMARY KEY (id, task_date)", _MEMBER, _TASK, "FOREIGN KEY (question_id) REFERENCES question(id) ON DELETE RESTRICT"},
    "answer_tally": {"PRIMARY KEY (id)", _MEMBER, _TASK, "UNIQUE (member_id, task_id, task_date)"},
    "check_in": {
        "PRIMARY KEY (id, task_date)", _MEMBER, _TASK, "FOREIGN KEY (recorded_by_id) REFERENCES member(id) ON DELETE RESTRICT",
        "UNIQUE (member_id, task_date, task_id) INCLUDE (kind, recorded_by_id, firsts, rights)",
    },
    "reading": {
        "PRIMARY KEY (id, task_date)", _MEMBER, _TASK, "FOREIGN KEY (passage_id) REFERENCES passage(id) ON DELETE RESTRICT",
        "UNIQUE (member_id, task_id, passage_id, task_date)",
    },
    "reflection": {"PRIMARY KEY (id, task_date)", _MEMBER, _TASK, "UNIQUE (member_id, task_id, task_date)"},
}  # fmt: skip
FIRST = "(member_id, task_id, question_id, task_date) WHERE is_first"


async def test_the_database_itself_names_its_keys(database: Database, before: dict[str, Any]):
    if database.is_sqlite:
        triggers = await database.run("SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
        assert [name for (name,) in triggers] == sorted([*(f"{table}_task" for table in STUDY), "daily_task_date"])
        [(first,)] = await database.run("SELECT sql FROM sqlite_master WHERE name = 'answer_first'")
        assert first.startswith("CREATE UNIQUE INDEX") and first.endswith(FIRST)
        return
    found: dict[str, set[str]] = {}
    for table, definition in await database.run(_KEYS):
        found.setdefault(table, set()).add(definition)
    assert found == KEYS
    [(first,)] = await database.run("SELECT indexdef FROM pg_indexes WHERE indexname = 'answer_first'")
    assert first.startswith("CREATE UNIQUE INDEX") and first.endswith(FIRST)


async def test_postgresql_has_a_partition_for_each_month_and_a_net(database: Database, before: dict[str, Any]):
    if database.is_sqlite:
        tables = {name for (name,) in await database.run("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert set(STUDY) <= tables and not {name for name in tables if name.startswith("check_in_")}
        return
    inherited = await database.run("SELECT inhparent::regclass::text, inhrelid::regclass::text FROM pg_inherits")
    for table in PARTITIONED:
        months = {name.removeprefix(f"{table}_") for parent, name in inherited if parent == table}
        this = clock.today().replace(day=1)
        assert {"default", "2024_02", "2026_06", f"{this:%Y_%m}"} <= months and "2024_03" not in months
    places = await database.run("SELECT tableoid::regclass::text, task_id FROM check_in ORDER BY task_id")
    assert places == [("check_in_2024_02", 1), ("check_in_2026_06", 2)]
    assert await database.run("SELECT id FROM check_in_default UNION ALL SELECT id FROM answer_default") == []


async def test_the_way_back_loses_nothing_either(database: Database, before: dict[str, Any]):
    database.migrate(BEFORE)
    assert await database.rows() == before
    with pytest.raises((sqlite3.IntegrityError, asyncpg.IntegrityConstraintViolationError)):
        await database.run(REFUSED["a second first answer"])
