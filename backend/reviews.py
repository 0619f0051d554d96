"""Reviews (复习): a question answered wrong comes back, by the algorithm FSRS, when it is about to be forgotten.

A question is in review from its first mistake on, one day later for the first time. Reviews are kept apart from the answers of tasks and
move no figure (the glossary of the client). When they are due is computed from the latest answer and the latest review, so that a
check-in writes nothing for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec
from fsrs import Card, Rating, Scheduler, State

from backend import quizzes, tasks
from backend.kernel import clock
from backend.kernel.access import Actor
from backend.kernel.database import as_date, as_instant, fetch, lock_rows, transactional
from backend.kernel.errors import Invalid, NotFound
from backend.rules import grading, spacing

A_DAY = 10
LONGEST = 180  # days between two reviews
# Steps of minutes are for sittings of hours; here a day is the shortest step. No fuzz: `spacing.spread` levels the days.
_scheduler = Scheduler(desired_retention=0.9, learning_steps=(), relearning_steps=(), maximum_interval=LONGEST, enable_fuzzing=False)

_CARDS = """
SELECT a.question_id, a."right" AS answer_right, a.answered_at, v.stability, v.difficulty, v.reviewed_on, v.due_on, v."right"
FROM answer a JOIN (SELECT MAX(id) AS id FROM answer WHERE member_id = $1 GROUP BY question_id) latest ON latest.id = a.id
LEFT JOIN review v ON v.member_id = a.member_id AND v.question_id = a.question_id
WHERE a.member_id = $1 AND (v.id IS NOT NULL OR NOT a."right") AND NOT EXISTS (
  SELECT 1 FROM withdrawal x JOIN branch xb ON xb.id = x.branch_id JOIN branch b ON b.path LIKE xb.path || '%'
  WHERE x.question_id = a.question_id AND b.id = $2)
"""

_KEEP = """
INSERT INTO review (member_id, question_id, stability, difficulty, reviewed_on, due_on, given, "right", reviewed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9)
ON CONFLICT (member_id, question_id) DO UPDATE SET stability = excluded.stability, difficulty = excluded.difficulty,
  reviewed_on = excluded.reviewed_on, due_on = excluded.due_on, given = excluded.given, "right" = excluded."right",
  reviewed_at = excluded.reviewed_at
"""


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one question: `stability` in days, `difficulty` 1 to 10, as they were after `on`; `due_on` the day to come back."""

    question_id: int
    stability: float
    difficulty: float
    on: date
    due_on: date
    # The outcome of the last review, None before the first.
    right: bool | None = None


async def due(actor: Actor, *, today: date) -> dict[str, Any]:
    """{"items", "waiting", "done"}: what is due today, longest due first, at most A_DAY a day with the `done` that are behind;
    `waiting`: how many more are due, which come on the next days."""
    memories = await _memories(actor)
    done = sum(memory.right is not None and memory.on == today for memory in memories)
    found = sorted((m for m in memories if m.due_on <= today), key=lambda m: (m.due_on, m.question_id))
    chosen = found[: max(0, A_DAY - done)]
    questions = {q.id: q for q in await tasks.questions_by_id([m.question_id for m in chosen])}
    items = [
        {"question": {"id": q.id, "kind": q.kind, "stem": q.stem, "options": q.options}, "due_on": m.due_on}
        for m in chosen
        for q in [questions[m.question_id]]
    ]
    return {"items": items, "waiting": len(found) - len(chosen), "done": done}


async def review(actor: Actor, *, question_id: int, choice: list[str] | None, text: str | None, today: date) -> dict[str, Any]:
    """Grades one review: the result, as after an answer, and `next_on`. A second one on the same day returns the first result.

    Any question that is in review may be taken, due or not. Raises NotFound for another, Invalid for a malformed answer.
    """
    questions = await tasks.questions_by_id([question_id])
    memory = await _review(actor, questions, choice, text, today)
    return {**quizzes.result_of(questions[0], bool(memory.right)), "next_on": memory.due_on}


@transactional
async def _review(actor: Actor, questions: Sequence[Any], choice: list[str] | None, text: str | None, today: date) -> Memory:
    await lock_rows("member", [actor.member_id], strength="FOR NO KEY UPDATE")
    memories = await _memories(actor)
    before = next((m for m in memories if questions and m.question_id == questions[0].id), None)
    if before is None:
        raise NotFound("这道题不在您的复习中。")
    if before.right is not None and before.on == today:
        return before
    question = questions[0]
    keys = {option["key"] for option in question.options}
    if fault := grading.malformed(question.kind, keys=keys, choice=choice, text=text):
        raise Invalid(
            "答案有误，请按提示修改。", code="invalid_answers", errors=[{"field": "choice" if text is None else "text", "message": fault}]
        )
    right = grading.grade(question.kind, answer=question.answer, choice=choice, text=text)
    after = remembered(before, right=right, today=today)
    load = Counter(m.due_on for m in memories if m.question_id != question.id)
    due_on = spacing.spread(after.due_on, load=load, most=A_DAY)
    given = msgspec.json.encode(list(choice) if choice else [text]).decode()
    await fetch(_KEEP, actor.member_id, question.id, after.stability, after.difficulty, today, due_on, given, right, clock.now())
    return Memory(question.id, after.stability, after.difficulty, today, due_on, right)


def mistaken(question_id: int, on: date) -> Memory:
    """The memory of a question that was answered wrong on a day, before any review."""
    return _memory(question_id, _scheduler.review_card(Card(card_id=question_id), Rating.Again, _noon(on))[0])


def remembered(before: Memory, *, right: bool, today: date) -> Memory:
    """The memory after a review of today; the next one is a day later at the earliest."""
    card = Card(
        card_id=before.question_id, state=State.Review, step=None, stability=before.stability, difficulty=before.difficulty,
        due=_noon(before.due_on), last_review=_noon(before.on),
    )  # fmt: skip
    return _memory(before.question_id, _scheduler.review_card(card, Rating.Good if right else Rating.Again, _noon(today))[0], right)


def _memory(question_id: int, card: Card, right: bool | None = None) -> Memory:
    on = card.last_review.date()
    return Memory(question_id, card.stability, card.difficulty, on, max(card.due.date(), on + timedelta(days=1)), right)


def _noon(day: date) -> datetime:
    """A day as the algorithm wants it: an instant in UTC; it counts whole days between them."""
    return datetime.combine(day, time(12), UTC)


async def _memories(actor: Actor) -> list[Memory]:
    """All that is in review for a member (one query): a mistake after the last review brings its question back the day after it."""
    found = []
    for row in await fetch(_CARDS, actor.member_id, actor.branch_id):
        answered_on = clock.shanghai(as_instant(row["answered_at"])).date()
        if row["reviewed_on"] is None:
            found.append(mistaken(row["question_id"], answered_on))
            continue
        last = Memory(
            row["question_id"], row["stability"], row["difficulty"], as_date(row["reviewed_on"]), as_date(row["due_on"]), bool(row["right"])
        )
        if not row["answer_right"] and answered_on > last.on:
            last = remembered(last, right=False, today=answered_on)
            last = Memory(last.question_id, last.stability, last.difficulty, last.on, last.due_on)
        found.append(last)
    return found
