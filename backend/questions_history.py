"""What a question said before each change, and who changed, withdrew or restored it when."""

from __future__ import annotations

from typing import Any

from backend.kernel import clock
from backend.kernel.access import Actor, require
from backend.kernel.database import as_instant, fetch
from models.questions import QuestionEdition

_ENTRIES = """
SELECT e.id, e.at, e.action, m.name FROM audit_entry e LEFT JOIN member m ON m.id = e.actor_id
WHERE e.branch_id = $1 AND e.subject = 'question' AND e.subject_id = $2 ORDER BY e.id DESC LIMIT 100
"""


async def keep(actor: Actor, *, question_id: int, content: dict[str, Any]) -> None:
    """Keeps what the question says before it is changed. Inside the caller's transaction."""
    await QuestionEdition.create(question_id=question_id, replaced_at=clock.now(), replaced_by_id=actor.member_id, content=content)


async def of(actor: Actor, *, question_id: int) -> dict[str, list[dict[str, Any]]]:
    """{"done": [{"at", "action", "by"}], "editions": [{"until", "by", **content}]}, newest first, of what the own branch did. Two queries.

    `content` of an edition: kind, stem, options, answer, explanation, source_section, locator, aspects, as they were until then.
    """
    require(actor, "content.read")
    entries = await fetch(_ENTRIES, actor.branch_id, question_id)
    kept = await QuestionEdition.filter(question_id=question_id, question__branch_id=actor.branch_id).order_by("-id").limit(50)
    by = {row["id"]: row["name"] for row in await fetch(_NAMES, question_id)} if kept else {}
    return {
        "done": [{"at": clock.shanghai(as_instant(row["at"])), "action": row["action"], "by": row["name"] or ""} for row in entries],
        "editions": [{"until": clock.shanghai(one.replaced_at), "by": by.get(one.id, ""), **one.content} for one in kept],
    }


_NAMES = """
SELECT e.id, m.name FROM question_edition e JOIN member m ON m.id = e.replaced_by_id WHERE e.question_id = $1
"""
