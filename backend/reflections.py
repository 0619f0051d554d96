"""A member's own reflections (心得体会) and how far their check has come."""

from __future__ import annotations

from typing import Any

from backend.kernel import clock
from backend.kernel.access import Actor
from models.reflections import Reflection


async def own(actor: Actor, *, after: int = 0, limit: int = 50) -> list[dict[str, Any]]:
    """[{"id", "task", "date", "text", "state", "written_at"}] with an id above `after`, at most limit + 1. State: pending until a person
    has looked at it, then approved or rejected; nobody else reads it before it is approved. One query."""
    rows = await Reflection.filter(member_id=actor.member_id, id__gt=after).order_by("id").limit(limit + 1)
    return [
        {
            "id": row.id,
            "task": row.task_id,
            "date": row.task_date,
            "text": row.body,
            "state": row.state,
            "written_at": clock.shanghai(row.written_at).isoformat(timespec="seconds"),
        }
        for row in rows
    ]
