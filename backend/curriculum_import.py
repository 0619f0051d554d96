"""Importing an official text: the sections and paragraphs found take the place of what was there.

Unchanged passages keep their ids and all reading marks; questions find their places again; future tasks get the new passages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from backend import branches, curriculum, curriculum_tasks, questions_places, texts
from backend.kernel import audit, clock, documents
from backend.kernel.access import Actor
from backend.kernel.database import lock_rows, transactional
from backend.kernel.errors import Invalid, NotFound
from backend.rules import textsplit, textsplit_forms
from backend.rules.passages import match_passages
from backend.rules.textsplit import Split
from models.texts import Form, Passage, PassageAspect, Section, Text

# The ids that new passages keep, by (old passages as (id, body), new passages).
Matches = Mapping[tuple[tuple[tuple[int, str | None], ...], tuple[str, ...]], list[int | None]]


@dataclass(frozen=True, slots=True)
class Source:
    """The file an import reads; `key` names the text it holds."""

    key: str
    filename: str
    content: bytes


class _OnlyTried(Exception):
    """Ends a dry run: what was written is rolled back, and `changes` is what it would have been."""

    def __init__(self, changes: dict[str, Any]) -> None:
        super().__init__("dry run")
        self.changes = changes


async def import_text(
    actor: Actor | None, *, branch_id: int | None, source: Source, today: date, dry_run: bool = False, partial: bool = False
) -> dict[str, Any]:
    """Imports a .txt, .docx or saved web page as the branch's own text (branch None: the shipped one, by the command alone).

    Returns what was found: {"title", "sections", "ignored", "warnings", "passages": {"kept", "corrected", "new", "retired"}, "unresolved",
    "dry_run"}. Raises NotFound for an unknown text, Invalid `unreadable_file`, `no_sections`, or `missing_sections` unless `partial`.
    """
    seen = await _seen(branch_id, source.key)
    sections = await Section.filter(text_id=seen.id).order_by("number")
    found = await asyncio.to_thread(_split, source, seen, sections)
    if not found.sections:
        raise Invalid("文件中没有找到任何已知的标题，请检查是否为所选文本的全文。", code="no_sections")
    missing = [section.title for section in sections if section.number not in {s.number for s in found.sections if s.passages}]
    if missing and not partial and not dry_run:
        errors = [{"field": "file", "message": f"没有找到：{title}"} for title in missing]
        raise Invalid(f"缺少 {len(missing)} 个部分，未导入。", code="missing_sections", errors=errors)
    matches = await _matches(seen, branch_id, found)
    try:
        changes = await _write(actor, branch_id, seen, found, matches, today, dry_run)
    except _OnlyTried as tried:
        changes = tried.changes
    return {**_report(found, sections), **changes, "dry_run": dry_run}


async def _seen(branch_id: int | None, key: str) -> Text:
    """The text of this key as the branch sees it now. Raises NotFound."""
    if branch_id is None:
        seen = await Text.get_or_none(key=key, branch_id=None)
    else:
        await branches.ensure(branch_id)
        seen = await Text.get_or_none(id=(await texts.visible_texts(branch_id)).get(key, 0))
    if seen is None:
        raise NotFound("没有这个学习文本，请先载入内容包。")
    return seen


def _split(source: Source, text: Text, sections: Sequence[Section]) -> Split:
    titles = {section.number: section.title for section in sections}
    return split_file(source.filename, source.content, form=text.form, title=text.title, titles=titles)


def split_file(filename: str, content: bytes, *, form: str, title: str, titles: Mapping[int, str]) -> Split:
    """The sections of an official text in a file, as an import finds them; `titles` of its units by number, in order."""
    if form == Form.CHAPTERS:
        lines = documents.paragraphs(filename, content, headings=textsplit_forms.chapter_headings(list(titles.values())))
        return textsplit_forms.split_chapters(lines, titles=list(titles.values()))
    if form == Form.WHOLE:
        [unit] = titles.values()
        return textsplit_forms.split_whole(documents.paragraphs(filename, content, headings=[title]), title=title, unit=unit)
    headings = [heading for number, heading in titles.items() if number]
    lines = documents.paragraphs(filename, content, headings=headings)
    return textsplit.split(lines, headings=headings, preface=titles.get(0, "序言"))


async def _matches(seen: Text, branch_id: int | None, found: Split) -> Matches:
    """The passages recognised again, section by section. Comparing long texts takes its time, so it is done before the transaction."""
    wanted = {part.number: part.passages for part in found.sections}
    own = await Section.filter(text_id=seen.id, number__in=list(wanted)) if seen.branch_id == branch_id else []
    pairs = [(_identity(await _living(section.id)), tuple(wanted[section.number])) for section in own]
    ids = await asyncio.to_thread(lambda: [match_passages(old, new) for old, new in pairs])
    return dict(zip(pairs, ids, strict=True))


async def _living(section_id: int) -> list[Passage]:
    return await Passage.filter(section_id=section_id, retired_at=None).order_by("number", "id")


def _identity(passages: Sequence[Passage]) -> tuple[tuple[int, str | None], ...]:
    return tuple((passage.id, passage.body) for passage in passages)


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


@transactional
async def _write(
    actor: Actor | None, branch_id: int | None, seen: Text, found: Split, matches: Matches, today: date, dry_run: bool
) -> dict[str, Any]:
    """{"passages", "unresolved"}. A dry run does all of it and takes it back, so that it shows exactly what an import would do."""
    await lock_rows("text", [seen.id])
    text = await _target(branch_id, seen)
    counts = {"kept": 0, "corrected": 0, "new": 0, "retired": 0}
    parts = {part.number: part.passages for part in found.sections if part.passages}
    for section in await Section.filter(text_id=text.id).order_by("number"):
        if section.number in parts:
            await _replace(section, parts[section.number], counts, matches)
        await curriculum.keep_readable(section)
    await Text.filter(id=text.id).update(imported_at=clock.now())
    unresolved = await questions_places.resolve(text.id)
    await curriculum_tasks.tasks_after_import(text.id, today=today)
    await audit.record(actor, "text:import", subject="text", subject_id=text.id, branch_id=branch_id)
    changes = {"passages": counts, "unresolved": unresolved}
    if dry_run:
        raise _OnlyTried(changes)
    return changes


async def _target(branch_id: int | None, seen: Text) -> Text:
    """The text to write: the branch's own, made as a copy of the sections it has seen so far when there is none yet."""
    if own := await Text.get_or_none(branch_id=branch_id, key=seen.key):
        return own
    own = await Text.create(branch_id=branch_id, **{name: getattr(seen, name) for name in ("key", "title", "source_url", "form")})
    for section in await Section.filter(text_id=seen.id):
        copied = {name: getattr(section, name) for name in ("key", "number", "title", "guidance", "source_url", "aspects")}
        await Section.create(text_id=own.id, **copied)
    return own


async def _replace(section: Section, new: Sequence[str], counts: dict[str, int], matches: Matches) -> None:
    """The section's passages become `new`; what is gone is retired, never deleted, for the tasks of the past."""
    old = await _living(section.id)
    ids = matches.get((_identity(old), tuple(new)))
    if ids is None:
        ids = match_passages(_identity(old), new)
    body = {passage.id: passage.body for passage in old}
    gone = set(body) - set(ids)
    await Passage.filter(id__in=list(gone) or [0]).update(retired_at=clock.now())
    counts["retired"] += len(gone)
    for number, (text, passage_id) in enumerate(zip(new, ids, strict=True), start=1):
        if passage_id is None:
            passage = await Passage.create(section_id=section.id, number=number, body=text)
            await PassageAspect.bulk_create([PassageAspect(passage_id=passage.id, aspect_id=aspect) for aspect in section.aspects])
            counts["new"] += 1
            continue
        await Passage.filter(id=passage_id).update(body=text, number=number)
        counts["kept" if body[passage_id] == text else "corrected"] += 1
