"""The question bank from a workbook: every row looked at first, loaded together or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from backend import branches, questions, texts
from backend.kernel import audit, documents
from backend.kernel.access import Actor
from backend.kernel.database import fetch, lock_rows, transactional
from backend.kernel.errors import Invalid
from backend.rules import forms_questions
from backend.rules.forms_questions import QuestionDraft


async def import_sheet(actor: Actor | None, *, branch_id: int, content: bytes, dry_run: bool, partial: bool) -> dict[str, Any]:
    """Loads a filled form: {"added", "faults": [{"row", "reason"}], "dry_run"}.

    None of it is loaded unless all rows are sound, or `partial`.
    Raises NotFound for an unknown branch, Invalid `unreadable_file`, or `faulty_rows` with one error a fault.
    """
    drafts, faults = await _read(branch_id, content)
    return await _load(actor, branch_id, drafts, faults, dry_run, partial)


async def look(*, branch_id: int, content: bytes) -> dict[str, Any]:
    """What a filled form holds; nothing is loaded: {"sound": [QuestionDraft], "faults": [{"row", "reason"}]}. Raises as `import_sheet`."""
    drafts, faults = await _read(branch_id, content)
    sound, shown = await _judged(branch_id, drafts, faults)
    return {"sound": sound, "faults": shown}


async def _read(branch_id: int, content: bytes) -> tuple[list[tuple[int, QuestionDraft]], list[tuple[int, str]]]:
    await branches.ensure(branch_id)
    rows = await asyncio.to_thread(documents.read_sheet, content)
    return forms_questions.question_sheet(rows, titles=await _unit_titles(branch_id))


async def _judged(
    branch_id: int, drafts: Sequence[tuple[int, QuestionDraft]], faults: Sequence[tuple[int, str]]
) -> tuple[list[QuestionDraft], list[dict[str, Any]]]:
    """The drafts that are new here, and everything that stands against the others, by row."""
    known = set(await questions.known_stems(branch_id, [draft.stem for _, draft in drafts]))
    doubled = [(number, "题库中已有相同的题干。") for number, draft in drafts if draft.stem in known]
    sound = [draft for _, draft in drafts if draft.stem not in known]
    return sound, [{"row": number, "reason": reason} for number, reason in sorted([*faults, *doubled])]


async def _unit_titles(branch_id: int) -> list[str]:
    """The titles of the report's units from the preface on, as the branch sees them."""
    report = (await texts.visible_texts(branch_id)).get("report", 0)
    return [row["title"] for row in await fetch("SELECT title FROM section WHERE text_id = $1 ORDER BY number", report)]


@transactional
async def _load(
    actor: Actor | None,
    branch_id: int,
    drafts: Sequence[tuple[int, QuestionDraft]],
    faults: Sequence[tuple[int, str]],
    dry_run: bool,
    partial: bool,
) -> dict[str, Any]:
    await lock_rows("branch", [branch_id], strength="FOR NO KEY UPDATE")
    sound, shown = await _judged(branch_id, drafts, faults)
    if shown and not partial and not dry_run:
        errors = [{"field": f"第 {fault['row']} 行", "message": fault["reason"]} for fault in shown]
        raise Invalid(f"有 {len(shown)} 处错误，未导入任何题目。", code="faulty_rows", errors=errors, extra={"faults": shown})
    if sound and not dry_run:
        await questions.insert(branch_id, sound)
        await audit.record(actor, "question:import", subject="branch", subject_id=branch_id, branch_id=branch_id)
    return {"added": len(sound), "faults": shown, "dry_run": dry_run}


def template() -> bytes:
    """An empty form for the question bank."""
    return documents.template(forms_questions.COLUMNS, forms_questions.CHOICES, forms_questions.EXAMPLES, forms_questions.TITLE)
