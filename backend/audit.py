"""Reading the audit log of the own branch: who did what to which object, and when. Ids and field names, never personal values."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

from backend.kernel import clock
from backend.kernel.access import Actor, require
from backend.kernel.database import as_instant, fetch

_COLUMNS = """
SELECT e.id, e.at, e.actor_id, m.name AS actor_name, e.action, e.subject, e.subject_id, e.fields_changed, e.request_id
"""
_ENTRIES = f"""
{_COLUMNS} FROM audit_entry e LEFT JOIN member m ON m.id = e.actor_id
WHERE e.branch_id = $1 AND e.id > $2 {{also}} ORDER BY e.id LIMIT {{limit}}
"""  # noqa: S608
# Whom an entry is about stands with the name that the roster has today; a blanked member has none.
_NEWEST = f"""
{_COLUMNS}, o.name AS subject_name FROM audit_entry e LEFT JOIN member m ON m.id = e.actor_id
LEFT JOIN member o ON e.subject = 'member' AND o.id = e.subject_id AND o.branch_id = e.branch_id
WHERE e.branch_id = $1 AND e.id < $2 AND e.at >= $3 AND e.at < $4 {{also}} ORDER BY e.id DESC LIMIT {{limit}}
"""  # noqa: S608
_SOURCES = {"person": "AND e.actor_id IS NOT NULL", "system": "AND e.actor_id IS NULL"}
_EARLIEST, _LATEST = date(2000, 1, 1), date(2200, 1, 1)
NO_END = 2**62


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
    return [_item(row) for row in rows]


async def newest(
    actor: Actor,
    *,
    action: str = "",
    subject: str = "",
    subject_id: int | None = None,
    actor_id: int | None = None,
    source: str = "",
    request_id: str = "",
    first: date | None = None,
    last: date | None = None,
    before: int = NO_END,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """At most `limit` entries of the branch with an id below `before`, newest first, as in `listing` with "subject_name"; one query.

    `action`: a `subject:verb`, or the word before the colon for all of its kind. `first` and `last`: Shanghai days, both inclusive.
    `source`: person (somebody who was signed in) or system (the command line, or WeChat).
    """
    require(actor, "audit.read")
    first, last = max(first or _EARLIEST, _EARLIEST), min(last or _LATEST, _LATEST)
    values: list[Any] = [actor.branch_id, before, clock.at(first), clock.at(last + timedelta(days=1))]
    also = _SOURCES.get(source, "")
    wanted = {"subject": subject, "subject_id": subject_id, "actor_id": actor_id, "request_id": request_id}
    for column, value in {("action" if ":" in action else "kind"): action, **wanted}.items():
        if value not in ("", None):
            values.append(value)
            also += f" AND e.action LIKE ${len(values)} || ':%'" if column == "kind" else f" AND e.{column} = ${len(values)}"
    rows = await fetch(_NEWEST.format(also=also, limit=int(limit)), *values)
    return [{**_item(row), "subject_name": row["subject_name"] or ""} for row in rows]


async def actors(actor: Actor) -> list[dict[str, Any]]:
    """[{"id", "name"}] of everybody who stands in the branch's log as having done something; one query."""
    require(actor, "audit.read")
    return await fetch(
        "SELECT id, name FROM member WHERE id IN (SELECT actor_id FROM audit_entry WHERE branch_id = $1) ORDER BY id", actor.branch_id
    )


def _item(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "at": clock.shanghai(as_instant(row["at"])).isoformat(timespec="seconds"),
        "actor": {"id": row["actor_id"], "name": row["actor_name"] or ""} if row["actor_id"] else None,
        "action": row["action"],
        "subject": row["subject"],
        "subject_id": row["subject_id"],
        "fields": _list(row["fields_changed"]),
        "request_id": row["request_id"],
    }


def _list(stored: Any) -> list[str]:
    # A JSON column of raw SQL is text on both dialects.
    return json.loads(stored) if isinstance(stored, str | bytes) else stored
