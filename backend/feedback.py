"""Feedback (投诉建议): what a member complains of or suggests about the product, for the secretary of the branch."""

from __future__ import annotations

from typing import Any

from backend.kernel import clock
from backend.kernel.access import Actor, require
from backend.kernel.database import as_instant, fetch, transactional
from backend.kernel.errors import Invalid
from models.feedback import Feedback


@transactional
async def send(actor: Actor, *, text: str) -> dict[str, Any]:
    """{"id", "created_at"} of what was sent. Every member can, with or without consent. Raises Invalid for blank text."""
    text = text.strip()
    if not text:
        raise Invalid(errors=[{"field": "text", "message": "请填写内容"}])
    sent = await Feedback.create(member_id=actor.member_id, text=text, created_at=clock.now())
    return {"id": sent.id, "created_at": _shown(sent.created_at)}


async def listing(actor: Actor, *, after: int, limit: int) -> list[dict[str, Any]]:
    """[{"id", "member": {"id", "name"}, "text", "created_at"}] of the own branch with an id above `after`, at most limit + 1; one query."""
    require(actor, "feedback.read")
    rows = await fetch(
        "SELECT f.id, f.text, f.created_at, m.id AS member_id, m.name FROM feedback f JOIN member m ON m.id = f.member_id "
        "WHERE m.branch_id = $1 AND f.id > $2 ORDER BY f.id LIMIT $3",
        actor.branch_id, after, limit + 1,
    )  # fmt: skip
    return [
        {
            "id": row["id"],
            "member": {"id": row["member_id"], "name": row["name"]},
            "text": row["text"],
            "created_at": _shown(row["created_at"]),
        }
        for row in rows
    ]


def _shown(instant: Any) -> str:
    return clock.shanghai(as_instant(instant)).isoformat(timespec="seconds")
