"""The whole story in processes of their own: members check in, a backup is taken meanwhile, the database is lost and comes back."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from check_in_load import build_load
from door import Door
from installations import Installation, apart, installation
from process import daka, environment, running

from backend.backups_archive import opened
from backend.kernel.settings import Settings

# Starts whole processes, again and again: see `make test-long`.
pytestmark = pytest.mark.long


async def test_a_backup_taken_while_members_check_in_brings_every_acknowledged_one_back(
    settings: Settings, blank: Installation, tmp_path: Path
):
    async with apart(settings), installation(settings, tmp_path) as own:
        await own.become(blank)
        async with own.opened():
            _, load = await build_load(members=12, days=30)

        def run(*words: str) -> subprocess.CompletedProcess[str]:
            return daka(*words, env=own.env, cwd=tmp_path)

        async with running("serve", env=own.env, cwd=tmp_path) as (base, _), load.at(base):
            await load.reaches(20)
            done = await asyncio.to_thread(run, "backup", "copy.daka")
        assert done.returncode == 0, done.stderr
        assert load.refused == []

        await own.lose()
        done = run("restore", "copy.daka")
        assert done.returncode == 0 and "行数与备份一致" in done.stdout and "没有发现问题" in done.stdout, done.stdout + done.stderr
        done = run("check")
        assert done.returncode == 0 and "没有发现问题" in done.stdout, done.stdout + done.stderr

        kept = {(row["member_id"], row["task_id"]) for row in await own.rows("SELECT member_id, task_id FROM check_in")}
        with opened(tmp_path / "copy.daka") as backup:
            assert backup.manifest.counts["check_in"] == len(kept)
            before = load.by(backup.manifest.taken_at)
        # Some were acknowledged before, all of those are there; and others came after it.
        assert 20 <= len(before) < len(load.acknowledged)
        assert before <= kept


def test_a_disk_that_takes_no_more_is_one_sentence_and_nothing_is_left(settings: Settings, door: Door, tmp_path: Path):
    """No file may grow beyond 64 KiB: what the kernel says to a full disk, it says here too."""
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536)); "
        "from backend.cli.main import main; sys.exit(main())"
    )  # fmt: skip
    env = environment(DATABASE_URL=settings.database_url, SECRET_KEY="0" * 64, LOG_LEVEL="WARNING")
    done = subprocess.run(
        [sys.executable, "-B", "-c", script, "backup", "copy.daka"], env=env, cwd=tmp_path, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip() in ("无法读写 copy.daka：超出允许的文件大小", "无法读写 copy.daka：磁盘读写出错")
    assert list(tmp_path.iterdir()) == []
