"""The roster as a workbook in the columns of its own form, so that it can be loaded again."""

from __future__ import annotations

import asyncio

from backend import members_listing
from backend.kernel import audit
from backend.kernel.access import Actor, require
from backend.kernel.database import transactional
from backend.kernel.documents import Column, Sheet, write_book
from backend.rules import forms_roster

_STATUS = {code: word for word, code in forms_roster.STATUSES.items()}
_TIER = {code: word for word, code in forms_roster.TIERS.items()}
_WIDTHS = (12, 16, 28, 14, 12, 18, 14, 30)
MOST = 20_000


async def workbook(actor: Actor) -> bytes:
    """An .xlsx file of all members who have not left. That the whole roster was taken out is audited."""
    require(actor, "roster.write")
    rows = await _rows(actor)
    columns = [Column(title, width, "text") for title, width in zip(forms_roster.COLUMNS, _WIDTHS, strict=True)]
    return await asyncio.to_thread(write_book, [Sheet(forms_roster.TITLE, columns, rows)])


@transactional
async def _rows(actor: Actor) -> list[list[str]]:
    found = await members_listing.listing(actor, limit=MOST)
    await audit.record(actor, "roster:export", subject="branch", subject_id=actor.branch_id, fields=[f"members={len(found)}"])
    return [
        [
            item["name"],
            item["phone"] or "",
            item["unit"]["name"] if item["unit"] else "",
            _STATUS[item["status"]],
            _TIER[item["tier"]],
            item["post"],
            item["party_joined_on"].isoformat() if item["party_joined_on"] else "",
            item["note"],
        ]
        for item in found
    ]
