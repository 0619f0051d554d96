"""What the people of the load tests have studied, day after day in the order of its arrival, as years of use would have left it."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from backend import quizzes, tasks
from backend.bench_data_people import Everybody, Person
from backend.demo_history import answer_of
from backend.kernel import clock
from backend.kernel.bulk import load, unindexed
from backend.kernel.database import as_date, fetch
from backend.tasks_content import TaskContent

# Of what is not done in time: so much is written down by the secretary (代录) on its day; made up within so many days.
PROXIES, MADE_UP_WITHIN = 0.02, 5
MOMENTS = 500
STREAK = {"current": 1, "longest": 1}
REQUEST = "bench"

_CHECK_IN = (
    "member_id", "task_id", "task_date", "kind", "checked_in_at", "checked_in_on", "studied_on", "recorded_by_id", "firsts", "rights",
    "receipt", "request_id",
)  # fmt: skip
_READING = ("member_id", "task_id", "task_date", "passage_id", "read_at")
_ANSWER = ("member_id", "question_id", "task_id", "task_date", "is_first", "given", "right", "answered_at")


@dataclass(frozen=True, slots=True)
class _Done:
    """One check-in to be written. `recorder`: who wrote it down for the member."""

    person: Person
    task_date: date
    kind: str
    at: datetime
    recorder: int | None = None


class _Day:
    """What one day's task asks, with every answer ready as it will be stored: the same in all branches."""

    def __init__(self, content: TaskContent) -> None:
        self.passages = [passage.id for passage in content.passages]
        self.questions = [question.id for question in content.questions]
        self.given = {
            (question.id, right): msgspec.json.encode(answer_of(question, right).given).decode()
            for question in content.questions
            for right in (True, False)
        }
        shown = [[quizzes.result_of(question, right) for right in (False, True)] for question in content.questions]
        self._results = [[msgspec.json.encode(result).decode() for result in both] for both in shown]
        self._streak = msgspec.json.encode(STREAK).decode()

    def receipt(self, rights: Sequence[bool]) -> str:
        results = ",".join(both[right] for both, right in zip(self._results, rights, strict=False))
        return f'{{"streak":{self._streak},"results":[{results}]}}'


async def write(everybody: Everybody, *, dice: random.Random, first: date, studied_until: date, today: date) -> None:
    """Check-ins for every day up to `studied_until`, with their readings and answers where the day's task asks for some."""
    task_of = {(row["branch_id"], as_date(row["date"])): row["id"] for row in await fetch("SELECT id, branch_id, date FROM daily_task")}
    async with unindexed("check_in", "reading", "answer"):
        await _live(everybody, dice, task_of, first=first, studied_until=studied_until, today=today)


async def _live(
    everybody: Everybody, dice: random.Random, task_of: dict[tuple[int, date], int], *, first: date, studied_until: date, today: date
) -> None:
    later: dict[date, list[_Done]] = defaultdict(list)
    asked: dict[date, _Day] = {}
    day = first
    while day <= today:
        arrived = later.pop(day, [])
        if day <= studied_until:
            asked[day] = _Day(await tasks.content_of(task_of[everybody.branches[0], day]))
            arrived += _studied_on(day, everybody, dice, later, today)
        if arrived:
            dice.shuffle(arrived)
            await _load(arrived, day, asked, task_of, dice)
        asked.pop(day - timedelta(days=MADE_UP_WITHIN), None)
        day += timedelta(days=1)


def _studied_on(day: date, everybody: Everybody, dice: random.Random, later: dict[date, list[_Done]], today: date) -> list[_Done]:
    """Who does the day's task in time; who makes it up goes into `later`, by the day on which it arrives."""
    moments = [clock.at(day, dice.randint(6, 22), dice.randint(0, 59), dice.randint(0, 59)) for _ in range(MOMENTS)]
    roll = dice.random
    done = []
    for person in everybody.people:
        if person.joined_on > day or any(starts_on <= day <= ends_on for starts_on, ends_on in person.away):
            continue
        at = moments[int(roll() * MOMENTS)]
        if roll() < person.diligence:
            done.append(_Done(person, day, "on_time", at))
        elif roll() < PROXIES and (recorder := everybody.secretaries[person.branch_id]) != person.id:
            done.append(_Done(person, day, "on_time", at, recorder))
        elif roll() < person.care:
            late = timedelta(days=1 + int(roll() * MADE_UP_WITHIN))
            if day + late < today:
                later[day + late].append(_Done(person, day, "makeup", at + late))
    return done


async def _load(
    arrived: Sequence[_Done], on: date, asked: dict[date, _Day], task_of: dict[tuple[int, date], int], dice: random.Random
) -> None:
    readings: list[tuple[Any, ...]] = []
    answers: list[tuple[Any, ...]] = []

    def check_ins() -> Iterator[tuple[Any, ...]]:
        for done in arrived:
            person, day = done.person, asked[done.task_date]
            task_id, rights = task_of[person.branch_id, done.task_date], []
            if done.recorder is None and day.questions:
                rights = [dice.random() < person.knowledge for _ in day.questions]
                readings.extend((person.id, task_id, done.task_date, passage, done.at) for passage in day.passages)
                answers.extend(
                    (person.id, question, task_id, done.task_date, True, day.given[question, right], right, done.at)
                    for question, right in zip(day.questions, rights, strict=True)
                )
            studied_on = done.task_date if done.recorder else None
            yield (
                person.id, task_id, done.task_date, done.kind, done.at, on, studied_on, done.recorder, len(rights), sum(rights),
                day.receipt(rights), REQUEST,
            )  # fmt: skip

    await load("check_in", _CHECK_IN, check_ins())
    await load("reading", _READING, readings)
    await load("answer", _ANSWER, answers)
