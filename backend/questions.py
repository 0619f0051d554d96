"""The question bank: shipped questions and a branch's own. Withdrawn ones no longer count (docs/decisions/0008)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backend import figures, questions_history, questions_places, texts
from backend.kernel import audit, clock
from backend.kernel.access import Actor
from backend.kernel.database import fetch, int_list, lock_rows, transactional
from backend.kernel.errors import Conflict, Invalid, NotFound
from backend.rules import forms_questions
from backend.rules.forms_questions import QuestionDraft
from backend.rules.schedule import QuestionRef
from models.questions import Question, QuestionAspect, Withdrawal

# What a branch may ask: shipped, its own and those of the branches above it, less what is withdrawn here or above.
VISIBLE = """
FROM question q JOIN branch b ON b.id = $1 LEFT JOIN branch qb ON qb.id = q.branch_id
WHERE (q.branch_id IS NULL OR b.path LIKE qb.path || '%')
"""
WITHDRAWN = """
EXISTS (SELECT 1 FROM withdrawal w JOIN branch wb ON wb.id = w.branch_id WHERE w.question_id = q.id AND b.path LIKE wb.path || '%')
"""


async def open_questions(branch_id: int) -> dict[int, list[QuestionRef]]:
    """By aspect, the questions that the branch can ask, each with the passage and section of its answer in the text the branch sees."""
    visible = await texts.visible_texts(branch_id)
    chosen = int_list(visible.values())
    places = {
        row["question_id"]: row["passage_id"]
        for row in await fetch(
            "SELECT qp.question_id, qp.passage_id FROM question_place qp JOIN passage p ON p.id = qp.passage_id "  # noqa: S608
            f"JOIN section s ON s.id = p.section_id WHERE s.text_id IN ({chosen}) AND p.retired_at IS NULL"
        )
    }
    sections = {
        (row["text_key"], row["key"]): row["id"]
        for row in await fetch(
            f"SELECT s.id, s.key, x.key AS text_key FROM section s JOIN text x ON x.id = s.text_id WHERE x.id IN ({chosen})"  # noqa: S608
        )
    }
    rows = await fetch(
        f"SELECT v.id, v.source_text, v.source_section, qa.aspect_id FROM (SELECT q.id, q.source_text, q.source_section {VISIBLE}"  # noqa: S608
        f" AND NOT {WITHDRAWN}) v JOIN question_aspect qa ON qa.question_id = v.id ORDER BY qa.aspect_id, v.id",
        branch_id,
    )
    found: dict[int, list[QuestionRef]] = {}
    for row in rows:
        section_id = sections.get((row["source_text"], row["source_section"]))
        found.setdefault(row["aspect_id"], []).append(QuestionRef(row["id"], places.get(row["id"]), section_id))
    return found


async def with_aspects(ids: Sequence[int]) -> list[tuple[Question, list[int]]]:
    aspects: dict[int, list[int]] = {}
    rows = await fetch(f"SELECT question_id, aspect_id FROM question_aspect WHERE question_id IN ({int_list(ids)}) ORDER BY aspect_id")  # noqa: S608
    for row in rows:
        aspects.setdefault(row["question_id"], []).append(row["aspect_id"])
    return [(question, aspects.get(question.id, [])) for question in await Question.filter(id__in=list(ids) or [0]).order_by("id")]


def shown(found: tuple[Question, list[int]], withdrawn: set[int]) -> dict[str, Any]:
    question, aspects = found
    return {
        "id": question.id,
        "kind": str(question.kind),
        "stem": question.stem,
        "options": question.options,
        "answer": question.answer,
        "explanation": question.explanation,
        "text": question.source_text,
        "section": question.source_section,
        "locator": question.locator,
        "level": question.level,
        "aspects": aspects,
        "shipped": question.branch_id is None,
        "withdrawn": question.id in withdrawn,
    }


def refuse_unsound(draft: QuestionDraft) -> QuestionDraft:
    """The draft, if it is sound. Raises Invalid naming each fault."""
    faults = forms_questions.faults_of(draft)
    if draft.locator and not draft.unit:
        faults.append("填写定位词时，须同时写明出处所在的单元。")
    if faults:
        raise Invalid(errors=[{"field": "question", "message": fault} for fault in faults])
    return draft


@transactional
async def add(actor: Actor | None, *, branch_id: int, draft: QuestionDraft) -> dict[str, Any]:
    """A new question of the branch's own. Raises Invalid, Conflict `question_exists` for a stem that is there already."""
    refuse_unsound(draft)
    await lock_rows("branch", [branch_id], strength="FOR NO KEY UPDATE")
    if await known_stems(branch_id, [draft.stem]):
        raise Conflict("题库中已有相同的题干。", code="question_exists")
    question = (await insert(branch_id, [draft]))[0]
    await audit.record(actor, "question:add", subject="question", subject_id=question.id, branch_id=branch_id)
    return shown((question, list(draft.aspects)), set())


async def known_stems(branch_id: int, stems: Sequence[str]) -> list[str]:
    """Those of `stems` that a question visible here has already, width, case and spaces apart."""
    there = {_bare(row["stem"]) for row in await fetch(f"SELECT q.stem {VISIBLE}", branch_id)}  # noqa: S608
    return [stem for stem in stems if _bare(stem) in there]


def _bare(stem: str) -> str:
    return questions_places.folded(stem).casefold()


async def insert(branch_id: int, drafts: Sequence[QuestionDraft]) -> list[Question]:
    added = [await Question.create(branch_id=branch_id, created_at=clock.now(), **_columns(draft)) for draft in drafts]
    await QuestionAspect.bulk_create(
        [QuestionAspect(question_id=q.id, aspect_id=a) for q, draft in zip(added, drafts, strict=True) for a in draft.aspects]
    )
    await questions_places.resolve_questions([question.id for question in added], branch_id=branch_id)
    return added


def _columns(draft: QuestionDraft) -> dict[str, Any]:
    return {
        "kind": draft.kind,
        "stem": draft.stem,
        "options": [{"key": key, "text": text} for key, text in draft.options],
        "answer": list(draft.answer),
        "explanation": draft.explanation,
        "source_section": draft.unit or "",
        "locator": draft.locator or "",
    }


@transactional
async def change(actor: Actor, *, question_id: int, draft_of: Any) -> dict[str, Any]:
    """Replaces the own question by `draft_of(its present draft)`; answers already graded stay as they are.

    Raises NotFound for another branch's, Conflict `shipped_question` for a shipped one, Invalid.
    """
    question = await _mine(actor, question_id)
    present = (await with_aspects([question_id]))[0]
    draft = refuse_unsound(draft_of(_draft(*present)))
    before, after = _columns(_draft(*present)), _columns(draft)
    await Question.filter(id=question_id).update(**after)
    await QuestionAspect.filter(question_id=question_id).delete()
    await QuestionAspect.bulk_create([QuestionAspect(question_id=question_id, aspect_id=a) for a in draft.aspects])
    await questions_places.resolve_questions([question_id], branch_id=actor.branch_id)
    changed = [name for name in after if after[name] != before[name]] + ["aspects"] * (list(draft.aspects) != present[1])
    if changed:
        await questions_history.keep(actor, question_id=question_id, content={**before, "aspects": present[1]})
    await audit.record(actor, "question:change", subject="question", subject_id=question_id, fields=changed)
    rows = await fetch(f"SELECT q.id {VISIBLE} AND q.id = $2 AND {WITHDRAWN}", actor.branch_id, question_id)  # noqa: S608
    return shown((await Question.get(id=question.id), list(draft.aspects)), {row["id"] for row in rows})


def _draft(question: Question, aspects: list[int]) -> QuestionDraft:
    options = [(option["key"], option["text"]) for option in question.options]
    return QuestionDraft(
        str(question.kind), question.stem, options, question.answer, question.explanation, question.source_section or None,
        question.locator or None, tuple(aspects),
    )  # fmt: skip


async def _mine(actor: Actor, question_id: int) -> Question:
    question = await Question.get_or_none(id=question_id)
    if question is None or question.branch_id not in (None, actor.branch_id):
        raise NotFound()
    if question.branch_id is None:
        raise Conflict("随附的题目不能修改，可以撤下后另建。", code="shipped_question")
    return question


_LAID_OUT = """
SELECT t.id FROM task_question tq JOIN daily_task t ON t.id = tq.task_id JOIN branch b ON b.id = t.branch_id
WHERE tq.question_id = $1 AND b.path LIKE $2
"""


@transactional
async def withdraw(actor: Actor, *, question_id: int) -> None:
    """The question no longer counts in the actor's branch and below; figures are counted again. Doing it twice changes nothing.

    Raises NotFound for a question that is not visible here.
    """
    rows = await fetch(f"SELECT q.id {VISIBLE} AND q.id = $2", actor.branch_id, question_id)  # noqa: S608
    if not rows:
        raise NotFound()
    _, is_new = await Withdrawal.get_or_create(question_id=question_id, branch_id=actor.branch_id, defaults={"created_at": clock.now()})
    if is_new:
        await figures.retally(row["id"] for row in await fetch(_LAID_OUT, question_id, f"{actor.branch_path}%"))
        await audit.record(actor, "question:withdraw", subject="question", subject_id=question_id)


@transactional
async def restore(actor: Actor, *, question_id: int) -> None:
    """Takes the own branch's withdrawal back: the answers count again, figures are counted again. Doing it twice changes nothing.

    Raises NotFound for a question that is not visible here.
    """
    if not await fetch(f"SELECT q.id {VISIBLE} AND q.id = $2", actor.branch_id, question_id):  # noqa: S608
        raise NotFound()
    if await Withdrawal.filter(question_id=question_id, branch_id=actor.branch_id).delete():
        await figures.retally(row["id"] for row in await fetch(_LAID_OUT, question_id, f"{actor.branch_path}%"))
        await audit.record(actor, "question:restore", subject="question", subject_id=question_id)
