"""Answering the questions of a task. The first answer to a (member, question, task) counts; every one is kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from backend import figures, tasks, tasks_marks, tasks_today
from backend.kernel import clock
from backend.kernel.access import Actor
from backend.kernel.database import as_date, fetch, lock_rows, table_of, transactional
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


async def first_answers(member_id: int, task_id: int, task_date: date) -> dict[int, bool]:
    """The questions already answered, and whether the first answer was right."""
    pair = (member_id, task_id)
    return (await tasks_marks.marks({pair: task_date}))[1].get(pair, {})


async def answer(actor: Actor, *, task_id: int, answers: Sequence[Any], today: date) -> dict[str, Any]:
    """Grades and stores `answers`: {"results", "right", "total"}, each result that of the first answer.

    Raises NotFound outside the task's audience, Conflict `not_open` or `closed`, Invalid for malformed answers.
    """
    task = await tasks.task_for(actor.member_id, task_id=task_id)
    tasks.refuse_unless_open(task, today=today)
    content = await tasks.content_of(task_id)
    graded = grade_all(content, answers)
    await _store(DayAnswers(actor.member_id, task_id, task["date"], graded))
    tasks_today.forget([actor.member_id])
    firsts = await first_answers(actor.member_id, task_id, task["date"])
    answered = {g.question_id for g in graded}
    results = [result_of(q, firsts[q.id]) for q in content.questions if q.id in answered]
    return {"results": results, "right": sum(r["right"] for r in results), "total": len(results)}


@transactional
async def _store(day: DayAnswers) -> None:
    """Keeps the answers, and moves tally and summary by the first ones among them."""
    await lock_rows("member", [day.member_id], strength="FOR NO KEY UPDATE")
    await figures.hold([day.task_id])
    new = await keep_answers(day, at=clock.now())
    if new == (0, 0):
        return
    pair = (day.member_id, day.task_id)
    checked_in = await fetch(
        "UPDATE check_in SET firsts = firsts + $4, rights = rights + $5 "
        "WHERE member_id = $1 AND task_id = $2 AND task_date = $3 RETURNING id",
        *pair, day.task_date, *new,
    )  # fmt: skip
    if not checked_in:
        await fetch(
            "INSERT INTO answer_tally (member_id, task_id, task_date, firsts, rights) VALUES ($1, $2, $3, $4, $5) "
            "ON CONFLICT (member_id, task_id, task_date) DO UPDATE "
            "SET firsts = answer_tally.firsts + excluded.firsts, rights = answer_tally.rights + excluded.rights",
            *pair, day.task_date, *new,
        )  # fmt: skip
    if fact := (await figures.facts({pair: day.task_date})).get(pair):
        key = (day.task_id, fact["unit_id"], fact["tier"], fact["status"])
        await figures.move({key: {"firsts": new[0], "rights": new[1]}}, rolled_up={day.task_id} if fact["rolled_up"] else ())


async def keep_answers(day: DayAnswers, *, at: Any) -> tuple[int, int]:
    """Inserts answers under the lock of their member: how many first ones came in that count, and how many of them are right."""
    firsts = await first_answers(day.member_id, day.task_id, day.task_date)
    await insert_answers([(day, at)], {(day.member_id, day.task_id): firsts})
    new = [g for g in day.graded if g.question_id not in firsts]
    withdrawn = await withdrawn_pairs({(g.question_id, day.task_id) for g in new})
    counted = [g for g in new if (g.question_id, day.task_id) not in withdrawn]
    return len(counted), sum(g.right for g in counted)


_ANSWER = {
    "member_id": "bigint", "question_id": "bigint", "task_id": "bigint", "task_date": "date", "given": "text", '"right"': "boolean",
    "answered_at": "timestamptz", "is_first": "boolean",
}  # fmt: skip


async def insert_answers(days: Sequence[tuple[DayAnswers, Any]], firsts: Mapping[tuple[int, int], Mapping[int, bool]]) -> None:
    """Keeps every answer; it is a first one unless `firsts`, read under the lock of its member, has its question already."""
    rows = [
        (d.member_id, g.question_id, d.task_id, d.task_date, msgspec.json.encode(g.given).decode(), g.right, at,
         g.question_id not in firsts.get((d.member_id, d.task_id), {}))
        for d, at in days
        for g in d.graded
    ]  # fmt: skip
    if rows:
        columns = ", ".join(_ANSWER)
        given, values = table_of(_ANSWER, rows)
        await fetch(f"INSERT INTO answer ({columns}) SELECT {columns.replace('given', 'given::jsonb')} FROM {given} w", *values)  # noqa: S608


async def withdrawn_pairs(pairs: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those of the (question, task) pairs in which the question is withdrawn for the task's branch."""
    if not pairs:
        return set()
    wanted, values = table_of({"question_id": "bigint", "task_id": "bigint"}, sorted(pairs))
    rows = await fetch(
        f"SELECT w.question_id, w.task_id FROM {wanted} w JOIN withdrawal x ON x.question_id = w.question_id "  # noqa: S608
        "JOIN branch xb ON xb.id = x.branch_id JOIN daily_task t ON t.id = w.task_id JOIN branch tb ON tb.id = t.branch_id "
        "WHERE tb.path LIKE xb.path || '%'",
        *values,
    )
    return {(row["question_id"], row["task_id"]) for row in rows}


_MISTAKES = """
SELECT a.id, a.question_id, a.task_id, a.task_date, a.given, a.answered_at FROM answer a
JOIN (SELECT MAX(id) AS id FROM answer WHERE member_id = $1 GROUP BY question_id) latest ON latest.id = a.id
WHERE a.member_id = $1 AND NOT a."right" AND a.id > $2 AND NOT EXISTS (
  SELECT 1 FROM review v WHERE v.member_id = $1 AND v.question_id = a.question_id AND v."right" AND v.reviewed_at > a.answered_at)
ORDER BY a.id LIMIT $3
"""


async def mistakes(actor: Actor, *, after: int, limit: int) -> list[dict[str, Any]]:
    """Questions whose latest answer, in a task or a review, is wrong (错题本), with the right answer.

    One more than `limit` when there are more.
    """
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
