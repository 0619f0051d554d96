"""Answering the questions of a task. The first answer to a (member, question, task) counts; every one is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from backend import figures, tasks
from backend.kernel import clock
from backend.kernel.access import Actor
from backend.kernel.database import as_date, fetch, int_list, lock_rows, transactional
from backend.kernel.errors import Invalid
from backend.rules import grading


@dataclass(frozen=True, slots=True)
class Graded:
    """One answer after grading; `given`: the letters chosen, or [text]."""

    question_id: int
    given: list[str]
    right: bool


@dataclass(frozen=True, slots=True)
class DayAnswers:
    """Graded answers of one member to one task, as they arrived at one instant."""

    member_id: int
    task_id: int
    task_date: date
    graded: Sequence[Graded]


def grade_all(content: tasks.TaskContent, answers: Sequence[Any]) -> list[Graded]:
    """Grades each of `answers` (question, choice, text). Raises Invalid naming every answer that is unknown, doubled or malformed.

    Answers to questions that were withdrawn after the phone had loaded the task are passed over.
    """
    by_id = {question.id: question for question in content.questions}
    errors, graded, seen = [], [], set()
    for index, answer in enumerate(answers):
        if answer.question in content.withdrawn:
            continue
        question = by_id.get(answer.question)
        if question is None:
            fault = "这道题不属于当天的任务。"
        elif answer.question in seen:
            fault = "同一道题答了两次。"
        else:
            fault = grading.malformed(question.kind, keys={o["key"] for o in question.options}, choice=answer.choice, text=answer.text)
        if fault:
            errors.append({"field": f"answers[{index}]", "message": fault})
            continue
        seen.add(answer.question)
        right = grading.grade(question.kind, answer=question.answer, choice=answer.choice, text=answer.text)
        graded.append(Graded(answer.question, list(answer.choice) if answer.choice else [answer.text], right))
    if errors:
        raise Invalid("答案有误，请按提示修改。", code="invalid_answers", errors=errors)
    return graded


def result_of(question: Any, right: bool) -> dict[str, Any]:
    """What a member is shown after answering."""
    return {
        "question": question.id,
        "right": right,
        "answer": question.answer,
        "explanation": question.explanation,
        "source": question.source,
    }


async def first_answers(member_id: int, task_id: int) -> dict[int, bool]:
    """The questions already answered, and whether the first answer was right."""
    rows = await fetch('SELECT question_id, "right" FROM answer WHERE member_id = $1 AND task_id = $2 AND is_first', member_id, task_id)
    return {row["question_id"]: bool(row["right"]) for row in rows}


async def answer(actor: Actor, *, task_id: int, answers: Sequence[Any], today: date) -> dict[str, Any]:
    """Grades and stores `answers`: {"results", "right", "total"}, each result that of the first answer.

    Raises NotFound outside the task's audience, Conflict `not_open` or `closed`, Invalid for malformed answers.
    """
    task = await tasks.task_for(actor.member_id, task_id=task_id)
    tasks.refuse_unless_open(task, today=today)
    content = await tasks.content_of(task_id)
    graded = grade_all(content, answers)
    await _store(DayAnswers(actor.member_id, task_id, task["date"], graded))
    firsts = await first_answers(actor.member_id, task_id)
    answered = {g.question_id for g in graded}
    results = [result_of(q, firsts[q.id]) for q in content.questions if q.id in answered]
    return {"results": results, "right": sum(r["right"] for r in results), "total": len(results)}


@transactional
async def _store(day: DayAnswers) -> None:
    """Keeps the answers, and moves tally and summary by the first ones among them."""
    await lock_rows("member", [day.member_id], strength="FOR NO KEY UPDATE")
    await figures.hold([day.task_id])
    new = (await keep_answers([day], at=clock.now())).get((day.member_id, day.task_id), (0, 0))
    if new == (0, 0):
        return
    pair = (day.member_id, day.task_id)
    checked_in = await fetch(
        "UPDATE check_in SET firsts = firsts + $3, rights = rights + $4 WHERE member_id = $1 AND task_id = $2 RETURNING id", *pair, *new
    )
    if not checked_in:
        await fetch(
            "INSERT INTO answer_tally (member_id, task_id, task_date, firsts, rights) VALUES ($1, $2, $3, $4, $5) "
            "ON CONFLICT (member_id, task_id, task_date) DO UPDATE "
            "SET firsts = answer_tally.firsts + excluded.firsts, rights = answer_tally.rights + excluded.rights",
            *pair, day.task_date, *new,
        )  # fmt: skip
    if fact := (await figures.facts([pair])).get(pair):
        await figures.move({(day.task_id, fact["unit_id"], fact["tier"], fact["status"]): {"firsts": new[0], "rights": new[1]}})


async def keep_answers(days: Sequence[DayAnswers], *, at: Any) -> dict[tuple[int, int], tuple[int, int]]:
    """Inserts answers inside the caller's transaction: for each (member, task) how many firsts came in that count, and how many right.

    A first answer that is already there stays; the new one is kept as a later one. Withdrawn questions do not count.
    """
    rows = [
        (d.member_id, g.question_id, d.task_id, d.task_date, msgspec.json.encode(g.given).decode(), g.right, at)
        for d in days
        for g in d.graded
    ]
    if not rows:
        return {}
    inserted = await _insert(rows, is_first=True, ending=f"{_FIRST_CONFLICT} RETURNING member_id, task_id, question_id")
    firsts = {(row["member_id"], row["question_id"], row["task_id"]) for row in inserted}
    if later := [row for row in rows if row[:3] not in firsts]:
        await _insert(later, is_first=False, ending="RETURNING id")
    withdrawn = await withdrawn_pairs({row[1] for row in rows}, {row[2] for row in rows})
    counts: dict[tuple[int, int], tuple[int, int]] = {}
    for member_id, question_id, task_id, _, _, right, _ in rows:
        if (member_id, question_id, task_id) in firsts and (question_id, task_id) not in withdrawn:
            first, rights = counts.get((member_id, task_id), (0, 0))
            counts[member_id, task_id] = (first + 1, rights + int(right))
    return counts


_FIRST_CONFLICT = "ON CONFLICT (member_id, question_id, task_id, task_date) WHERE is_first DO NOTHING"
_COLUMNS = 'member_id, question_id, task_id, task_date, given, "right", answered_at, is_first'
_ROWS_AT_ONCE = 500


async def _insert(rows: Sequence[tuple], *, is_first: bool, ending: str) -> list[dict[str, Any]]:
    returned: list[dict[str, Any]] = []
    for at in range(0, len(rows), _ROWS_AT_ONCE):
        some = [(*row, is_first) for row in rows[at : at + _ROWS_AT_ONCE]]
        slots = ", ".join(f"({', '.join(f'${8 * n + k}' for k in range(1, 9))})" for n in range(len(some)))
        values = [value for row in some for value in row]
        returned += await fetch(f"INSERT INTO answer ({_COLUMNS}) VALUES {slots} {ending}", *values)  # noqa: S608
    return returned


async def withdrawn_pairs(question_ids: Iterable[int], task_ids: Iterable[int]) -> set[tuple[int, int]]:
    """The (question, task) pairs in which the question is withdrawn for the task's branch."""
    rows = await fetch(
        "SELECT w.question_id, t.id AS task_id FROM withdrawal w JOIN branch wb ON wb.id = w.branch_id "  # noqa: S608
        f"JOIN daily_task t ON t.id IN ({int_list(task_ids)}) JOIN branch tb ON tb.id = t.branch_id "
        f"WHERE w.question_id IN ({int_list(question_ids)}) AND tb.path LIKE wb.path || '%'"
    )
    return {(row["question_id"], row["task_id"]) for row in rows}


_MISTAKES = """
SELECT a.id, a.question_id, a.task_id, a.task_date, a.given, a.answered_at FROM answer a
JOIN (SELECT MAX(id) AS id FROM answer WHERE member_id = $1 GROUP BY question_id) latest ON latest.id = a.id
WHERE a.member_id = $1 AND NOT a."right" AND a.id > $2 ORDER BY a.id LIMIT $3
"""


async def mistakes(actor: Actor, *, after: int, limit: int) -> list[dict[str, Any]]:
    """Questions whose latest answer is wrong (错题本), with the right answer; one more than `limit` when there are more."""
    rows = await fetch(_MISTAKES, actor.member_id, after, limit + 1)
    questions = {q.id: q for q in await tasks.questions_by_id([row["question_id"] for row in rows])}
    return [
        {
            "id": row["id"],
            "task": row["task_id"],
            "date": as_date(row["task_date"]),
            "question": {"id": q.id, "kind": q.kind, "stem": q.stem, "options": q.options},
            "given": msgspec.json.decode(row["given"]),
            "answer": q.answer,
            "explanation": q.explanation,
            "source": q.source,
        }
        for row in rows
        if (q := questions.get(row["question_id"]))
    ]
