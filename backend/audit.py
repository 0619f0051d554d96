"""Reading the audit log of the own branch: who did what to which object, and when. Ids and field names, never personal values."""

from __future__ import annotations

import json
from typing import Any

from backend.kernel import clock
from backend.kernel.access import Actor, require
from backend.kernel.database import as_instant, fetch

_ENTRIES = """
SELECT e.id, e.at, e.actor_id, m.name AS actor_name, e.action, e.subject, e.subject_id, e.fields_changed, e.request_id
FROM audit_entry e LEFT JOIN member m ON m.id = e.actor_id
WHERE e.branch_id = $1 AND e.id > $2 {also} ORDER BY e.id LIMIT {limit}
"""


async def listing(
    actor: Actor,
    *,
    subject: str | None = None,
    subject_id: int | None = None,
    action: str | None = None,
    actor_id: int | None = None,
    after: int = 0,
    limit: int = 200,
) -> list[dict[str, Any]]:
    """At most `limit` entries of the branch, newest last: see `AuditItem` of the API. `actor` is null for the command line and WeChat.

    `subject` is a word such as member, `action` a `subject:verb` such as member:unbind.
    """
    require(actor, "audit.read")
    wanted = {"subject": subject, "subject_id": subject_id, "action": action, "actor_id": actor_id}
    given = {column: value for column, value in wanted.items() if value is not None}
    also = " ".join(f"AND e.{column} = ${number}" for number, column in enumerate(given, start=3))
    rows = await fetch(_ENTRIES.format(also=also, limit=int(limit)), actor.branch_id, after, *given.values())
    return [
        {
            "id": row["id"],
            "at": clock.shanghai(as_instant(row["at"])).isoformat(timespec="seconds"),
            "actor": {"id": row["actor_id"], "name": row["actor_name"] or ""} if row["actor_id"] else None,
            "action": row["action"],
            "subject": row["subject"],
            "subject_id": row["subject_id"],
            "fields": _list(row["fields_changed"]),
            "request_id": row["request_id"],
        }
        for row in rows
    ]


def _list(stored: Any) -> list[str]:
    # A JSON column of raw SQL is text on both dialects.
    return json.loads(stored) if isinstance(stored, str | bytes) else stored
