"""Consent to the privacy notice: the current version, and what a member gave or withdrew (个人信息保护法 13–17, 29)."""

from __future__ import annotations

from typing import Any

from backend.kernel import clock
from backend.kernel.access import Actor, require
from backend.kernel.database import as_instant, fetch, lock_rows, transactional
from backend.kernel.errors import Invalid
from models.consents import Consent

# The version of the notice that the product shows. A change of the notice is a new version, and asks everybody again.
CURRENT = "2026-11"


async def given(actor: Actor) -> dict[str, Any]:
    """{"current", "given": [{"version", "at"}]}: the version in force, and the consents that the member gave and did not withdraw."""
    rows = await Consent.filter(member_id=actor.member_id, withdrawn_at=None).order_by("id")
    return {"current": CURRENT, "given": [_shown(row) for row in rows]}


@transactional
async def give(actor: Actor, *, version: str) -> tuple[dict[str, Any], bool]:
    """{"version", "at"} of the member's consent, and whether it is new: given twice, the first one stands.

    Raises Invalid `consent_outdated` for any version but the current one, which alone the member can have been shown.
    """
    if version != CURRENT:
        raise Invalid(
            "个人信息保护说明已更新，请阅读后重新同意。",
            code="consent_outdated",
            errors=[{"field": "version", "message": f"现行版本为 {CURRENT}"}],
        )
    await lock_rows("member", [actor.member_id], strength="FOR NO KEY UPDATE")
    consent = await Consent.get_or_none(member_id=actor.member_id, version=version, withdrawn_at=None)
    if consent is not None:
        return _shown(consent), False
    return _shown(await Consent.create(member_id=actor.member_id, version=version, given_at=clock.now())), True


def _shown(consent: Consent) -> dict[str, Any]:
    return {"version": consent.version, "at": clock.shanghai(consent.given_at).isoformat(timespec="seconds")}


_VERSIONS = """
SELECT c.version, MIN(c.given_at) AS since, COUNT(DISTINCT CASE WHEN c.withdrawn_at IS NULL THEN c.member_id END) AS given
FROM consent c JOIN member m ON m.id = c.member_id
WHERE m.branch_id = $1 AND m.blanked_at IS NULL AND (m.left_on IS NULL OR m.left_on > $2)
GROUP BY c.version ORDER BY c.version DESC
"""


async def versions(actor: Actor) -> list[dict[str, Any]]:
    """[{"version", "is_current", "since", "given"}], newest first: the day on which the version was first agreed to in the branch (None:
    not yet), and how many of today's members stand by it. Who does not is not told. One query."""
    require(actor, "roster.read")
    rows = await fetch(_VERSIONS, actor.branch_id, clock.today())
    found = [
        {**row, "is_current": row["version"] == CURRENT, "since": clock.shanghai(as_instant(row["since"])).date()} for row in rows
    ]  # fmt: skip
    if not any(row["is_current"] for row in found):
        found.insert(0, {"version": CURRENT, "is_current": True, "since": None, "given": 0})
    return found
