"""Feedback (投诉建议): what a member complains of or suggests about the product, read and answered by the secretary of the branch."""

from __future__ import annotations

from typing import Any

from backend import answering
from backend.kernel.access import Actor, require
from backend.kernel.database import transactional
from models.feedback import Feedback


@transactional
async def send(actor: Actor, *, text: str) -> dict[str, Any]:
    """What was sent: see `answering`. Every member can, with or without consent. Raises Invalid for blank text."""
    return await answering.ask(Feedback, actor, text=text)


async def own(actor: Actor) -> list[dict[str, Any]]:
    """What the actor sent, with the answers, oldest first."""
    return await answering.own(Feedback, actor)


async def listing(actor: Actor, *, after: int, limit: int, state: str | None = None) -> list[dict[str, Any]]:
    """Those of the own branch with an id above `after`, at most limit + 1, `waiting` or `answered` where asked for; one query."""
    require(actor, "feedback.read")
    return await answering.listing(Feedback, actor, state=state, after=after, limit=limit)


async def answer(actor: Actor, *, feedback_id: int, answer: str) -> dict[str, Any]:
    """Answers once, audited. Raises NotFound, Invalid, Conflict `answered`."""
    return await answering.answer(Feedback, actor, asked_id=feedback_id, answer=answer, capability="feedback.answer")
