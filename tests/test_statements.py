"""What the product asks most is answered from indexes: the plans of its statements on PostgreSQL, with the planner left as it is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from process import DEADLINE_S, ROOT, daka, environment, fresh_database

from backend.kernel import clock

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
async def plans(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, list[str]]]:
    folder: Path = tmp_path_factory.mktemp("statements")
    async with fresh_database(database_url, folder) as url:
        env = environment(DATABASE_URL=url, DATA_DIR=str(folder), SECRET_KEY="1" * 64, LOG_LEVEL="WARNING")
        assert daka("migrate", env=env, cwd=folder).returncode == 0
        done = subprocess.run(
            [sys.executable, str(ROOT / "tests" / "statements.py")],
            env=env, cwd=folder, capture_output=True, text=True, timeout=5 * DEADLINE_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout)


async def test_no_hot_statement_reads_a_growing_table_from_one_end_to_the_other(plans: dict[str, list[str]]):
    looked_at = {what: found for what, found in plans.items() if what != "large"}
    assert len(looked_at) > 40
    assert {what: found for what, found in looked_at.items() if found} == {}


async def test_the_tables_that_were_looked_at_are_large(plans: dict[str, list[str]]):
    month = f"{clock.today():%Y_%m}"
    partitions = {f"{table}_{month}" for table in ("check_in", "answer", "reading", "reflection")}
    others = {"member", "session", "daily_task", "task_figure", "period_figure", "plan_member", "answer_tally", "idempotency_key", "guess"}
    assert partitions | others <= set(plans["large"])
