"""Twenty backups while members check in, each restored, checked and compared; `make trust-backups`. Prints a line for each."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from check_in_load import build_load
from installations import Installation, apart, installation
from process import daka, running

from backend.backups_archive import opened
from backend.kernel.settings import Settings

ROUNDS = 20


async def test_twenty_backups_under_load_all_come_back(settings: Settings, blank: Installation, tmp_path: Path):
    async with apart(settings), installation(settings, tmp_path) as own:
        await own.become(blank)
        async with own.opened():
            _, load = await build_load(members=24, days=120)
        taken = []
        async with running("serve", env=own.env, cwd=tmp_path) as (base, _), load.at(base):
            await load.reaches(20)
            for number in range(ROUNDS):
                begun, before = time.monotonic(), len(load.acknowledged)
                done = await asyncio.to_thread(daka, "backup", f"{number}.daka", env=own.env, cwd=tmp_path)
                assert done.returncode == 0, done.stderr
                taken.append((time.monotonic() - begun, len(load.acknowledged) - before))
            assert load.refused == []
        for number, (seconds, meanwhile) in enumerate(taken):
            await own.lose()
            begun = time.monotonic()
            done = await asyncio.to_thread(daka, "restore", f"{number}.daka", env=own.env, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            restored_s = time.monotonic() - begun
            done = await asyncio.to_thread(daka, "check", env=own.env, cwd=tmp_path)
            assert done.returncode == 0 and "没有发现问题" in done.stdout, done.stdout + done.stderr
            kept = {(row["member_id"], row["task_id"]) for row in await own.rows("SELECT member_id, task_id FROM check_in")}
            with opened(tmp_path / f"{number}.daka") as backup:
                before = load.by(backup.manifest.taken_at)
                assert backup.manifest.counts["check_in"] == len(kept) and before <= kept
            print(
                f"\n{number + 1:>2}  backup {seconds:.2f} s with {meanwhile:>3} check-ins meanwhile; acknowledged before {len(before):>4}, "
                f"in the backup {len(kept):>4}; restore {restored_s:.2f} s, check clean", end="",
            )  # fmt: skip
