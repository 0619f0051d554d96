"""After an import, future tasks get the new passages in the place of those that are gone. Tasks of today and before stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from backend import texts
from backend.kernel.database import fetch, int_list
from backend.rules.schedule import portions
from models.branches import Branch
from models.tasks import Course, TaskPassage
from models.texts import Text

# What the future tasks hold: `key` names the section where the passage is of a text of this key, `stale` that it is no longer read.
_FUTURE = """
SELECT t.id AS task_id, t.plan_id, t.branch_id, t.course, tp.passage_id, CASE WHEN x.key = $3 THEN s.key END AS key,
  CASE WHEN x.key = $3 AND (x.id <> $4 OR p.retired_at IS NOT NULL) THEN 1 ELSE 0 END AS stale
FROM daily_task t JOIN branch b ON b.id = t.branch_id JOIN task_passage tp ON tp.task_id = t.id
JOIN passage p ON p.id = tp.passage_id JOIN section s ON s.id = p.section_id JOIN text x ON x.id = s.text_id
WHERE t.date > $1 AND b.path LIKE $2 ORDER BY t.date, t.id, tp.position, tp.id
"""
_CURRENT = """
SELECT p.id, s.key, LENGTH(p.body) AS length FROM passage p JOIN section s ON s.id = p.section_id
WHERE s.text_id = $1 AND p.retired_at IS NULL ORDER BY s.number, p.number, p.id
"""
_LAID = """
SELECT DISTINCT t.plan_id, tp.passage_id FROM task_passage tp JOIN daily_task t ON t.id = tp.task_id
JOIN passage p ON p.id = tp.passage_id JOIN section s ON s.id = p.section_id
WHERE s.text_id = $1 AND p.retired_at IS NULL AND t.plan_id IN ({plans})
"""


@dataclass(frozen=True, slots=True)
class _Held:
    """A passage that a task holds; `key` None for one of another text."""

    passage_id: int
    key: str | None
    stale: bool


@dataclass(slots=True)
class _Plan:
    """The future tasks of one plan in order of date, how each was laid out, and the current passages of the text that any task holds."""

    branch_id: int
    tasks: dict[int, list[_Held]] = field(default_factory=dict)
    courses: dict[int, Course] = field(default_factory=dict)
    laid: set[int] = field(default_factory=set)


async def tasks_after_import(text_id: int, *, today: date) -> None:
    """Brings the tasks after `today`, of every branch that sees this text, to its present passages. Inside the caller's transaction.

    A section's new passages are spread in order over the tasks that held replaced ones, first over those of a syllabus, by their
    length; where none was replaced, a new one joins the task of its neighbour. A review keeps to one passage of a section, its first.
    """
    text = await Text.get(id=text_id)
    path = (await Branch.get(id=text.branch_id)).path if text.branch_id else "/"
    held = await fetch(_FUTURE, today, f"{path}%", text.key, text_id)
    plans: dict[int, _Plan] = {}
    for row in held:
        plan = plans.setdefault(row["plan_id"], _Plan(row["branch_id"]))
        plan.tasks.setdefault(row["task_id"], []).append(_Held(row["passage_id"], row["key"], bool(row["stale"])))
        plan.courses[row["task_id"]] = Course(row["course"])
    for row in await fetch(_LAID.format(plans=int_list(plans)), text_id):
        plans[row["plan_id"]].laid.add(row["passage_id"])
    current: dict[str, dict[int, int]] = {}
    for row in await fetch(_CURRENT, text_id):
        current.setdefault(row["key"], {})[row["id"]] = row["length"] or 1
    sees = {branch: (await texts.visible_texts(branch)).get(text.key) for branch in {plan.branch_id for plan in plans.values()}}
    changed: dict[int, list[int]] = {}
    for plan in plans.values():
        if sees[plan.branch_id] == text_id:
            changed |= _renewed(plan, current)
    await _store(changed)


def _renewed(plan: _Plan, current: Mapping[str, Mapping[int, int]]) -> dict[int, list[int]]:
    """The new passage lists of those tasks of a plan that change; `current`: the lengths of a section's passages, in order."""
    instead: dict[tuple[int, str], list[int]] = {}  # (task, section): what stands in the place of its stale passages
    beside: dict[tuple[int, int], list[int]] = {}  # (task, passage): what follows this passage
    for key, lengths in current.items():
        passages = list(lengths)
        fresh = [passage for passage in passages if passage not in plan.laid]
        stale = [task for task, held in plan.tasks.items() if any(h.stale and h.key == key for h in held)]
        of_course = {course: [task for task in stale if plan.courses[task] == course] for course in Course}
        instead |= {(task, key): passages[:1] for task in of_course[Course.REVIEW]}
        if along := of_course[Course.SYLLABUS]:
            unread = fresh or passages
            for task, places in zip(along, portions([lengths[passage] for passage in unread], len(along)), strict=True):
                instead[task, key] = [unread[place] for place in places]
        if evenly := of_course[Course.EVEN]:
            for task, run in zip(evenly, spread(fresh or passages, len(evenly)), strict=True):
                instead[task, key] = run
        if along or evenly:
            continue
        holders = {
            h.passage_id: task
            for task, held in reversed(plan.tasks.items())
            if plan.courses[task] != Course.REVIEW
            for h in held
            if h.key == key and not h.stale
        }
        for passage in fresh if holders else ():
            neighbour = _neighbour(passage, passages, holders)
            beside.setdefault((holders[neighbour], neighbour), []).append(passage)
    touched = {task for task, _ in (*instead, *beside)}
    return {task: _merged(task, plan.tasks[task], instead, beside) for task in touched}


def spread(passages: Sequence[int], tasks: int) -> list[list[int]]:
    """`passages` over so many tasks, in order: in runs of like length, again and again when they are fewer than the tasks."""
    count = len(passages)
    if count < tasks:
        return [[passages[index % count]] for index in range(tasks)]
    return [list(passages[index * count // tasks : (index + 1) * count // tasks]) for index in range(tasks)]


def _neighbour(passage: int, passages: Sequence[int], holders: Mapping[int, int]) -> int:
    """The nearest passage before this one that a task holds, else the nearest behind it."""
    at = passages.index(passage)
    return next(p for p in (*reversed(passages[:at]), *passages[at:]) if p in holders)


def _merged(
    task: int, held: Sequence[_Held], instead: Mapping[tuple[int, str], Sequence[int]], beside: Mapping[tuple[int, int], Sequence[int]]
) -> list[int]:
    merged: list[int] = []
    for one in held:
        replaced = instead.get((task, one.key or "")) if one.stale else None
        merged += replaced if replaced is not None else [one.passage_id, *beside.get((task, one.passage_id), ())]
    return list(dict.fromkeys(merged))


async def _store(changed: Mapping[int, Sequence[int]]) -> None:
    await fetch(f"DELETE FROM task_passage WHERE task_id IN ({int_list(changed)})")  # noqa: S608
    rows: list[Any] = [
        TaskPassage(task_id=task, passage_id=passage, position=position)
        for task, passages in sorted(changed.items())
        for position, passage in enumerate(passages)
    ]
    await TaskPassage.bulk_create(rows, batch_size=500)
