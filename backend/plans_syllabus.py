"""Days along a syllabus: its units as the branch reads them, its questions as far as it asks them. Inside the caller's transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from backend import plans_layout, questions, texts
from backend.kernel.access import Actor, require
from backend.kernel.database import fetch, int_list
from backend.kernel.errors import Invalid
from backend.plans_layout import Material, Told
from backend.rules.schedule import LaidDay, choose, portions
from models.plans import StudyPlan
from models.syllabuses import Syllabus, SyllabusDay
from models.tasks import Course

Unit = tuple[str, str]  # text and unit, by key


@dataclass(slots=True)
class _Read:
    """A unit as the branch reads it: its section, and the length of each of its passages in order."""

    section: int
    lengths: dict[int, int] = field(default_factory=dict)


async def exists(key: str) -> bool:
    return await Syllabus.exists(key=key)


async def listing(actor: Actor) -> list[dict[str, Any]]:
    """The syllabuses with their days, without their questions. Two queries."""
    require(actor, "plans.read")
    found = {row.id: {"key": row.key, "title": row.title, "days": []} for row in await Syllabus.all().order_by("key")}
    for day in await SyllabusDay.all().order_by("syllabus_id", "number"):
        names = ("number", "title", "guidance", "aspects", "units", "is_review")
        found[day.syllabus_id]["days"].append({**{name: getattr(day, name) for name in names}, "questions": len(day.questions)})
    return list(found.values())


async def titles(actor: Actor) -> list[dict[str, str]]:
    """The syllabuses' {"key", "title"}. One query."""
    require(actor, "plans.read")
    return [{"key": row.key, "title": row.title} for row in await Syllabus.all().order_by("key")]


async def write_tasks(plan: StudyPlan, days: Sequence[date], *, number: int) -> list[int]:
    """The tasks of the first of these days, along the plan's syllabus from its day `number` on: as many as it still has.

    The passages of a unit are spread in order and by their length over all its days still to come, also those behind the plan's end;
    those that a task of the plan holds already do not come again while others have not come. A review holds the first passage of each
    of its units.
    """
    every_day = await SyllabusDay.filter(syllabus__key=plan.syllabus).order_by("number")
    to_come = [day for day in every_day if day.number >= number]
    chosen = to_come[: len(days)]
    if not chosen:
        return []
    units = await _units(plan.branch_id)
    _refuse_missing(chosen, units)
    runs = _runs(to_come, units, await _laid(plan.id))
    stock = Material(passages={}, questions={}, sections={p: read.section for read in units.values() for p in read.lengths})
    asked = await _questions(plan.branch_id, every_day, units)
    guidance = await _guidance(units)
    laid, told = [], {}
    started = {unit for day in every_day if day.number < number for unit in _units_of(day)}
    for day, on in zip(chosen, days, strict=False):
        passages = tuple(dict.fromkeys(passage for unit in _units_of(day) for passage in runs[day.number, unit]))
        laid.append(LaidDay(on, tuple(day.aspects), passages, tuple(asked[day.number])))
        fresh = [unit for unit in _units_of(day) if unit not in started]
        started.update(fresh)
        words = "\n".join([day.guidance, *(guidance[unit] for unit in fresh if guidance[unit])])
        told[on] = Told(day.title, words, Course.REVIEW if day.is_review else Course.SYLLABUS)
    return await plans_layout.write_tasks(plan, laid, stock, number=number, told=told)


def _refuse_missing(days: Sequence[SyllabusDay], units: Collection[Unit]) -> None:
    """Raises Invalid `no_passages` for a unit that the branch's own copy of a text has not."""
    if missing := {unit for day in days for unit in _units_of(day) if unit not in units}:
        message = "学习文本中没有大纲所列的单元：" + "、".join(f"{text} {unit}" for text, unit in sorted(missing))
        raise Invalid(message, code="no_passages", errors=[{"field": "syllabus", "message": message}])


def _units_of(day: SyllabusDay) -> list[Unit]:
    return [(unit["text"], unit["unit"]) for unit in day.units]


async def _units(branch_id: int) -> dict[Unit, _Read]:
    """Every unit of the texts as the branch sees them, with its current passages."""
    rows = await fetch(
        "SELECT x.key AS text, s.key AS unit, s.id AS section_id, p.id, LENGTH(p.body) AS length FROM section s "  # noqa: S608
        "JOIN text x ON x.id = s.text_id JOIN passage p ON p.section_id = s.id "
        f"WHERE x.id IN ({int_list((await texts.visible_texts(branch_id)).values())}) "
        "AND p.retired_at IS NULL ORDER BY s.number, p.number, p.id"
    )
    found: dict[Unit, _Read] = {}
    for row in rows:
        found.setdefault((row["text"], row["unit"]), _Read(row["section_id"])).lengths[row["id"]] = row["length"] or 1
    return found


async def _laid(plan_id: int) -> set[int]:
    rows = await fetch(
        "SELECT DISTINCT tp.passage_id FROM task_passage tp JOIN daily_task t ON t.id = tp.task_id WHERE t.plan_id = $1 AND t.course = $2",
        plan_id,
        Course.SYLLABUS.value,
    )
    return {row["passage_id"] for row in rows}


def _runs(to_come: Sequence[SyllabusDay], units: dict[Unit, _Read], laid: set[int]) -> dict[tuple[int, Unit], list[int]]:
    """What each day reads of each of its units."""
    runs: dict[tuple[int, Unit], list[int]] = {}
    for unit in {unit for day in to_come for unit in _units_of(day)}:
        if unit not in units:
            continue  # refused above when one of the days to be written has it
        lengths = units[unit].lengths
        reading = [day.number for day in to_come if unit in _units_of(day) and not day.is_review]
        fresh = [passage for passage in lengths if passage not in laid] or list(lengths)
        runs |= {(day.number, unit): list(lengths)[:1] for day in to_come if day.is_review}
        if reading:
            for day, places in zip(reading, portions([lengths[passage] for passage in fresh], len(reading)), strict=True):
                runs[day, unit] = [fresh[place] for place in places]
    return runs


async def _questions(branch_id: int, syllabus: Sequence[SyllabusDay], units: dict[Unit, _Read]) -> dict[int, list[int]]:
    """The ids of each day's questions. One that the branch has withdrawn gives its place to another of the day's aspects."""
    stock = await questions.open_questions(branch_id)
    open_ids = {question.id for some in stock.values() for question in some}
    keys = {row["key"]: row["id"] for row in await fetch("SELECT id, key FROM question WHERE branch_id IS NULL AND key IS NOT NULL")}
    found = {day.number: [keys[key] for key in day.questions if keys.get(key) in open_ids] for day in syllabus}
    asked = Counter(question for some in found.values() for question in some)
    for day in syllabus:
        if missing := len(day.questions) - len(found[day.number]):
            read = [units[unit] for unit in _units_of(day) if unit in units]
            sections = {passage: one.section for one in read for passage in one.lengths}
            pool = [q for aspect in day.aspects for q in stock.get(aspect, []) if q.id not in found[day.number]]
            instead = choose(pool, tuple(sections), sections, asked, missing)
            asked.update(instead)
            found[day.number] += instead
    return found


async def _guidance(units: dict[Unit, _Read]) -> dict[Unit, str]:
    rows = await fetch(f"SELECT id, guidance FROM section WHERE id IN ({int_list(read.section for read in units.values())})")  # noqa: S608
    by_id = {row["id"]: row["guidance"] for row in rows}
    return {unit: by_id[read.section] for unit, read in units.items()}
