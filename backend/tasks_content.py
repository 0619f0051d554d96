"""What a task asks of everybody: aspects, passages, questions with their answers. Shared by all members and remembered for 5 s."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from backend import texts
from backend.kernel.database import as_date, fetch, int_list
from backend.kernel.errors import NotFound

REMEMBERED_S = 5.0
REMEMBERED_MOST = 2_000


@dataclass(frozen=True, slots=True)
class TaskPassage:
    """One paragraph to read; `section` is the title of its section, `text` null where the official text was not imported."""

    id: int
    section: str
    number: int
    text: str | None
    source_url: str


@dataclass(frozen=True, slots=True)
class TaskQuestion:
    """A question with its right answer, which no member sees before answering. `source`: {"text", "section", "title", "locator"}."""

    id: int
    kind: str
    stem: str
    options: list[dict[str, str]]
    answer: list[str]
    explanation: str
    source: dict[str, str]


@dataclass(frozen=True, slots=True)
class TaskContent:
    """`questions` are those to be answered; `withdrawn`: the ids of those that were laid out and have been withdrawn since."""

    id: int
    date: date
    title: str
    guidance: str
    prompt: str
    makeup_until: date
    aspects: list[dict[str, Any]]
    passages: list[TaskPassage]
    questions: list[TaskQuestion]
    withdrawn: frozenset[int]


_remembered: dict[int, tuple[float, TaskContent]] = {}

_TASK = """
SELECT t.date, t.title, t.guidance, t.prompt, t.makeup_until, a.id AS aspect_id, a.title AS aspect
FROM daily_task t LEFT JOIN task_aspect ta ON ta.task_id = t.id LEFT JOIN aspect a ON a.id = ta.aspect_id
WHERE t.id = $1 ORDER BY a.id
"""

_PASSAGES = f"""
SELECT p.id, s.title AS section, p.number, p.body, {texts.ADDRESS} AS source_url
FROM task_passage tp JOIN passage p ON p.id = tp.passage_id JOIN section s ON s.id = p.section_id JOIN text x ON x.id = s.text_id
WHERE tp.task_id = $1 ORDER BY tp.position, tp.id
"""  # noqa: S608

# The section's title as the question's own branch sees the text: its own, else the nearest branch's above, else the shipped one.
_QUESTION = """
q.id, q.kind, q.stem, q.options, q.answer, q.explanation, q.source_text, q.source_section, q.locator, (
  SELECT s.title FROM section s JOIN text x ON x.id = s.text_id
  LEFT JOIN branch xb ON xb.id = x.branch_id LEFT JOIN branch qb ON qb.id = q.branch_id
  WHERE x.key = q.source_text AND s.key = q.source_section AND (x.branch_id IS NULL OR qb.path LIKE xb.path || '%')
  ORDER BY COALESCE(LENGTH(xb.path), 0) DESC LIMIT 1
) AS source_title
"""

_QUESTIONS = f"""
SELECT {_QUESTION}, CASE WHEN EXISTS (
  SELECT 1 FROM withdrawal w JOIN branch wb ON wb.id = w.branch_id WHERE w.question_id = q.id AND tb.path LIKE wb.path || '%'
) THEN 1 ELSE 0 END AS withdrawn
FROM task_question tq JOIN question q ON q.id = tq.question_id
JOIN daily_task t ON t.id = tq.task_id JOIN branch tb ON tb.id = t.branch_id
WHERE tq.task_id = $1 ORDER BY tq.position, tq.id
"""  # noqa: S608


async def content_of(task_id: int) -> TaskContent:
    """What the task asks, at most 5 s old. Raises NotFound."""
    known = _remembered.get(task_id)
    if known is not None and known[0] > time.monotonic():
        return known[1]
    content = await _look_up(task_id)
    if len(_remembered) >= REMEMBERED_MOST:
        _remembered.clear()
    _remembered[task_id] = (time.monotonic() + REMEMBERED_S, content)
    return content


def forget(task_id: int) -> None:
    """Drops what this process remembers of the task; other processes follow within 5 s."""
    _remembered.pop(task_id, None)


async def _look_up(task_id: int) -> TaskContent:
    rows = await fetch(_TASK, task_id)
    if not rows:
        raise NotFound()
    task = rows[0]
    passages = await fetch(_PASSAGES, task_id)
    questions = await fetch(_QUESTIONS, task_id)
    return TaskContent(
        id=task_id,
        date=as_date(task["date"]),
        title=task["title"],
        guidance=task["guidance"],
        prompt=task["prompt"],
        makeup_until=as_date(task["makeup_until"]),
        aspects=[{"id": row["aspect_id"], "title": row["aspect"]} for row in rows if row["aspect_id"] is not None],
        passages=[TaskPassage(row["id"], row["section"], row["number"], row["body"], row["source_url"]) for row in passages],
        questions=_questions(row for row in questions if not row["withdrawn"]),
        withdrawn=frozenset(row["id"] for row in questions if row["withdrawn"]),
    )


async def questions_by_id(ids: Sequence[int]) -> list[TaskQuestion]:
    """These questions, withdrawn ones too, in order of id."""
    return _questions(await fetch(f"SELECT {_QUESTION} FROM question q WHERE q.id IN ({int_list(ids)}) ORDER BY q.id"))  # noqa: S608


def _questions(rows: Iterable[dict[str, Any]]) -> list[TaskQuestion]:
    return [
        TaskQuestion(
            id=row["id"],
            kind=row["kind"],
            stem=row["stem"],
            options=_json(row["options"]),
            answer=_json(row["answer"]),
            explanation=row["explanation"],
            source={
                "text": row["source_text"],
                "section": row["source_section"],
                "title": row["source_title"] or "",
                "locator": row["locator"],
            },
        )
        for row in rows
    ]


def _json(value: Any) -> Any:
    """A JSON column as a raw statement gives it: text, whichever the dialect."""
    return msgspec.json.decode(value) if isinstance(value, str | bytes) else value
