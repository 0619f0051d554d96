"""The questions of a content pack, loaded in bulk: known by their keys, and written only where they are new or differ."""

from __future__ import annotations

from typing import Any

from backend.kernel import clock
from models.questions import Question, QuestionAspect

BATCH = 200


async def load(questions: list[dict[str, Any]]) -> tuple[list[int], list[int]]:
    """Ids of the new and of the changed questions. Inside the caller's transaction."""
    keys = [question["key"] for question in questions]
    known = {question.key: question for question in await Question.filter(branch_id=None, key__not_isnull=True)}
    aspects: dict[int, list[int]] = {}
    for row in await QuestionAspect.filter(question_id__in=[known[key].id for key in keys if key in known] or [0]):
        aspects.setdefault(row.question_id, []).append(row.aspect_id)
    fresh = [question for question in questions if question["key"] not in known]
    at = clock.now()
    await Question.bulk_create([Question(key=q["key"], created_at=at, **_columns(q)) for q in fresh], batch_size=BATCH)
    ids = dict(await Question.filter(branch_id=None, key__not_isnull=True).values_list("key", "id"))
    changed = [question for question in questions if (there := known.get(question["key"])) and _differs(there, aspects, question)]
    for question in changed:
        await Question.filter(id=ids[question["key"]]).update(**_columns(question))
    new_ids, changed_ids = [ids[q["key"]] for q in fresh], [ids[q["key"]] for q in changed]
    await QuestionAspect.filter(question_id__in=changed_ids or [0]).delete()
    rows = [QuestionAspect(question_id=ids[q["key"]], aspect_id=aspect) for q in (*fresh, *changed) for aspect in q["aspects"]]
    await QuestionAspect.bulk_create(rows, batch_size=BATCH)
    return new_ids, changed_ids


def _differs(there: Question, aspects: dict[int, list[int]], question: dict[str, Any]) -> bool:
    columns = any(getattr(there, name) != value for name, value in _columns(question).items())
    return columns or sorted(aspects.get(there.id, [])) != sorted(question["aspects"])


def _columns(question: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": question["kind"],
        "stem": question["stem"],
        "options": [{"key": key, "text": text} for key, text in question.get("options", {}).items()],
        "answer": question["answer"],
        "explanation": question.get("explanation", ""),
        "source_text": question["source"]["text"],
        "source_section": question["source"]["unit"],
        "locator": question["source"].get("locator", ""),
        "level": question.get("level", 1),
    }
