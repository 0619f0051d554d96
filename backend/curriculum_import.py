"""Importing an official text: found sections and paragraphs take the place of what was there.

Unchanged passages keep their ids and all reading marks; questions find their places again; future tasks get the new passages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from backend import questions_places, texts
from backend.kernel import audit, clock, documents
from backend.kernel.access import Actor
from backend.kernel.database import fetch, int_list, transactional
from backend.kernel.errors import Invalid, NotFound
from backend.rules import textsplit
from backend.rules.textsplit import Split
from models.branches import Branch
from models.tasks import TaskPassage
from models.texts import Passage, PassageAspect, Section, Text


@dataclass(frozen=True, slots=True)
class Source:
    """The file an import reads; `key` names the text it holds."""

    key: str
    filename: str
    content: bytes


async def import_text(
    actor: Actor | None, *, branch_id: int | None, source: Source, today: date, dry_run: bool = False, partial: bool = False
) -> dict[str, Any]:
    """Imports a .txt, .docx or saved web page as the branch's own text (branch None: the shipped one, by the command alone).

    Returns what was found: {"title", "sections", "ignored", "warnings", "passages": {"kept", "corrected", "new", "retired"}, "unresolved",
    "dry_run"}. Raises NotFound for an unknown text, Invalid `unreadable_file`, `no_sections`, or `missing_sections` unless `partial`.
    """
    seen = await _seen(branch_id, source.key)
    sections = await Section.filter(text_id=seen.id).order_by("number")
    headings = [section.title for section in sections if section.number > 0]
    lines = await asyncio.to_thread(documents.paragraphs, source.filename, source.content, headings=headings)
    found = await asyncio.to_thread(textsplit.split, lines, headings=headings, preface=_preface(sections))
    if not found.sections:
        raise Invalid("文件中没有找到任何已知的标题，请检查是否为所选文本的全文。", code="no_sections")
    missing = [section.title for section in sections if section.number not in {s.number for s in found.sections if s.passages}]
    if missing and not partial and not dry_run:
        errors = [{"field": "file", "message": f"没有找到：{title}"} for title in missing]
        raise Invalid(f"缺少 {len(missing)} 个部分，未导入。", code="missing_sections", errors=errors)
    if dry_run:
        changes = await _write_nothing(branch_id, seen, sections, found)
    else:
        changes = await _write(actor, branch_id, seen, found, today)
    return {**_report(found, sections), **changes, "dry_run": dry_run}


async def _seen(branch_id: int | None, key: str) -> Text:
    """The text of this key as the branch sees it now. Raises NotFound."""
    if branch_id is None:
        seen = await Text.get_or_none(key=key, branch_id=None)
    else:
        seen = await Text.get_or_none(id=(await texts.visible_texts(branch_id)).get(key, 0))
    if seen is None:
        raise NotFound("没有这个学习文本，请先载入内容包。")
    return seen


def _preface(sections: Sequence[Section]) -> str:
    return next((section.title for section in sections if section.number == 0), "序言")


def _report(found: Split, sections: Sequence[Section]) -> dict[str, Any]:
    keys = {section.number: section.key for section in sections}
    return {
        "title": found.title,
        "sections": [
            {
                "key": keys.get(s.number, ""),
                "number": s.number,
                "title": s.title,
                "passages": len(s.passages),
                "characters": sum(map(len, s.passages)),
                "first": (s.passages or [""])[0][:30],
            }
            for s in found.sections
        ],
        "ignored": len(found.ignored),
        "warnings": found.warnings,
    }


async def _write_nothing(branch_id: int | None, seen: Text, sections: Sequence[Section], found: Split) -> dict[str, Any]:
    """What an import would change, for the dry run. A branch's first own copy has nothing to keep."""
    counts = {"kept": 0, "corrected": 0, "new": 0, "retired": 0}
    own = seen.branch_id == branch_id
    for section in sections if own else []:
        if new := next((s.passages for s in found.sections if s.number == section.number), None):
            old = await _old(section.id)
            _count(counts, old, new, textsplit.match_passages([(p.id, p.body) for p in old], new))
    if not own:
        counts["new"] = sum(len(s.passages) for s in found.sections)
    bodies = {f"s{s.number}": s.passages for s in found.sections}
    return {"passages": counts, "unresolved": await questions_places.lost_in(seen.key, bodies)}


def _count(counts: dict[str, int], old: Sequence[Passage], new: Sequence[str], ids: Sequence[int | None]) -> None:
    body = {passage.id: passage.body for passage in old}
    for text, passage_id in zip(new, ids, strict=True):
        counts["new" if passage_id is None else "kept" if body[passage_id] == text else "corrected"] += 1
    counts["retired"] += len(set(body) - set(ids))


async def _old(section_id: int) -> list[Passage]:
    return await Passage.filter(section_id=section_id, retired_at=None).order_by("number", "id")


@transactional
async def _write(actor: Actor | None, branch_id: int | None, seen: Text, found: Split, today: date) -> dict[str, Any]:
    text = await _target(branch_id, seen)
    counts = {"kept": 0, "corrected": 0, "new": 0, "retired": 0}
    sections = {section.number: section for section in await Section.filter(text_id=text.id)}
    for part in found.sections:
        if part.passages and part.number in sections:
            await _replace(sections[part.number], part.passages, counts)
    await Text.filter(id=text.id).update(imported_at=clock.now())
    unresolved = await questions_places.resolve([text.id])
    await tasks_after_import(text.id, today=today)
    await audit.record(actor, "text:import", subject="text", subject_id=text.id, branch_id=branch_id)
    return {"passages": counts, "unresolved": unresolved}


async def _target(branch_id: int | None, seen: Text) -> Text:
    """The text to write: the branch's own, made as a copy of the sections it has seen so far when there is none yet."""
    if seen.branch_id == branch_id:
        return seen
    own = await Text.create(branch_id=branch_id, key=seen.key, title=seen.title, source_url=seen.source_url)
    for section in await Section.filter(text_id=seen.id):
        await Section.create(
            text_id=own.id, key=section.key, number=section.number, title=section.title, guidance=section.guidance, aspects=section.aspects
        )
    return own


async def _replace(section: Section, new: Sequence[str], counts: dict[str, int]) -> None:
    """The section's passages become `new`; what is gone is retired, never deleted, for the tasks of the past."""
    old = await _old(section.id)
    ids = textsplit.match_passages([(passage.id, passage.body) for passage in old], new)
    _count(counts, old, new, ids)
    gone = [passage.id for passage in old if passage.id not in ids]
    await Passage.filter(id__in=gone or [0]).update(retired_at=clock.now())
    for number, (body, passage_id) in enumerate(zip(new, ids, strict=True), start=1):
        if passage_id is not None:
            await Passage.filter(id=passage_id).update(body=body, number=number)
            continue
        passage = await Passage.create(section_id=section.id, number=number, body=body)
        await PassageAspect.bulk_create([PassageAspect(passage_id=passage.id, aspect_id=aspect) for aspect in section.aspects])


# Passages of future tasks that this text has replaced: retired ones of its own, and those of another text of the same key.
_STALE = """
SELECT tp.task_id, tp.passage_id, s.key, t.branch_id FROM task_passage tp JOIN daily_task t ON t.id = tp.task_id
JOIN branch b ON b.id = t.branch_id JOIN passage p ON p.id = tp.passage_id
JOIN section s ON s.id = p.section_id JOIN text x ON x.id = s.text_id
WHERE t.date > $1 AND b.path LIKE $2 AND x.key = $3 AND (p.retired_at IS NOT NULL OR x.id <> $4) ORDER BY t.date, t.id, tp.position
"""


async def tasks_after_import(text_id: int, *, today: date) -> None:
    """Future tasks of the branches that see this text get its passages in the place of replaced ones; today's and past tasks stay."""
    text = await Text.get(id=text_id)
    path = (await Branch.get(id=text.branch_id)).path if text.branch_id else "/"
    stale = await fetch(_STALE, today, f"{path}%", text.key, text_id)
    sees = {branch: (await texts.visible_texts(branch)).get(text.key) == text_id for branch in {row["branch_id"] for row in stale}}
    current: dict[str, list[int]] = {}
    for row in await fetch(
        "SELECT p.id, s.key FROM passage p JOIN section s ON s.id = p.section_id WHERE s.text_id = $1 AND p.retired_at IS NULL "
        "ORDER BY s.number, p.number, p.id",
        text_id,
    ):
        current.setdefault(row["key"], []).append(row["id"])
    waiting: dict[tuple[int, str], list[int]] = {}
    for row in stale:
        if sees[row["branch_id"]] and current.get(row["key"]):
            tasks = waiting.setdefault((row["branch_id"], row["key"]), [])
            tasks += [row["task_id"]] if row["task_id"] not in tasks else []
    for (_, key), task_ids in waiting.items():
        gone = [row["passage_id"] for row in stale if row["key"] == key]
        await _hand_over(task_ids, gone, current[key])


async def _hand_over(task_ids: Sequence[int], gone: Sequence[int], passages: Sequence[int]) -> None:
    """Spreads `passages` over the tasks in order: in runs when there are more of them, again and again when there are fewer."""
    await fetch(f"DELETE FROM task_passage WHERE task_id IN ({int_list(task_ids)}) AND passage_id IN ({int_list(gone)})")  # noqa: S608
    kept = {(row["task_id"], row["passage_id"]) for row in await fetch(
        f"SELECT task_id, passage_id FROM task_passage WHERE task_id IN ({int_list(task_ids)})"  # noqa: S608
    )}  # fmt: skip
    share, count = max(len(passages), len(task_ids)), len(task_ids)
    rows = []
    for index, task_id in enumerate(task_ids):
        if len(passages) >= count:
            run = passages[index * share // count : (index + 1) * share // count]
        else:
            run = [passages[index % len(passages)]]
        rows += [TaskPassage(task_id=task_id, passage_id=p, position=100 + n) for n, p in enumerate(run) if (task_id, p) not in kept]
    await TaskPassage.bulk_create(rows, batch_size=500)
