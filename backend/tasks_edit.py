"""Changing a future task; one of today or before is as members met it and stays so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from backend import audiences, figures, questions, tasks_content, texts
from backend.kernel import audit
from backend.kernel.access import Actor, require, same_branch
from backend.kernel.database import transactional
from backend.kernel.errors import Conflict, Invalid
from backend.rules import names
from models.tasks import DailyTask, TaskAspect, TaskPassage, TaskQuestion

QUESTIONS_LEAST, QUESTIONS_MOST = 3, 5


async def change(actor: Actor, *, task_id: int, changes: Mapping[str, Any], today: date) -> dict[str, Any]:
    """Puts `changes` (title, guidance, prompt, aspects, passages, questions; the lists whole) in the place of what was laid out.

    The task: {"id", "date", "title", "guidance", "prompt", "makeup_until", "aspects", "passages", "questions"}, the last three as ids.
    Raises NotFound, Conflict `task_past` for a task of today or before, Invalid naming what is empty, doubled or not to be had.
    """
    laid = await _change(actor, task_id, changes, today)
    tasks_content.forget(task_id)
    return laid


@transactional
async def _change(actor: Actor, task_id: int, changes: Mapping[str, Any], today: date) -> dict[str, Any]:
    require(actor, "plans.write")
    task = await DailyTask.get_or_none(id=task_id)
    same_branch(actor, task.branch_id if task else None)
    if task.date <= today:
        raise Conflict("只能修改明天及以后的任务。", code="task_past")
    await audiences.lock(task.branch_id)
    await _refuse(task.branch_id, changes)
    for name in ("title", "guidance", "prompt"):
        if name in changes:
            setattr(task, name, names.tidy(changes[name]) if name == "title" else changes[name].strip())
    await task.save(update_fields=["title", "guidance", "prompt"])
    if "aspects" in changes:
        await TaskAspect.filter(task_id=task_id).delete()
        await TaskAspect.bulk_create([TaskAspect(task_id=task_id, aspect_id=aspect) for aspect in changes["aspects"]])
        await figures.recount([task_id])
    if "passages" in changes:
        await TaskPassage.filter(task_id=task_id).delete()
        await TaskPassage.bulk_create([TaskPassage(task_id=task_id, passage_id=p, position=n) for n, p in enumerate(changes["passages"])])
    if "questions" in changes:
        await TaskQuestion.filter(task_id=task_id).delete()
        await TaskQuestion.bulk_create(
            [TaskQuestion(task_id=task_id, question_id=q, position=n) for n, q in enumerate(changes["questions"])]
        )
    await audit.record(actor, "task:change", subject="task", subject_id=task_id, fields=changes)
    return await _laid(task)


async def _refuse(branch_id: int, changes: Mapping[str, Any]) -> None:
    """Raises Invalid, naming each field at fault."""
    faults: list[tuple[str, str]] = []
    if not changes:
        faults.append(("", "没有要修改的内容"))
    if "title" in changes and not names.tidy(changes["title"]):
        faults.append(("title", "标题不能为空"))
    if "aspects" in changes:
        faults += _list_faults("aspects", changes["aspects"], range(1, 10), "方面应为 1 至 9")
    if "passages" in changes:
        readable = {passage["id"] for passage in await texts.reading_list(branch_id)}
        faults += _list_faults("passages", changes["passages"], readable, "没有这个段落，或已被新文本取代")
    if "questions" in changes:
        open_ids = {question.id for some in (await questions.open_questions(branch_id)).values() for question in some}
        faults += _list_faults("questions", changes["questions"], open_ids, "没有这道题，或已停用")
        if not QUESTIONS_LEAST <= len(changes["questions"]) <= QUESTIONS_MOST:
            faults.append(("questions", f"每天应有 {QUESTIONS_LEAST} 至 {QUESTIONS_MOST} 道题"))
    if faults:
        raise Invalid(errors=[{"field": field, "message": message} for field, message in faults])


def _list_faults(field: str, given: Sequence[int], known: Iterable[int], message: str) -> list[tuple[str, str]]:
    known = set(known)
    faults = [(f"{field}[{index}]", message) for index, item in enumerate(given) if item not in known]
    if not given:
        faults.append((field, "至少一项"))
    if len(set(given)) != len(given):
        faults.append((field, "有重复"))
    return faults


async def _laid(task: DailyTask) -> dict[str, Any]:
    return {
        "id": task.id,
        "date": task.date,
        "title": task.title,
        "guidance": task.guidance,
        "prompt": task.prompt,
        "makeup_until": task.makeup_until,
        "aspects": await TaskAspect.filter(task_id=task.id).order_by("aspect_id").values_list("aspect_id", flat=True),
        "passages": await TaskPassage.filter(task_id=task.id).order_by("position").values_list("passage_id", flat=True),
        "questions": await TaskQuestion.filter(task_id=task.id).order_by("position").values_list("question_id", flat=True),
    }
