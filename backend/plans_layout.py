"""From days to daily tasks: what there is to read and to ask, laid out evenly, written in bulk. Inside the caller's transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil

from backend import questions, texts
from backend.kernel.database import fetch, int_list
from backend.kernel.errors import Invalid
from backend.rules import periods
from backend.rules.schedule import AspectWithoutPassages, LaidDay, QuestionRef, lay_out
from models.plans import StudyPlan
from models.tasks import Course, DailyTask, TaskAspect, TaskPassage, TaskQuestion
from models.texts import Aspect

TITLE_MOST = 100
BATCH = 500
# A title names so many aspects; a day's guidance takes in so many sections.
ASPECTS_NAMED, SECTIONS_GUIDED = 3, 2


@dataclass(frozen=True, slots=True)
class Told:
    """What a syllabus says of one day."""

    title: str
    guidance: str
    course: Course


@dataclass(frozen=True, slots=True)
class Material:
    """What a branch can be asked: passages (in reading order) and questions by aspect, the section of each passage.

    For days laid out evenly this is the main text alone; the others are read along a syllabus.
    """

    passages: dict[int, list[int]]
    questions: dict[int, list[QuestionRef]]
    sections: dict[int, int]


async def material(branch_id: int, aspects: Iterable[int]) -> Material:
    """The material of these aspects, as the branch sees it today."""
    everything = await texts.reading_list(branch_id)
    reading = [passage for passage in everything if passage["text"] == texts.MAIN]
    elsewhere = {passage["section_id"] for passage in everything if passage["text"] != texts.MAIN}
    asked = await questions.open_questions(branch_id)
    return Material(
        passages={aspect: [passage["id"] for passage in reading if aspect in passage["aspects"]] for aspect in aspects},
        questions={aspect: [q for q in asked.get(aspect, []) if q.section_id not in elsewhere] for aspect in aspects},
        sections={passage["id"]: passage["section_id"] for passage in reading},
    )


def refuse_too_few_questions(stock: Material, aspects: Sequence[int], questions_per_day: int) -> None:
    """Raises Invalid `too_few_questions`, naming the aspects that cannot fill a single day."""
    counts = {aspect: len({question.id for question in stock.questions[aspect]}) for aspect in aspects}
    if short := [aspect for aspect in aspects if counts[aspect] < questions_per_day]:
        named = "、".join(f"方面 {aspect}（现有 {counts[aspect]} 道）" for aspect in short)
        raise _invalid("too_few_questions", f"题目不足每天 {questions_per_day} 道：{named}。")


def laid_out(days: Sequence[date], aspects: Sequence[int], stock: Material, questions_per_day: int) -> list[LaidDay]:
    """One LaidDay for each day. Raises Invalid `no_passages` for an aspect with nothing to read."""
    try:
        return lay_out(list(days), list(aspects), stock.passages, stock.questions, stock.sections, questions_per_day)
    except AspectWithoutPassages as error:
        raise _invalid("no_passages", str(error)) from None


def _invalid(code: str, message: str) -> Invalid:
    return Invalid(message, code=code, errors=[{"field": "aspects", "message": message}])


async def continued(plan: StudyPlan, days: Sequence[date], stock: Material) -> list[LaidDay]:
    """More days of a plan at its old pace: turns of the aspects, reading and least asked questions go on where they stopped."""
    past = await fetch(
        "SELECT t.date, ta.aspect_id FROM daily_task t JOIN task_aspect ta ON ta.task_id = t.id "
        "WHERE t.plan_id = $1 ORDER BY t.date, ta.id",
        plan.id,
    )
    turn = plan.aspects.index(past[-1]["aspect_id"]) if past and past[-1]["aspect_id"] in plan.aspects else -1
    read = await fetch(
        "SELECT tp.passage_id FROM task_passage tp JOIN daily_task t ON t.id = tp.task_id "
        "WHERE t.plan_id = $1 ORDER BY t.date, tp.position",
        plan.id,
    )
    place = {row["passage_id"]: index for index, row in enumerate(read)}
    asked = await fetch(
        "SELECT tq.question_id, COUNT(*) AS times FROM task_question tq JOIN daily_task t ON t.id = tq.task_id "
        "WHERE t.plan_id = $1 GROUP BY tq.question_id",
        plan.id,
    )
    times = Counter({row["question_id"]: row["times"] for row in asked})
    going_on = Material(
        passages={aspect: _after(passages, place) for aspect, passages in stock.passages.items()},
        questions={aspect: sorted(some, key=lambda question: times[question.id]) for aspect, some in stock.questions.items()},
        sections=stock.sections,
    )
    # A short addition is laid out as the beginning of a whole pass at the old pace: a single day must not get everything.
    pace = len(read) / max(1, len({row["date"] for row in past}))
    whole_pass = ceil(len({passage for some in stock.passages.values() for passage in some}) / (pace or 1))
    horizon = [*days, *(days[-1] + timedelta(days=n) for n in range(1, whole_pass - len(days) + 1))]
    turned = [*plan.aspects[turn + 1 :], *plan.aspects[: turn + 1]]
    return laid_out(horizon, turned, going_on, plan.questions_per_day)[: len(days)]


def _after(passages: list[int], place: dict[int, int]) -> list[int]:
    """The passages in a circle, beginning after the one that was laid out last."""
    latest = max(range(len(passages)), key=lambda index: place.get(passages[index], -1), default=-1)
    if latest < 0 or passages[latest] not in place:
        return passages
    return passages[latest + 1 :] + passages[: latest + 1]


async def write_tasks(
    plan: StudyPlan, laid: Sequence[LaidDay], stock: Material, *, number: int, told: Mapping[date, Told] | None = None
) -> list[int]:
    """Inserts the tasks of these days, the first as day `number` of the plan: their ids. The number of queries hangs not on the days.

    `told`: what a syllabus says of a day, in the place of what is said by its aspects and sections.
    """
    aspects = {aspect.id: aspect for aspect in await Aspect.all()}
    told, sections = told or {}, stock.sections
    guidance = await _section_guidance(sections[passage] for day in laid if day.date not in told for passage in day.passages)
    await DailyTask.bulk_create(
        [
            DailyTask(
                plan_id=plan.id,
                branch_id=plan.branch_id,
                date=day.date,
                title=_title(number + index, _named(day, aspects, told)),
                guidance=told[day.date].guidance
                if day.date in told
                else _guidance(day, aspects, [guidance[sections[passage]] for passage in day.passages]),
                course=told[day.date].course if day.date in told else Course.EVEN,
                prompt="\n".join(dict.fromkeys(aspects[aspect].prompt for aspect in day.aspects if aspects[aspect].prompt)),
                makeup_until=periods.makeup_until(day.date, plan.makeup_days),
            )
            for index, day in enumerate(laid)
        ],
        batch_size=BATCH,
    )
    task_at = dict(await DailyTask.filter(plan_id=plan.id, date__gte=laid[0].date).values_list("date", "id"))
    rows = [(task_at[day.date], day) for day in laid]
    await TaskAspect.bulk_create([TaskAspect(task_id=task, aspect_id=a) for task, day in rows for a in day.aspects], batch_size=BATCH)
    await TaskPassage.bulk_create(
        [TaskPassage(task_id=task, passage_id=p, position=n) for task, day in rows for n, p in enumerate(day.passages)], batch_size=BATCH
    )
    await TaskQuestion.bulk_create(
        [TaskQuestion(task_id=task, question_id=q, position=n) for task, day in rows for n, q in enumerate(day.questions)],
        batch_size=BATCH,
    )
    return [task for task, _ in rows]


async def _section_guidance(ids: Iterable[int]) -> dict[int, str]:
    rows = await fetch(f"SELECT id, guidance FROM section WHERE id IN ({int_list(set(ids))})")  # noqa: S608
    return {row["id"]: row["guidance"] for row in rows}


def _title(number: int, named: str) -> str:
    return f"第{number}天 · {named}"[:TITLE_MOST]


def _named(day: LaidDay, aspects: Mapping[int, Aspect], told: Mapping[date, Told]) -> str:
    if day.date in told:
        return told[day.date].title
    shorts = [aspects[aspect].short for aspect in day.aspects]
    return "、".join(shorts[:ASPECTS_NAMED]) + (f"等{len(shorts)}个方面" if len(shorts) > ASPECTS_NAMED else "")


def _guidance(day: LaidDay, aspects: dict[int, Aspect], sections: Iterable[str]) -> str:
    """The aspects' guidance; the sections' below it where the day is about one aspect and few sections, or where there is no other."""
    of_aspects = [aspects[aspect].guidance for aspect in day.aspects if aspects[aspect].guidance]
    of_sections = list(dict.fromkeys(text for text in sections if text))
    if of_aspects and (len(day.aspects) > 1 or len(of_sections) > SECTIONS_GUIDED):
        of_sections = []
    return "\n".join(dict.fromkeys([*of_aspects, *of_sections]))
