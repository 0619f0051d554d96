"""Corrections (更正申请): what a member finds wrong in the own record, answered by the secretary within 15 days.

The answer says what was done. The change itself is made where it belongs (roster, leave, 代录), and is audited there.
"""

from __future__ import annotations

from typing import Any

from backend import answering
from backend.kernel.access import Actor, require
from backend.kernel.database import transactional
from models.corrections import Correction, CorrectionSubject

__all__ = ["CorrectionSubject", "answer", "ask", "listing", "own"]


@transactional
async def ask(actor: Actor, *, subject: CorrectionSubject, text: str) -> dict[str, Any]:
    """What was asked for: see `answering`. Every member can, with or without consent. Raises Invalid for blank text."""
    return await answering.ask(Correction, actor, text=text, subject=subject)


async def own(actor: Actor) -> list[dict[str, Any]]:
    """What the actor asked for, with the answers, oldest first."""
    return await answering.own(Correction, actor)


async def listing(actor: Actor, *, after: int, limit: int, state: str | None = None) -> list[dict[str, Any]]:
    """Those of the own branch with an id above `after`, at most limit + 1, `waiting` or `answered` where asked for; one query."""
    require(actor, "corrections.answer")
    return await answering.listing(Correction, actor, state=state, after=after, limit=limit)


async def answer(actor: Actor, *, correction_id: int, answer: str, done: bool) -> dict[str, Any]:
    """Answers once, audited; `done`: whether the record was corrected. Raises NotFound, Invalid, Conflict `answered`."""
    return await answering.answer(
        Correction, actor, asked_id=correction_id, answer=answer, capability="corrections.answer", done=done
    )  # fmt: skip
