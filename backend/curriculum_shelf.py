"""The nine aspects as the office sees them: what each holds for this branch."""

from __future__ import annotations

from collections import Counter
from typing import Any

from backend import questions, texts
from backend.kernel.access import Actor, require
from models.texts import Aspect


async def aspects(actor: Actor) -> list[dict[str, Any]]:
    """The aspects in order: {"id", "title", "short", "guidance", "prompt"}. One query."""
    require(actor, "content.read")
    return await Aspect.all().order_by("id").values("id", "title", "short", "guidance", "prompt")


async def overview(actor: Actor) -> list[dict[str, Any]]:
    """`aspects`, each with "passages" and "questions" (how many there are to read and to ask) and "units" [{"text", "key", "title"}].

    The number of queries hangs neither on passages nor on questions.
    """
    passages = Counter(aspect for passage in await texts.reading_list(actor.branch_id) for aspect in passage["aspects"])
    asked = {aspect: len(some) for aspect, some in (await questions.open_questions(actor.branch_id)).items()}
    units: dict[int, list[dict[str, Any]]] = {}
    for text in await texts.listing(actor):
        for section in text["sections"]:
            for aspect in section["aspects"]:
                units.setdefault(aspect, []).append(
                    {"text": text["title"], "text_key": text["key"], "key": section["key"], "title": section["title"]}
                )
    return [
        {**one, "passages": passages[one["id"]], "questions": asked.get(one["id"], 0), "units": units.get(one["id"], [])}
        for one in await aspects(actor)
    ]
