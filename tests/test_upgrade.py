"""A database of the first version, with its rows, is brought up to date: nothing is lost, and what is new has a value."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from process import environment, fresh_database

from backend.kernel.settings import Settings

# In a process of its own: migrations close every connection of the process they run in.
_SCRIPT = """
import asyncio, json, sys
from tortoise import connections
from tortoise.migrations.api.migrate import migrate
from backend.kernel import database, schema, settings

async def main(earlier, later):
    chosen = settings.load()
    await migrate(config=database.config(chosen), target="models.0002_constraints")
    await connections.close_all()
    for sql in earlier:
        await database.ask_once(chosen, sql)
    behind = await schema.is_behind(chosen)
    await schema.migrate(chosen)
    print(json.dumps([behind, await schema.is_behind(chosen), await database.ask_once(chosen, later)]))

asyncio.run(main(*json.load(sys.stdin)))
"""
# NO stands for false, AT for an instant.
EARLIER = (
    "INSERT INTO branch (id, name, path, is_demo, created_at) VALUES (1, '某支部', '/1/', NO, AT)",
    "INSERT INTO text (id, key, title, source_url) VALUES (1, 'report', '某报告', 'https://example.org/')",
    "INSERT INTO section (id, text_id, key, number, title, guidance, aspects) VALUES (1, 1, 's0', 0, '序言', '', '[1]')",
    "INSERT INTO study_plan (id, branch_id, title, starts_on, ends_on, weekdays, aspects, units, tiers, statuses, questions_per_day, "
    "makeup_days, skip_holidays, count_workdays, warning, created_at) "
    "VALUES (1, 1, '某计划', '2026-01-01', '2026-01-02', '[1]', '[1]', '[]', '[]', '[]', 3, 7, NO, NO, '', AT)",
    "INSERT INTO daily_task (id, plan_id, branch_id, date, title, guidance, prompt, makeup_until) "
    "VALUES (1, 1, 1, '2026-01-01', '某任务', '', '', '2026-01-08')",
)
LATER = "SELECT t.title, t.course, x.form, s.source_url, p.syllabus FROM daily_task t, text x, section s, study_plan p"


@pytest.mark.long
async def test_a_database_of_the_first_version_keeps_its_rows(settings: Settings, tmp_path: Path):
    async with fresh_database(settings.database_url, tmp_path) as url:
        no = "0" if url.startswith("sqlite") else "false"
        earlier = [sql.replace("NO", no).replace("AT)", "'2026-01-01 00:00:00+00:00')") for sql in EARLIER]
        env = environment(DATABASE_URL=url, DATA_DIR=str(tmp_path / "var"), SECRET_KEY="1" * 64)
        done = subprocess.run(
            [sys.executable, "-c", _SCRIPT], input=json.dumps([earlier, LATER]), env=env, cwd=tmp_path,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        was_behind, is_behind, [row] = json.loads(done.stdout)
        assert (was_behind, is_behind) == (True, False)
        assert row == {
            "title": "某任务", "course": "even", "form": "parts", "source_url": "", "syllabus": None,
        }  # fmt: skip
