"""Daily tasks as the office sees them: those of a period, and one as it was laid out, with what it may hold instead."""

from __future__ import annotations

from datetime import date
from typing import Any

from backend import questions_listing, texts_shelf
from backend.kernel.access import Actor, require, same_branch
from backend.kernel.database import as_date, fetch

_PERIOD = """
SELECT t.id, t.date, t.title, t.plan_id, s.title AS plan, ta.aspect_id FROM daily_task t JOIN study_plan s ON s.id = t.plan_id
LEFT JOIN task_aspect ta ON ta.task_id = t.id WHERE t.branch_id = $1 AND t.date >= $2 AND t.date <= $3 ORDER BY t.date, t.id, ta.aspect_id
"""

_TASK = """
SELECT t.id, t.branch_id, t.date, t.title, t.guidance, t.prompt, t.makeup_until, t.plan_id, s.title AS plan,
  (SELECT COALESCE(SUM(f.on_time + f.makeup + f.proxy), 0) FROM task_figure f WHERE f.task_id = t.id) AS checkins
FROM daily_task t JOIN study_plan s ON s.id = t.plan_id WHERE t.id = $1
"""

_HELD = """
SELECT 'aspect' AS what, aspect_id AS id, 0 AS position FROM task_aspect WHERE task_id = $1
UNION ALL SELECT 'passage', passage_id, position FROM task_passage WHERE task_id = $1
UNION ALL SELECT 'question', question_id, position FROM task_question WHERE task_id = $1 ORDER BY 1, 3, 2
"""


async def of_period(actor: Actor, *, first: date, last: date) -> list[dict[str, Any]]:
    """The branch's tasks by date: {"id", "date", "title", "plan_id", "plan" (its title), "aspects"}. One query."""
    require(actor, "plans.read")
    found: dict[int, dict[str, Any]] = {}
    for row in await fetch(_PERIOD, actor.branch_id, first, last):
        task = found.setdefault(row["id"], {**row, "date": as_date(row["date"]), "aspects": []})
        task.pop("aspect_id", None)
        task["aspects"] += [row["aspect_id"]] if row["aspect_id"] else []
    return list(found.values())


async def one(actor: Actor, *, task_id: int, today: date) -> dict[str, Any]:
    """A task as laid out: {"id", "date", "title", "guidance", "prompt", "makeup_until", "plan_id", "plan", "checkins", "aspects",
    "passages", "questions"} (the last three ids in order), and "is_open": whether it may still be changed. Raises NotFound. Two queries.
    """
    require(actor, "plans.read")
    row = next(iter(await fetch(_TASK, task_id)), None)
    same_branch(actor, row["branch_id"] if row else None)
    held: dict[str, list[int]] = {"aspect": [], "passage": [], "question": []}
    for one_held in await fetch(_HELD, task_id):
        held[one_held["what"]].append(one_held["id"])
    task = {**row, "date": as_date(row["date"]), "makeup_until": as_date(row["makeup_until"])}
    return {**task, "is_open": task["date"] > today, **{f"{what}s": ids for what, ids in held.items()}}


async def choices(actor: Actor, *, task: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """What the task (as `one` gives it) holds, in its order, then what else the branch has to choose from: {"passages", "questions"}.

    A passage: see `texts_shelf.passages`; a question: `questions_listing.brief`. A passage retired or a question withdrawn since is among
    them only while the task holds it.
    """
    passages = await texts_shelf.passages(actor, also=task["passages"])
    asked = await questions_listing.brief(actor, also=task["questions"])
    return {"passages": _held_first(passages, task["passages"]), "questions": _held_first(asked, task["questions"])}


def _held_first(found: list[dict[str, Any]], held: list[int]) -> list[dict[str, Any]]:
    place = {one_id: position for position, one_id in enumerate(held)}
    ordered = sorted(found, key=lambda one: place.get(one["id"], len(place)))
    return [{**one, "held": one["id"] in place} for one in ordered]
