"""Monday morning: a reminder goes out, so many people check in within a minute, some tap twice; then a steady stream.

`make bench SCENARIO=monday`. Requests go out when they are due, however busy the service is, each over a connection of its own.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections import defaultdict
from contextlib import AsyncExitStack
from itertools import islice
from pathlib import Path

from bench import driving, places
from bench.places import Place
from bench.report import Report, spread

SEED = 20221016
MINUTE_S = 60
RETRIED, RETRY_FIRST_S, RETRY_LAST_S = 0.15, 0.2, 3.0
CONNECTIONS = 1000
Answered = list[tuple[float, float, int]]  # due (s), latency (ms), status


def schedule(place: Place, *, burst: int, rate: float, stream_s: int, number: int) -> tuple[str, int]:
    """Writes the requests of one round in the order in which they are due: the file's name, and how many requests it has.

    Half of the burst comes in its first quarter. A retry is the same request again, with the same key.
    """
    dice = random.Random(SEED + number)
    stream = int(rate * stream_s)
    due = [MINUTE_S * dice.random() ** 2 for _ in range(burst)] + [MINUTE_S + stream_s * dice.random() for _ in range(stream)]
    first = (burst + stream) * number
    with (place.folder / "check-in.tsv").open(encoding="utf-8") as file:
        lines = [line.partition("\t")[2] for line in islice(file, first, first + burst + stream)]
    if len(lines) < burst + stream:
        raise SystemExit("打卡数据用完了：请增加人数或空余的天数，或减少轮数。")
    timed = list(zip(due, lines, strict=True))
    timed += [(at + dice.uniform(RETRY_FIRST_S, RETRY_LAST_S), line) for at, line in timed if dice.random() < RETRIED]
    timed.sort()
    name = f"monday-{number}"
    (place.folder / f"{name}.tsv").write_text("".join(f"{at * 1000:.3f}\t{line}" for at, line in timed), "utf-8")
    return name, len(timed)


def read_log(path: Path) -> Answered:
    rows = (line.split("\t") for line in path.read_text().splitlines())
    return [(int(due) / 1e6, int(latency) / 1000, int(status)) for _, due, latency, status, _ in rows]


def _row(name: str, phase: str, rounds: list[Answered], until: tuple[float, float]) -> list[str | int]:
    """A line of the table: what was due in this part of the rounds."""
    parts = [sorted(latency for due, latency, _ in one if until[0] <= due < until[1]) for one in rounds]
    cells = [spread([part[int((len(part) - 1) * share)] for part in parts], 1) for share in (0.5, 0.99, 1)]
    failed = sum(1 for one in rounds for due, _, status in one if until[0] <= due < until[1] and status // 100 != 2)
    return [name, phase, sum(map(len, parts)) // len(parts), *cells, failed]


def _by_second(answered: Answered) -> tuple[list[float], list[float]]:
    """For each second the p99 of what was due in it."""
    seconds: dict[int, list[float]] = defaultdict(list)
    for due, latency, _ in answered:
        seconds[int(due)].append(latency)
    shown = sorted(seconds)
    return [float(second) for second in shown], [sorted(seconds[s])[int((len(seconds[s]) - 1) * 0.99)] for s in shown]


async def main() -> int:
    given = places.options("monday", rounds=2, burst=2000, rate=20.0, stream_seconds=30, members=4000, branches=100, days=35, open_days=30)
    size, length = places.size_of(given), MINUTE_S + given.stream_seconds
    report = Report("monday", f"周一早上：{given.burst} 人在一分钟内打卡")
    answers: dict[str, list[Answered]] = {}
    async with places.ground() as ground, AsyncExitStack() as stack:
        await report.head(ground)
        some = [
            await places.prepared(ground, "postgres", "PostgreSQL，2 进程", size),
            await places.prepared(ground, "sqlite", "SQLite，1 进程", size, sqlite=True),
        ]
        for place, workers in zip(some, (2, 1), strict=True):
            await stack.enter_async_context(places.product(place, workers=workers))
        for number in range(given.rounds):
            for place in some:
                name, count = schedule(place, burst=given.burst, rate=given.rate, stream_s=given.stream_seconds, number=number)
                log = place.folder / f"{name}.log"
                options = ("-o", "-k", "1", "-l", str(log))
                run = await driving.drive(place, name, seconds=length + RETRY_LAST_S + 2, connections=CONNECTIONS, options=options)
                print(f"第 {number + 1} 轮 {place.label}：{count} 个请求，答复 {run.requests}，失败 {run.failed}", flush=True)
                if run.requests != count:
                    raise SystemExit(f"{place.label}：{count} 个请求只有 {run.requests} 个得到答复，数字作废。")
                answers.setdefault(place.label, []).append(read_log(log))
        for place in some:
            places.refuse_unsound(place.env, place.folder, place.label)
    report.say(
        f"{given.burst} 人在 60 秒内打卡（一半在前 15 秒），之后每秒 {given.rate:g} 人、持续 {given.stream_seconds} 秒；"
        f"其中 15% 在 0.2 至 3 秒后用同一个 Idempotency-Key 再发一次。每个请求一条新连接，到点即发，延迟从应发出的时刻算起。"
        f"数据：{size}；{given.rounds} 轮。结束后 `daka check` 没有问题。"
    )
    phases = (("前 5 秒", (0.0, 5.0)), ("这一分钟", (0.0, float(MINUTE_S))), ("之后", (float(MINUTE_S), float(length + RETRY_LAST_S))))
    rows = [_row(label, phase, rounds, until) for label, rounds in answers.items() for phase, until in phases]
    report.table(("", "时段", "请求数", "p50 毫秒", "p99 毫秒", "最大 毫秒", "失败"), rows)
    report.curves({label: _by_second(rounds[-1]) for label, rounds in answers.items()}, "秒", "每一秒的 p99（毫秒）", log=True)
    report.save()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
