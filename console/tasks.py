"""One daily task: what was laid out, and for a day to come, the form that changes it."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from sanic import Blueprint
from sanic.response import HTTPResponse

from backend import branches, curriculum_shelf, plans, tasks_edit, tasks_laid
from backend.kernel.errors import Conflict, Invalid
from console import forms, words
from console.http import Visit, go, page, render

blueprint = Blueprint("console_tasks")
WORDED, LISTED = ("title", "guidance", "prompt"), ("aspects", "passages", "questions")


@page(blueprint, "GET", "/plans/tasks/<task_id:int>", who="plans.read")
async def one(visit: Visit, task_id: int) -> HTTPResponse:
    return await _shown(visit, await tasks_laid.one(visit.actor, task_id=task_id, today=visit.today))


@page(blueprint, "POST", "/plans/tasks/<task_id:int>", who="plans.write")
async def change(visit: Visit, task_id: int) -> HTTPResponse:
    """What is ticked stands in the order of the page: what the task held first, then what was added."""
    wanted: dict[str, Any] = {name: visit.filled(name) for name in WORDED}
    wanted |= {name: forms.numbers(visit.ticked(name)) for name in LISTED}
    task = await tasks_laid.one(visit.actor, task_id=task_id, today=visit.today)
    changes = {name: value for name, value in wanted.items() if value != task[name]}
    try:
        if changes:
            await tasks_edit.change(visit.actor, task_id=task_id, changes=changes, today=visit.today)
    except (Invalid, Conflict) as error:
        return await _shown(visit, {**task, **wanted}, errors=forms.faults(error), status=422)
    return go(f"/plans/tasks/{task_id}", visit, notice="已保存。" if changes else "没有改动。")


async def _shown(visit: Visit, task: dict[str, Any], *, errors: forms.Faults | None = None, status: int = 200) -> HTTPResponse:
    plan = await plans.one(visit.actor, plan_id=task["plan_id"], today=visit.today)
    units = {unit["id"]: unit["name"] for unit in await branches.units(visit.actor)}
    choices = await tasks_laid.choices(visit.actor, task=task)
    days = [day["id"] for day in plan["days"]]
    at = days.index(task["id"])
    return render(
        "tasks/one.html",
        visit,
        status=status,
        task=task,
        plan=plan,
        audience=words.audience(plan, units),
        aspects=await curriculum_shelf.aspects(visit.actor),
        errors=errors or forms.Faults(),
        previous=f"/plans/tasks/{days[at - 1]}" if at else None,
        next=f"/plans/tasks/{days[at + 1]}" if at + 1 < len(days) else None,
        shelves=_shelves(choices["passages"]),
        **choices,
    )


def _shelves(passages: list[dict[str, Any]]) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """(text, section, passages) of what the task does not hold yet, in reading order."""
    loose = [passage for passage in passages if not passage["held"]]
    grouped = groupby(loose, key=lambda passage: (passage["text_key"], passage["section_key"]))
    return [(some[0]["text"], some[0]["section"], some) for _, found in grouped if (some := list(found))]
