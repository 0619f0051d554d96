"""Loading a content pack: aspects, texts with their units, and questions, checked against the pack's own schema first. Repeatable."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backend import curriculum_questions, curriculum_syllabus, questions_places
from backend.kernel import audit
from backend.kernel.database import transactional
from backend.kernel.errors import Invalid
from models.texts import Aspect, Passage, PassageAspect, Section, Text

# The content that comes with the product; it is part of the installed package too.
PACK = Path(__file__).parent.parent / "curriculum"


@dataclass(slots=True)
class Pack:
    """A pack as written: its texts, aspects (with their questions) and syllabuses."""

    texts: list[dict[str, Any]] = field(default_factory=list)
    aspects: list[dict[str, Any]] = field(default_factory=list)
    syllabuses: list[dict[str, Any]] = field(default_factory=list)


def read(folder: Path) -> Pack:
    """The pack. Raises Invalid naming the file and the place of each fault."""
    schema, pack = json.loads(_text(folder / "schema.json")), _yaml(folder / "pack.yaml")
    _check(schema, "pack", pack, "pack.yaml")
    found = Pack()
    for name in pack["files"]:
        content = _yaml(folder / name)
        kind = "texts" if "texts" in content else "syllabus" if "days" in content else "aspect"
        _check(schema, kind, content, name)
        found.texts += content["texts"] if kind == "texts" else []
        found.aspects += [content] if kind == "aspect" else []
        found.syllabuses += [content] if kind == "syllabus" else []
    _check_references(found)
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise Invalid(f"无法读取 {path.name}。", code="unreadable_file") from None


def _yaml(path: Path) -> dict[str, Any]:
    # Imported here, as the schema's checker below: the service itself loads no pack.
    import yaml

    try:
        # The C loader where there is one: the same, many times faster.
        content = yaml.load(_text(path), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise Invalid(f"{path.name} 不是有效的 YAML：{error}", code="invalid_pack") from None
    return content if isinstance(content, dict) else {}


def _check(schema: dict[str, Any], kind: str, content: dict[str, Any], name: str) -> None:
    from jsonschema import Draft202012Validator

    faults = list(Draft202012Validator({**schema, "$ref": f"#/$defs/{kind}"}).iter_errors(content))
    if faults:
        errors = [{"field": f"{name}:{'/'.join(map(str, f.absolute_path))}", "message": f.message[:200]} for f in faults[:20]]
        raise Invalid(f"{name} 不符合内容包格式。", code="invalid_pack", errors=errors)


def _check_references(pack: Pack) -> None:
    units = {(text["key"], unit["key"]) for text in pack.texts for unit in text["units"]}
    keys: set[str] = set()
    errors = []
    for aspect in pack.aspects:
        for question in aspect["questions"]:
            if (question["source"]["text"], question["source"]["unit"]) not in units:
                errors.append({"field": question["key"], "message": "出处所指的单元不存在"})
            if question["key"] in keys:
                errors.append({"field": question["key"], "message": "题目编号重复"})
            keys.add(question["key"])
    for syllabus in pack.syllabuses:
        errors += curriculum_syllabus.faults(syllabus, units=units, questions=keys)
    if errors:
        raise Invalid("内容包中有题目的出处或编号有误，或者学习大纲所指的内容不存在。", code="invalid_pack", errors=errors)


async def load(folder: Path) -> dict[str, int]:
    """Loads the pack as shipped content: counts of {"aspects", "units", "questions", "new", "changed"}. Loading it again changes nothing.

    Raises Invalid `invalid_pack` or `unreadable_file`; nothing is loaded then.
    """
    return await _load(read(folder))


@transactional
async def _load(pack: Pack) -> dict[str, int]:
    for aspect in pack.aspects:
        columns = {name: aspect.get(name, "") for name in ("title", "short", "guidance", "prompt")}
        await Aspect.update_or_create(defaults=columns, id=aspect["id"])
    for text in pack.texts:
        await _load_text(text)
    for syllabus in pack.syllabuses:
        await curriculum_syllabus.load(syllabus)
    questions = [question for aspect in pack.aspects for question in aspect["questions"]]
    new, changed = await curriculum_questions.load(questions)
    if new or changed:
        await questions_places.resolve_questions([*new, *changed], branch_id=None)
        await audit.record(None, "curriculum:load", subject="curriculum")
    units = sum(len(text["units"]) for text in pack.texts)
    return {"aspects": len(pack.aspects), "units": units, "questions": len(questions), "new": len(new), "changed": len(changed)}


async def _load_text(text: dict[str, Any]) -> None:
    """The shipped text with its units. A unit that serves other aspects than before gives them to its passages."""
    columns = {name: text[name] for name in ("title", "source_url", "form")}
    row, _ = await Text.update_or_create(defaults=columns, key=text["key"], branch_id=None)
    before = {section.key: section.aspects for section in await Section.filter(text_id=row.id)}
    for unit in text["units"]:
        section, _ = await Section.update_or_create(
            defaults={name: unit.get(name, "") for name in ("number", "title", "guidance", "source_url", "aspects")},
            text_id=row.id,
            key=unit["key"],
        )
        await keep_readable(section)
        if before.get(section.key, section.aspects) != section.aspects:
            passages = await Passage.filter(section_id=section.id, retired_at=None)
            await PassageAspect.filter(passage_id__in=[passage.id for passage in passages]).delete()
            await _give_aspects([passage.id for passage in passages], section.aspects)


async def keep_readable(section: Section) -> None:
    """A section without passages gets one whose body is null: a task is complete without the official text."""
    if not await Passage.exists(section_id=section.id, retired_at=None):
        passage = await Passage.create(section_id=section.id, number=1)
        await _give_aspects([passage.id], section.aspects)


async def _give_aspects(passage_ids: list[int], aspects: list[int]) -> None:
    await PassageAspect.bulk_create([PassageAspect(passage_id=p, aspect_id=a) for p in passage_ids for a in aspects])
