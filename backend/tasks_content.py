"""What a task asks of everybody: aspects, passages, questions with their answers. Shared by all members and remembered for 5 s."""

from __future__ import annotations

import functools
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from backend.kernel.database import as_date, fetch, int_list, table_of
from backend.kernel.errors import NotFound

REMEMBERED_S = 5.0
REMEMBERED_MOST = 5_000


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
SELECT t.id, t.date, t.title, t.guidance, t.prompt, t.makeup_until, a.id AS aspect_id, a.title AS aspect
FROM daily_task t LEFT JOIN task_aspect ta ON ta.task_id = t.id LEFT JOIN aspect a ON a.id = ta.aspect_id
WHERE t.id IN (SELECT w.id FROM {wanted} w) ORDER BY a.id
"""

_PASSAGES = """
SELECT tp.task_id, p.id, s.title AS section, p.number, p.body, x.source_url
FROM task_passage tp JOIN passage p ON p.id = tp.passage_id JOIN section s ON s.id = p.section_id JOIN text x ON x.id = s.text_id
WHERE tp.task_id IN (SELECT w.id FROM {wanted} w) ORDER BY tp.position, tp.id
"""

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
SELECT tq.task_id, {_QUESTION}, CASE WHEN EXISTS (
  SELECT 1 FROM withdrawal w JOIN branch wb ON wb.id = w.branch_id WHERE w.question_id = q.id AND tb.path LIKE wb.path || '%'
) THEN 1 ELSE 0 END AS withdrawn
FROM task_question tq JOIN question q ON q.id = tq.question_id
JOIN daily_task t ON t.id = tq.task_id JOIN branch tb ON tb.id = t.branch_id
WHERE tq.task_id IN (SELECT w.id FROM {{wanted}} w) ORDER BY tq.position, tq.id
"""  # noqa: S608


async def content_of(task_id: int) -> TaskContent:
    """What the task asks, at most 5 s old. Raises NotFound."""
    found = await contents_of((task_id,))
    if task_id not in found:
        raise NotFound()
    return found[task_id]


async def contents_of(task_ids: Collection[int]) -> dict[int, TaskContent]:
    """The same for several tasks; one that does not exist is left out. At most three queries, whatever the number."""
    now = time.monotonic()
    found = {task_id: known for task_id in task_ids if (known := remembered(task_id))}
    if missing := [task_id for task_id in task_ids if task_id not in found]:
        looked_up = await _look_up(missing)
        if len(_remembered) + len(looked_up) > REMEMBERED_MOST:
            _remembered.clear()
        _remembered.update({task_id: (now + REMEMBERED_S, content) for task_id, content in looked_up.items()})
        found |= looked_up
    return found


def remembered(task_id: int) -> TaskContent | None:
    """The content as this process remembers it, None when it is to be read again."""
    known = _remembered.get(task_id)
    return known[1] if known and known[0] > time.monotonic() else None


def forget(task_id: int) -> None:
    """Drops what this process remembers of the task; other processes follow within 5 s."""
    _remembered.pop(task_id, None)


async def _look_up(task_ids: Collection[int]) -> dict[int, TaskContent]:
    wanted, values = table_of({"id": "bigint"}, [(task_id,) for task_id in task_ids])
    tasks: dict[int, list[dict[str, Any]]] = {}
    passages: dict[int, list[TaskPassage]] = {}
    questions: dict[int, list[dict[str, Any]]] = {}
    for row in await fetch(_TASK.format(wanted=wanted), *values):
        tasks.setdefault(row["id"], []).append(row)
    for row in await fetch(_PASSAGES.format(wanted=wanted), *values) if tasks else ():
        one = TaskPassage(row["id"], row["section"], row["number"], row["body"], row["source_url"])
        passages.setdefault(row["task_id"], []).append(one)
    for row in await fetch(_QUESTIONS.format(wanted=wanted), *values) if tasks else ():
        questions.setdefault(row["task_id"], []).append(row)
    return {task_id: _content(rows, passages.get(task_id, []), questions.get(task_id, [])) for task_id, rows in tasks.items()}


def _content(rows: Sequence[dict[str, Any]], passages: list[TaskPassage], questions: Sequence[dict[str, Any]]) -> TaskContent:
    """`rows`: the task once for each of its aspects."""
    task = rows[0]
    return TaskContent(
        id=task["id"],
        date=as_date(task["date"]),
        title=task["title"],
        guidance=task["guidance"],
        prompt=task["prompt"],
        makeup_until=as_date(task["makeup_until"]),
        aspects=[{"id": row["aspect_id"], "title": row["aspect"]} for row in rows if row["aspect_id"] is not None],
        passages=passages,
        questions=_questions(row for row in questions if not row["withdrawn"]),
        withdrawn=frozenset(row["id"] for row in questions if row["withdrawn"]),
    )


def shown(content: TaskContent, task: dict[str, Any], read: Collection[int], answered: Collection[int]) -> dict[str, Any]:
    """The Task as a member sees it, never with a right answer. `task`: {"checkin_id", "kind"} of the member's own."""
    return {
        "id": content.id,
        "date": content.date,
        "title": content.title,
        "aspects": content.aspects,
        "guidance": content.guidance,
        "passages": [
            {"id": p.id, "section": p.section, "number": p.number, "text": p.text, "source_url": p.source_url, "read": p.id in read}
            for p in content.passages
        ],
        "questions": [{"id": q.id, "kind": q.kind, "stem": q.stem, "options": q.options} for q in content.questions],
        "prompt": content.prompt,
        "progress": {
            "passages_read": sum(p.id in read for p in content.passages),
            "passages_total": len(content.passages),
            "questions_answered": sum(q.id in answered for q in content.questions),
            "questions_total": len(content.questions),
            "checked_in": task["checkin_id"] is not None,
            "kind": task["kind"],
        },
        "makeup_until": content.makeup_until,
    }


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


@functools.lru_cache(maxsize=REMEMBERED_MOST)
def _json(text: str) -> Any:
    """A JSON column as a raw statement gives it, read once for the same text: nobody changes what comes back."""
    return msgspec.json.decode(text)
