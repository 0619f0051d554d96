"""Data for load tests: what `daka bench-data` writes is sound, goes into an empty database alone, and the scenarios' requests fit it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import aiohttp
import asyncpg
import pytest
from process import ROOT, daka, environment, fresh_database, running
from sandbox_server import in_use, settings_for

from backend import bench_data
from backend.bench_data import Size
from backend.kernel.errors import Conflict, Invalid
from backend.kernel.settings import Settings
from bench.monday import schedule
from bench.places import Place

# Starts whole processes, again and again: see `make test-long`.
pytestmark = pytest.mark.long

COUNTS = ("--members", "60", "--branches", "3", "--days", "40", "--open-days", "4")
# What the database itself holds on to: with it gone, a storm would prove nothing.
_HELD = """
SELECT conrelid::regclass::text || ' ' || conname || ' ' || pg_get_constraintdef(oid) AS kept FROM pg_constraint
WHERE connamespace = 'public'::regnamespace UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1
"""


async def held(url: str) -> list[str]:
    """Every constraint and index of a PostgreSQL database; none are asked for on SQLite, where nothing is taken off."""
    if url.startswith("sqlite"):
        return []
    connection = await asyncpg.connect(url)
    try:
        return [row["kept"] for row in await connection.fetch(_HELD)]
    finally:
        await connection.close()


def request_files(env: dict[str, str], folder: Path) -> dict[str, int]:
    words = [sys.executable, "-m", "bench.request_files", str(folder)]
    done = subprocess.run(words, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


async def first_of_each(base: str, folder: Path, names: list[str]) -> dict[str, tuple[int, dict]]:
    replies = {}
    async with aiohttp.ClientSession() as session:
        for name in names:
            _, method, path, token, key, body = (folder / f"{name}.tsv").read_text("utf-8").splitlines()[0].split("\t")
            headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
            headers |= {"Content-Type": "application/json"} if body else {}
            async with session.request(method, base + path, headers=headers, data=body.encode() or None) as reply:
                replies[name] = (reply.status, await reply.json())
    return replies


async def test_bench_data_is_sound_and_every_scenario_gets_what_it_asks_for(settings: Settings, tmp_path: Path):
    async with fresh_database(settings.database_url, tmp_path) as url:
        env = environment(DATABASE_URL=url, SECRET_KEY="1" * 64, LOG_LEVEL="WARNING", DATA_DIR=str(tmp_path))

        def run(*words: str) -> str:
            done = daka(*words, env=env, cwd=tmp_path)
            assert done.returncode == 0, (words, done.stdout, done.stderr)
            return done.stdout

        run("migrate")
        before = await held(url)
        written = run("bench-data", *COUNTS)
        assert "党支部 4，名册人员 61，学习计划 3，每日任务 120，" in written
        check_ins, answers, readings = (int(re.search(f"{word} (\\d+)", written)[1]) for word in ("打卡", "作答", "阅读"))
        # 36 days are studied; 30 of them have answers and readings, but for the few that were written down by the secretary.
        assert 0.75 < answers / 5 / check_ins < 0.88 and answers * 3 == readings * 5
        assert await held(url) == before
        again = daka("bench-data", *COUNTS, env=env, cwd=tmp_path)
        assert (again.returncode, again.stderr.strip()) == (1, "这个数据库不是空的，压测数据不写入其中；请换一个空的数据库。")

        files = request_files(env, tmp_path)
        assert files["check-in"] > 4 * 55 and files["today"] == 60
        async with running("serve", env=env, cwd=tmp_path) as (base, _):
            replies = await first_of_each(base, tmp_path, list(files))
        assert {name: status for name, (status, _) in replies.items()} == {name: 200 for name in files} | {"check-in": 201}
        assert len(replies["check-in"][1]["results"]) == 5
        task = replies["today"][1]["task"]
        assert (len(task["passages"]), len(task["questions"])) == (3, 5)
        assert all(passage["text"] for passage in task["passages"])
        assert replies["matrix"][1]["total"]["done"] > 0 and len(replies["organisation"][1]["rows"]) == 3
        assert "没有发现问题" in run("check")


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        (Size(members=2, branches=3, days=5), "每个支部至少 1 人"),
        (Size(members=3, branches=0, days=5), "至少 1 个支部"),
        (Size(members=3, branches=1, days=0), "天数应为 1 至 1100"),
        (Size(members=3, branches=1, days=5, open_days=6), "留空的天数不能多于全部天数"),
    ],
)
async def test_a_size_that_makes_no_sense_is_refused(size: Size, sentence: str):
    with pytest.raises(Invalid) as refused:
        await bench_data.fill(size)
    assert sentence in [error["message"] for error in refused.value.extra["errors"]]


async def test_production_takes_no_bench_data():
    with in_use(settings_for(env="production")), pytest.raises(Conflict) as refused:
        await bench_data.fill(Size(members=3, branches=1, days=5))
    assert refused.value.detail == "压测数据不能写入生产环境（DAKA_ENV=production）。"


def test_mondays_requests_go_out_in_order_and_a_retry_is_the_same_request(tmp_path: Path):
    (tmp_path / "check-in.tsv").write_text("".join(f"\tPOST\t/{n}\ttoken\tkey-{n}\t{{}}\n" for n in range(1000)), "utf-8")
    name, count = schedule(Place("x", "x", tmp_path), burst=400, rate=10.0, stream_s=10, number=1)
    lines = (tmp_path / f"{name}.tsv").read_text("utf-8").splitlines()
    due = [float(line.split("\t")[0]) for line in lines]
    assert len(lines) == count and due == sorted(due)
    assert {line.partition("\t")[2] for line in lines} == {f"POST\t/{n}\ttoken\tkey-{n}\t{{}}" for n in range(500, 1000)}
    assert 0.10 < (count - 500) / 500 < 0.20
    assert max(due) < (60 + 10 + 3) * 1000 and sum(at < 15_000 for at in due) > 190
    with pytest.raises(SystemExit):
        schedule(Place("x", "x", tmp_path), burst=400, rate=10.0, stream_s=10, number=2)
