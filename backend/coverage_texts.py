"""The text map (原原本本、逐字逐句): each passage of a text, and how many of today's members have read it."""

from __future__ import annotations

from datetime import date
from typing import Any

from backend import texts
from backend.coverage import NO_PERSON
from backend.coverage_scope import Scope, scope_of
from backend.kernel.access import Actor
from backend.kernel.database import fetch
from backend.kernel.errors import Forbidden, NotFound

_MEMBERS = """
SELECT m.id, m.name, u.name AS unit, u.position, u.id AS unit_id FROM member m
JOIN standing st ON st.member_id = m.id AND st.starts_on <= $1 AND (st.until IS NULL OR st.until > $1) LEFT JOIN unit u ON u.id = st.unit_id
WHERE m.branch_id = $2 AND m.joined_on <= $1 AND (m.left_on IS NULL OR m.left_on > $1){unit}
"""
_MAP = """
WITH who AS ({members}), found AS (
  SELECT r.passage_id, COUNT(DISTINCT r.member_id) AS readers FROM who w JOIN reading r ON r.member_id = w.id GROUP BY r.passage_id
)
SELECT s.key AS section, s.title, s.number AS place, p.id, p.number, p.body, COALESCE(f.readers, 0) AS readers,
  (SELECT COUNT(*) FROM who) AS members
FROM section s JOIN passage p ON p.section_id = s.id LEFT JOIN found f ON f.passage_id = p.id
WHERE s.text_id = $3 AND p.retired_at IS NULL ORDER BY s.number, p.number, p.id
"""
_READERS = """
WITH who AS ({members})
SELECT w.id, w.name, w.unit, EXISTS (SELECT 1 FROM reading r WHERE r.passage_id = $3 AND r.member_id = w.id) AS has_read
FROM who w ORDER BY CASE WHEN w.unit_id IS NULL THEN 1 ELSE 0 END, w.position, w.unit_id, w.id
"""


async def text_map(actor: Actor, *, text_id: int | None = None, today: date) -> dict[str, Any]:
    """{"texts": [{"id", "title"}], "id", "title", "members", "sections": [{"key", "title", "passages"}]}, each passage {"id", "number",
    "body", "readers"}.

    `text_id` None: the first of the visible texts. Of today's members of the branch, for a unit head of the unit (three queries).
    Raises Forbidden for an observer, NotFound for a text that is not visible here.
    """
    members = await _members(actor)
    listed = [{"id": text["id"], "title": text["title"]} for text in await texts.listing(actor)]
    chosen = next((text for text in listed if text_id in (None, text["id"])), None)
    if chosen is None:
        raise NotFound()
    rows = await fetch(_MAP.format(members=members), today, actor.branch_id, chosen["id"])
    sections: dict[str, dict[str, Any]] = {}
    for row in rows:
        section = sections.setdefault(row["section"], {"key": row["section"], "title": row["title"], "passages": []})
        section["passages"].append({name: row[name] for name in ("id", "number", "body", "readers")})
    return {"texts": listed, **chosen, "members": rows[0]["members"] if rows else 0, "sections": list(sections.values())}


async def readers(actor: Actor, *, passage_id: int, today: date) -> dict[str, Any]:
    """{"title", "number", "body", "source_url", "read": [{"id", "name", "unit"}], "unread"} of one passage. Raises Forbidden, NotFound."""
    members = await _members(actor)
    rows = await fetch(
        f"SELECT s.text_id, s.title, p.number, p.body, {texts.ADDRESS} AS source_url FROM passage p "  # noqa: S608
        "JOIN section s ON s.id = p.section_id JOIN text x ON x.id = s.text_id WHERE p.id = $1",
        passage_id,
    )
    if not rows or rows[0]["text_id"] not in (await texts.visible_texts(actor.branch_id)).values():
        raise NotFound()
    people = await fetch(_READERS.format(members=members), today, actor.branch_id, passage_id)
    return {
        **{name: rows[0][name] for name in ("title", "number", "body", "source_url")},
        "read": [_person(row) for row in people if row["has_read"]],
        "unread": [_person(row) for row in people if not row["has_read"]],
    }


def _person(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("id", "name", "unit")}


async def _members(actor: Actor) -> str:
    scope: Scope = await scope_of(actor)
    if scope.figures_only:
        raise Forbidden(NO_PERSON)
    return _MEMBERS.format(unit=f" AND st.unit_id = {int(scope.unit_id)}" if scope.unit_id else "")
