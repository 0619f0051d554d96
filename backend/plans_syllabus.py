"""Days along a syllabus: its units as the branch reads them, its questions as far as it asks them. Inside the caller's transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from backend import plans_layout, questions, texts
from backend.curriculum_tasks import spread
from backend.kernel.access import Actor, require
from backend.kernel.database import fetch, int_list
from backend.kernel.errors import Invalid
from backend.plans_layout import Material, Told
from backend.rules.schedule import LaidDay, choose
from models.plans import StudyPlan
from models.syllabuses import Syllabus, SyllabusDay

Unit = tuple[str, str]  # text and unit, by key


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


async def write_tasks(plan: StudyPlan, days: Sequence[date], *, number: int) -> list[int]:
    """The tasks of the first of these days, along the plan's syllabus from its day `number` on: as many as it still has.

    The passages of a unit are spread in order over all its days still to come, also those behind the plan's end; those that a task
    of the plan holds already do not come again while others have not come. A review holds the first passage of each of its units.
    """
    every_day = await SyllabusDay.filter(syllabus__key=plan.syllabus).order_by("number")
    to_come = [day for day in every_day if day.number >= number]
    chosen = to_come[: len(days)]
    if not chosen:
        return []
    units = await _units(plan.branch_id)
    _refuse_missing(chosen, units)
    runs = _runs(to_come, units, await _laid(plan.id))
    stock = Material(passages={}, questions={}, sections={p: section for section, passages in units.values() for p in passages})
    asked = await _questions(plan.branch_id, every_day, units)
    guidance = await _guidance(units)
    laid, told = [], {}
    started = {unit for day in every_day if day.number < number for unit in _units_of(day)}
    for day, on in zip(chosen, days, strict=False):
        passages = tuple(dict.fromkeys(passage for unit in _units_of(day) for passage in runs[day.number, unit]))
        laid.append(LaidDay(on, tuple(day.aspects), passages, tuple(asked[day.number])))
        fresh = [unit for unit in _units_of(day) if unit not in started]
        started.update(fresh)
        told[on] = Told(day.title, "\n".join([day.guidance, *(guidance[unit] for unit in fresh if guidance[unit])]), day.is_review)
    return await plans_layout.write_tasks(plan, laid, stock, number=number, told=told)


def _refuse_missing(days: Sequence[SyllabusDay], units: Collection[Unit]) -> None:
    """Raises Invalid `no_passages` for a unit that the branch's own copy of a text has not."""
    if missing := {unit for day in days for unit in _units_of(day) if unit not in units}:
        message = "学习文本中没有大纲所列的单元：" + "、".join(f"{text} {unit}" for text, unit in sorted(missing))
        raise Invalid(message, code="no_passages", errors=[{"field": "syllabus", "message": message}])


def _units_of(day: SyllabusDay) -> list[Unit]:
    return [(unit["text"], unit["unit"]) for unit in day.units]


async def _units(branch_id: int) -> dict[Unit, tuple[int, list[int]]]:
    """Section and current passages of every unit, of the texts as the branch sees them."""
    rows = await fetch(
        "SELECT x.key AS text, s.key AS unit, s.id AS section_id, p.id FROM section s JOIN text x ON x.id = s.text_id "  # noqa: S608
        f"JOIN passage p ON p.section_id = s.id WHERE x.id IN ({int_list((await texts.visible_texts(branch_id)).values())}) "
        "AND p.retired_at IS NULL ORDER BY s.number, p.number, p.id"
    )
    found: dict[Unit, tuple[int, list[int]]] = {}
    for row in rows:
        found.setdefault((row["text"], row["unit"]), (row["section_id"], []))[1].append(row["id"])
    return found


async def _laid(plan_id: int) -> set[int]:
    rows = await fetch(
        "SELECT DISTINCT tp.passage_id FROM task_passage tp JOIN daily_task t ON t.id = tp.task_id "
        "WHERE t.plan_id = $1 AND NOT t.is_review",
        plan_id,
    )
    return {row["passage_id"] for row in rows}


def _runs(to_come: Sequence[SyllabusDay], units: dict[Unit, tuple[int, list[int]]], laid: set[int]) -> dict[tuple[int, Unit], list[int]]:
    """What each day reads of each of its units."""
    runs: dict[tuple[int, Unit], list[int]] = {}
    for unit in {unit for day in to_come for unit in _units_of(day)}:
        passages = units[unit][1] if unit in units else []
        if not passages:
            continue  # refused above when one of the days to be written has it
        reading = [day.number for day in to_come if unit in _units_of(day) and not day.is_review]
        fresh = [passage for passage in passages if passage not in laid]
        runs |= {(day.number, unit): passages[:1] for day in to_come if day.is_review}
        runs |= {(day, unit): run for day, run in zip(reading, spread(fresh or passages, len(reading)), strict=True)}
    return runs


async def _questions(branch_id: int, syllabus: Sequence[SyllabusDay], units: dict[Unit, tuple[int, list[int]]]) -> dict[int, list[int]]:
    """The ids of each day's questions. One that the branch has withdrawn gives its place to another of the day's aspects."""
    stock = await questions.open_questions(branch_id)
    open_ids = {question.id for some in stock.values() for question in some}
    keys = {row["key"]: row["id"] for row in await fetch("SELECT id, key FROM question WHERE branch_id IS NULL AND key IS NOT NULL")}
    found = {day.number: [keys[key] for key in day.questions if keys.get(key) in open_ids] for day in syllabus}
    asked = Counter(question for some in found.values() for question in some)
    for day in syllabus:
        if missing := len(day.questions) - len(found[day.number]):
            sections = {passage: units[unit][0] for unit in _units_of(day) if unit in units for passage in units[unit][1]}
            pool = [q for aspect in day.aspects for q in stock.get(aspect, []) if q.id not in found[day.number]]
            instead = choose(pool, tuple(sections), sections, asked, missing)
            asked.update(instead)
            found[day.number] += instead
    return found


async def _guidance(units: dict[Unit, tuple[int, list[int]]]) -> dict[Unit, str]:
    rows = await fetch(f"SELECT id, guidance FROM section WHERE id IN ({int_list(section for section, _ in units.values())})")  # noqa: S608
    by_id = {row["id"]: row["guidance"] for row in rows}
    return {unit: by_id[section] for unit, (section, _) in units.items()}
