"""Twenty backups on each database while members check in, each restored into an empty place and checked: `make trust-backups`.

A backup holds everything that was acknowledged before it was taken, and nothing that is torn: `daka check` finds no fault in what came
back, and its check-ins are among those of the original.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import asyncpg
import process
import servers
from trust import books
from trust.machines import folder
from trust.report import Run
from trust.world import World, world

from backend.backups_archive import opened
from bench import places

RATE = 40.0
DATABASES = ("postgres", "sqlite")


async def daka(*words: str, env: dict[str, str], cwd: Path) -> str:
    done = await asyncio.to_thread(process.daka, *words, env=env, cwd=cwd)
    assert done.returncode == 0, f"daka {' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout


async def elsewhere(made: World, home: Path, number: str) -> tuple[dict[str, str], str | Path]:
    """An empty place of the same kind: the settings for a command there, and where its rows are."""
    env = {**made.service.env, "DAKA_DATA_DIR": str(home)}
    if made.postgres is None:
        return env, home / "daka.sqlite3"
    connection = await asyncpg.connect(made.postgres.url)
    await connection.execute(f"CREATE DATABASE {number}")
    await connection.close()
    source = made.postgres.url.rpartition("/")[0] + f"/{number}"
    return {**env, "DAKA_DATABASE_URL": source}, source


async def back_and_forth(made: World, name: str, told: dict[str, Any]) -> None:
    """One backup under load and its return; `told` takes the figures."""
    file, ledger = made.service.folder / f"{name}.daka", made.load.ledger
    begun, before = time.monotonic(), len(ledger.acknowledged)
    await daka("backup", str(file), env=made.service.env, cwd=made.service.folder)
    told |= {"backup_s": time.monotonic() - begun, "meanwhile": len(ledger.acknowledged) - before}
    with folder("restored") as home, opened(file) as backup:
        env, source = await elsewhere(made, home, name.replace("-", "_"))
        begun = time.monotonic()
        await daka("restore", str(file), env=env, cwd=home)
        told["restore_s"] = time.monotonic() - begun
        assert "没有发现问题" in await daka("check", env=env, cwd=home)
        wanted = f"SELECT member_id, task_id, id FROM check_in WHERE id > {made.since}"  # noqa: S608
        [rows], [original] = await books.read(source, wanted), await books.read(made.source, wanted)
        kept = {(member, task) for member, task, _ in rows}
        must = {pair for pair, at in ledger.first_told.items() if at < backup.manifest.taken_at.timestamp()}
        told |= {"kept": len(kept), "missing": len(must - kept), "strange": len(set(rows) - set(original))}
        assert told["missing"] == told["strange"] == 0 and must


async def main() -> int:
    run = Run.of("BACKUPS", "backups under load", rounds=20)
    servers.offer_clients()
    for database in DATABASES:
        names = [f"{database}-{number:02d}" for number in range(run.given.rounds)]
        if not run.has_left(names):
            continue
        async with world(database, size=places.Size(900, 3, 35, 30), rate=RATE, dice=run.dice(database)) as made:
            await asyncio.sleep(3)
            for name in run.left(names):
                with run.piece(name) as found:
                    await back_and_forth(made, name, found)
            await made.settled()
    return run.conclude(missing=sum, strange=sum, meanwhile=sum, kept=max, backup_s=max, restore_s=max)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
