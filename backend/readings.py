"""Readings: a member marks passages of a task as read (原原本本、逐字逐句). A mark is made once and stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from backend import tasks, tasks_marks, tasks_today
from backend.kernel import clock
from backend.kernel.access import Actor
from backend.kernel.database import fetch, transactional
from backend.kernel.errors import Invalid


async def mark(actor: Actor, *, task_id: int, passages: Sequence[int], today: date) -> dict[str, int]:
    """Marks `passages` as read: {"passages_read", "passages_total"} of the task. What was marked before stays marked.

    Raises NotFound outside the audience, Conflict `not_open` or `closed`, Invalid `unknown_passage` (nothing is stored then).
    """
    task = await tasks.task_for(actor.member_id, task_id=task_id)
    tasks.refuse_unless_open(task, today=today)
    asked = [passage.id for passage in (await tasks.content_of(task_id)).passages]
    _refuse_unknown(passages, set(asked))
    await _store(actor.member_id, task_id, task["date"], dict.fromkeys(passages))
    tasks_today.forget([actor.member_id])
    pair = (actor.member_id, task_id)
    read = (await tasks_marks.marks({pair: task["date"]}))[0].get(pair, set())
    return {"passages_read": sum(passage in read for passage in asked), "passages_total": len(asked)}


def _refuse_unknown(passages: Sequence[int], asked: set[int]) -> None:
    errors = [{"field": f"passages[{n}]", "message": "不属于当天的任务"} for n, passage in enumerate(passages) if passage not in asked]
    if errors:
        raise Invalid("有的段落不属于当天的任务。", code="unknown_passage", errors=errors)


@transactional
async def _store(member_id: int, task_id: int, task_date: date, passages: Iterable[int]) -> None:
    values: list[Any] = [member_id, task_id, task_date, clock.now()]
    slots = []
    for passage in passages:
        values.append(passage)
        slots.append(f"($1, $2, $3, $4, ${len(values)})")
    await fetch(
        f"INSERT INTO reading (member_id, task_id, task_date, read_at, passage_id) VALUES {', '.join(slots)} "  # noqa: S608
        "ON CONFLICT (member_id, task_id, passage_id, task_date) DO NOTHING",
        *values,
    )
