"""Three weeks of made-up study for the demo branch, written by the product's own batch write, from a seeded generator."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from backend import checkins_write, quizzes, tasks
from backend.checkins_write import FinishedDay
from backend.demo_people import SEED, DemoPerson
from backend.kernel import clock
from backend.quizzes import Graded
from backend.rules import streaks
from models.tasks import DailyTask

MAKEUP_WITHIN = 5


@dataclass
class Student:
    member_id: int
    person: DemoPerson
    joined_on: date
    days: list[streaks.Day] = field(default_factory=list)
    away: tuple[date, date] | None = None

    def is_away(self, day: date) -> bool:
        return self.away is not None and self.away[0] <= day <= self.away[1]


async def write_history(plan_id: int, students: Sequence[Student], *, proxy: tuple[int, int], today: date) -> int:
    """Check-ins for every task before `today`; `proxy` = (member, recorder): that member studies on paper. Returns how many."""
    dice = random.Random(SEED)
    written = 0
    for task in await DailyTask.filter(plan_id=plan_id, date__lt=today).order_by("date"):
        content = await tasks.content_of(task.id)
        batch = [
            day for student in students if student.joined_on <= task.date and (day := _study(dice, task, content, student, proxy, today))
        ]
        outcomes = await checkins_write.write(batch)
        written += sum(1 for outcome in outcomes if getattr(outcome, "is_new", False))
    return written


def _study(dice: random.Random, task: DailyTask, content: Any, student: Student, proxy: tuple[int, int], today: date) -> FinishedDay | None:
    if student.is_away(task.date):
        student.days.append(streaks.Day(task.date, "excused"))
        return None
    on_paper = student.member_id == proxy[0]
    late = 0 if dice.random() < student.person.diligence else dice.randint(1, MAKEUP_WITHIN)
    hour, minute, knows = dice.randint(6, 22), dice.randint(0, 59), [dice.random() < student.person.knowledge for _ in content.questions]
    gives_up = late > 0 and dice.random() > student.person.makes_up
    arrived_on = task.date + timedelta(days=late)
    if gives_up or arrived_on >= today:
        student.days.append(streaks.Day(task.date, "missed"))
        return None
    kind = "makeup" if late else "on_time"
    student.days.append(streaks.Day(task.date, "makeup" if late else "kept"))
    streak = streaks.streak(student.days, today=arrived_on)
    graded = [] if on_paper else [answer_of(question, right) for question, right in zip(content.questions, knows, strict=True)]
    at = clock.at(arrived_on, hour, minute, dice.randint(0, 59))
    return FinishedDay(
        member_id=student.member_id,
        task_id=task.id,
        task_date=task.date,
        kind=kind,
        at=at,
        on=arrived_on,
        studied_on=task.date if on_paper else None,
        recorded_by=proxy[1] if on_paper else None,
        receipt={
            "streak": {"current": streak.current, "longest": streak.longest},
            "results": [quizzes.result_of(q, g.right) for q, g in zip(content.questions, graded, strict=True)] if graded else [],
        },
        passages=[] if on_paper else [passage.id for passage in content.passages],
        graded=graded,
        request_id="demo",
    )


def answer_of(question: Any, right: bool) -> Graded:
    """A right answer as the question has it, or a wrong one of the right form."""
    if question.kind == "blank":
        return Graded(question.id, [question.answer[0] if right else "不记得了"], right)
    if right:
        return Graded(question.id, list(question.answer), True)
    keys = [option["key"] for option in question.options] or ["true", "false"]
    wrong = next(key for key in keys if [key] != list(question.answer))
    return Graded(question.id, [wrong], False)
