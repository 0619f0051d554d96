"""What a plan would become: it is made and taken back, so that a preview shows exactly what making it would do."""

from __future__ import annotations

from datetime import date
from typing import Any

from backend import plans
from backend.kernel.access import Actor
from backend.kernel.database import transactional


class _OnlyTried(Exception):
    """Ends the try: what was written is rolled back, and `plan` is what it would have been."""

    def __init__(self, plan: dict[str, Any]) -> None:
        super().__init__("preview")
        self.plan = plan


async def preview(actor: Actor, *, today: date, **fields: Any) -> dict[str, Any]:
    """The plan that `plans.create` would make of `fields`, with its days, as `plans.one` shows it. Raises what `plans.create` raises."""
    try:
        await _made(actor, today, fields)
    except _OnlyTried as tried:
        return tried.plan
    raise AssertionError("a preview is always taken back")


@transactional
async def _made(actor: Actor, today: date, fields: dict[str, Any]) -> None:
    plan_id = await plans.create(actor, today=today, **fields)
    raise _OnlyTried(await plans.one(actor, plan_id=plan_id, today=today))
