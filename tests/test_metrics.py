"""The figures of the service: what moves them, whom they are shown to, and that each is explained."""

from __future__ import annotations

import asyncio
import gc
import re
import secrets
import shutil
import subprocess
import time
from collections import Counter
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import servers
import yaml
from door import Door
from figures_of import figures_of, value
from held_up import held_up
from people import Cast, add_plan, whole_day
from prometheus_client import Gauge
from test_hang_ups import hang_up_after
from waiting import until
from wechat_user import from_elsewhere, wechat_user

from backend.kernel import clock, database, metrics, redis, vitals
from backend.kernel.database import fetch, transactional
from backend.kernel.settings import Settings

ROOT = Path(__file__).parent.parent


@asynccontextmanager
async def moved(door: Door, name: str, label: str, by: dict[str, float]):
    """What the block adds to the samples of `name`, by the value of `label`, is `by`."""

    def of(figures: dict) -> Counter:
        sums: Counter = Counter()
        for (sample, labels), count in figures.items():
            if sample == name:
                sums[dict(labels)[label]] += count
        return sums

    before, added = of(await figures_of(door)), {}

    async def there() -> bool:
        after = of(await figures_of(door))
        added.update({word: int(count) for word in after if (count := after[word] - before[word])})
        return sum(added.values()) >= sum(by.values())

    yield
    await until(there)
    assert added == by


async def test_strangers_and_whoever_a_proxy_speaks_for_read_no_figures(door: Door):
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert (await door.get("/metrics", root=True, headers={header: "127.0.0.1"})).status == 404
    assert (await door.get("/metrics", root=True)).status == 200


async def test_every_outcome_of_a_check_in_is_counted_by_its_name(door: Door, cast: Cast):
    today = clock.today()
    long_ago, to_come, now, later = await add_plan(
        cast, days=[today - timedelta(days=30), today + timedelta(days=1), today, today - timedelta(days=1)]
    )
    day = whole_day((await door.get(f"/tasks/{now.id}", cast.alice)).json)
    by = {"incomplete": 1, "not_open": 1, "closed": 1, "new": 1, "replayed": 2, "idempotency_mismatch": 1, "not_found": 1, "proxy": 1}
    async with moved(door, "daka_check_ins_total", "outcome", by):
        await door.post(f"/tasks/{now.id}/check-in", cast.alice, {})
        await door.post(f"/tasks/{to_come.id}/check-in", cast.alice, day)
        await door.post(f"/tasks/{long_ago.id}/check-in", cast.alice, day)
        await door.post(f"/tasks/{now.id}/check-in", cast.other_member, day)
        for body in (day, day, {}):
            await door.post(f"/tasks/{now.id}/check-in", cast.alice, body, headers={"Idempotency-Key": "one"})
        for _ in range(2):
            await door.post(
                f"/tasks/{later.id}/members/{cast.bob.id}/check-in", cast.secretary, {"studied_on": str(today - timedelta(days=1))}
            )
    figures = await figures_of(door)
    assert value(figures, "daka_check_in_batch_size_count") >= 2


async def test_ways_in_are_counted_by_result(door: Door, cast: Cast, sandbox: tuple[Any, str]):
    somebody = wechat_user(sandbox[0])
    async with moved(door, "daka_sign_ins_total", "result", {"ok": 1, "login_again": 1, "not_on_roster": 5, "too_many_attempts": 1}):
        async with moved(door, "daka_guesses_refused_total", "target", {"invite_name": 1}):
            assert (await somebody.sign_in(door)).status == 200
            await door.post("/auth/wechat", json={"code": "never-given"})
            async with from_elsewhere(door) as elsewhere:
                name = f"查无此人{secrets.token_hex(4)}"
                for _ in range(6):
                    await somebody.bind(elsewhere, name, code=secrets.token_hex(6))
    async with moved(door, "daka_refusals_total", "kind", {"session": 1, "access": 1}):
        await door.get("/me", "no-such-token")
        await door.get("/members", cast.alice)


async def test_a_phone_that_hangs_up_is_no_error_and_no_longer_in_flight(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[clock.today()])
    day = whole_day((await door.get(f"/tasks/{task.id}", cast.alice)).json)
    release = asyncio.Event()
    held = [asyncio.create_task(hold(release)) for _ in range(8)]
    async with moved(door, "daka_requests_total", "status", {"499": 20, "200": 1}):
        await asyncio.gather(*(hang_up_after(door, cast.alice, f"/tasks/{task.id}/check-in", day, 0.1) for n in range(20)))
    release.set()
    await asyncio.gather(*held)
    # The one that asks.
    assert value(await figures_of(door), "daka_requests_in_flight") == 1


@transactional
async def hold(release: asyncio.Event) -> None:
    """Keeps a connection (on SQLite: the one there is) until `release`."""
    await fetch("SELECT 1 AS one")
    await release.wait()


async def test_transactions_that_wait_for_a_connection_are_seen_waiting(door: Door):
    release = asyncio.Event()
    before = await figures_of(door)
    held = [asyncio.create_task(hold(release)) for _ in range(10)]
    on_sqlite = database.dialect() == "sqlite"
    waiting, figures = 9 if on_sqlite else 2, {}

    async def wait_in_line() -> bool:
        figures.update(await figures_of(door))
        return value(figures, "daka_database_waiting") >= waiting  # a job may stand in line too

    await until(wait_in_line)
    # Longer than the bucket of 0.1 s that is read below.
    await asyncio.sleep(0.12)
    release.set()
    await asyncio.gather(*held)
    after: dict = {}

    async def none_waits() -> bool:
        after.update(await figures_of(door))
        idle = on_sqlite or value(after, "daka_database_connections", state="in_use") == 0
        return idle and value(after, "daka_database_waiting") == 0

    await until(none_waits)
    slow = value(after, "daka_database_wait_seconds_count") - value(after, "daka_database_wait_seconds_bucket", le="0.1")
    was = value(before, "daka_database_wait_seconds_count") - value(before, "daka_database_wait_seconds_bucket", le="0.1")
    assert slow - was >= waiting
    if not on_sqlite:
        assert value(figures, "daka_database_connections", state="in_use") == value(figures, "daka_database_connections_max") == 8


async def test_a_transaction_that_is_tried_again_is_counted_with_its_reason(door: Door, cast: Cast, settings: Settings):
    """Two transactions that lock two rows crosswise on PostgreSQL; on SQLite a file that another connection writes to."""
    reason = "busy" if settings.on_sqlite else "deadlock"

    async def retries() -> float:
        return value(await figures_of(door), "daka_database_retries_total", reason=reason)

    before = await retries()
    if settings.on_sqlite:
        async with held_up(settings):
            crossing = [asyncio.create_task(rename(cast.branch.id))]
            while await retries() == before:
                await asyncio.sleep(0.02)
    else:
        crossing = [rename(cast.branch.id, cast.other.id), rename(cast.other.id, cast.branch.id)]
    await asyncio.gather(*crossing)
    assert await retries() > before


@transactional
async def rename(*branches: int) -> None:
    await fetch("SELECT 1 AS one FROM branch")
    for branch in branches:
        await fetch("UPDATE branch SET name = name WHERE id = $1", branch)
        await asyncio.sleep(0.05)


async def test_a_loop_that_is_held_up_and_a_redis_that_is_gone_are_seen(door: Door):
    before = await figures_of(door)
    url, stop = servers.start_redis()
    client = redis.connect(url)

    async def redis_is(up: int) -> bool:
        return value(await figures_of(door), "daka_redis_up") == up

    def late(figures: dict) -> float:
        return value(figures, "daka_event_loop_lag_seconds_count") - value(figures, "daka_event_loop_lag_seconds_bucket", le="0.25")

    async def lag_is_seen() -> bool:
        return late(await figures_of(door)) > late(before)

    # The service's own watch goes on beside this one, and says once in five seconds that its Redis is up.
    watching = asyncio.create_task(vitals.watch(client, lag_every_s=0.02, look_every_s=0.02))
    try:
        await until(lambda: redis_is(1))
        await asyncio.to_thread(stop)
        await until(lambda: redis_is(0))
        time.sleep(0.3)
        await until(lag_is_seen)
    finally:
        watching.cancel()
        metrics.redis_up.set(1)
        await client.aclose()


async def test_an_error_that_nobody_waited_for_is_counted(door: Door):
    async def fail() -> None:
        raise ValueError("nobody sees this")

    before = value(await figures_of(door), "daka_background_errors_total")
    asyncio.create_task(fail())

    async def counted() -> bool:
        gc.collect()
        return value(await figures_of(door), "daka_background_errors_total") == before + 1

    await until(counted)


# --- what is written about them ---------------------------------------------------------------------------------------


def registered() -> set[str]:
    return {family.name + ("_total" if family.type == "counter" else "") for family in metrics.registry.collect()}


def test_every_figure_stands_in_the_table_and_no_other():
    table = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(daka_\w+)", table, re.MULTILINE)) == registered()


def test_every_event_of_the_logs_stands_in_the_list_and_no_other():
    paths = [path for folder in ("api", "backend", "console") for path in (ROOT / folder).rglob("*.py") if "sandbox" not in path.parts]
    sources = [path.read_text("utf-8") for path in paths]
    said = re.compile(r'''(?:\blog\.\w+|\btold|at_level|_end_now)\((?:\d, )?"(\w+)"|\(1, "(stop_\w+)"\)|"event": "(\w+)"''')
    events = {name for source in sources for names in said.findall(source) for name in names if name}
    listed = (ROOT / "docs" / "metrics.md").read_text("utf-8").partition("## 日志")[2]
    assert set(re.findall(r"^\| `(\w+)`", listed, re.MULTILINE)) == events


def test_every_gauge_says_how_the_workers_values_become_one():
    gauges = [collector for collector in metrics.registry._names_to_collectors.values() if isinstance(collector, Gauge)]
    assert gauges and [gauge._name for gauge in gauges if gauge._multiprocess_mode in ("all", "liveall")] == []


def test_every_alert_asks_for_figures_that_exist_and_says_what_to_do():
    rules = yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text("utf-8"))
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    assert alerts and all(rule["annotations"]["summary"] and rule["annotations"]["action"] and rule["for"] for rule in alerts)
    series = {name + suffix for name in registered() for suffix in ("", "_bucket", "_count", "_sum")} | {"up"}
    for rule in alerts:
        asked = set(re.findall(r"\b(daka_\w+|up)\b", rule["expr"]))
        assert asked and asked <= series, rule["alert"]
    promtool = shutil.which("promtool")
    if promtool:
        for words in (("check", "rules", "deploy/alerts.yaml"), ("test", "rules", "deploy/alerts.test.yaml")):
            done = subprocess.run([promtool, *words], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
