"""The texts as a branch sees them, their reading lists, and a member's own reading map (原原本本、逐字逐句).

Visible for each key: the branch's own text, else that of the nearest branch above it, else the shipped one (docs/decisions/0008).
"""

from __future__ import annotations

from typing import Any

import msgspec

from backend.kernel.access import Actor
from backend.kernel.database import as_instant, fetch, int_list
from backend.kernel.errors import NotFound

_VISIBLE = """
SELECT x.id, x.key, LENGTH(xb.path) AS depth FROM text x
JOIN branch b ON b.id = $1
LEFT JOIN branch xb ON xb.id = x.branch_id
WHERE x.branch_id IS NULL OR b.path LIKE xb.path || '%'
"""


async def visible_texts(branch_id: int) -> dict[str, int]:
    """Text ids by key, as this branch sees them."""
    best: dict[str, tuple[int, int]] = {}
    for row in await fetch(_VISIBLE, branch_id):
        if row["key"] not in best or (row["depth"] or 0) > best[row["key"]][0]:
            best[row["key"]] = (row["depth"] or 0, row["id"])
    return {key: text_id for key, (_, text_id) in sorted(best.items())}


# The text that is read when a plan names none: the report to the congress.
MAIN = "report"

# The official address of section s: its own, else that of its text x.
ADDRESS = "COALESCE(NULLIF(s.source_url, ''), x.source_url)"

_READING = """
SELECT p.id, p.section_id, x.key AS text, pa.aspect_id FROM passage p JOIN section s ON s.id = p.section_id
JOIN text x ON x.id = s.text_id JOIN passage_aspect pa ON pa.passage_id = p.id
WHERE s.text_id IN ({texts}) AND p.retired_at IS NULL ORDER BY s.text_id, s.number, p.number, p.id, pa.aspect_id
"""


async def reading_list(branch_id: int) -> list[dict[str, Any]]:
    """What there is to read, in reading order: {"id", "section_id", "text", "aspects"} of each passage that is not retired."""
    found: dict[int, dict[str, Any]] = {}
    for row in await fetch(_READING.format(texts=int_list((await visible_texts(branch_id)).values()))):
        passage = found.setdefault(row["id"], {**{name: row[name] for name in ("id", "section_id", "text")}, "aspects": []})
        passage["aspects"].append(row["aspect_id"])
    return list(found.values())


async def listing(actor: Actor) -> list[dict[str, Any]]:
    """The visible texts, the main one first, with their sections and how many passages each has now."""
    ids = (await visible_texts(actor.branch_id)).values()
    rows = await fetch(
        "SELECT x.id AS text_id, x.key AS text_key, x.title AS text, x.source_url, x.imported_at, s.key, s.number, s.title, s.aspects, "  # noqa: S608
        f"{ADDRESS} AS address, (SELECT COUNT(*) FROM passage p WHERE p.section_id = s.id AND p.retired_at IS NULL) AS passages "
        f"FROM text x LEFT JOIN section s ON s.text_id = x.id WHERE x.id IN ({int_list(ids)}) "
        f"ORDER BY CASE WHEN x.key = '{MAIN}' THEN 0 ELSE 1 END, x.key, s.number"
    )
    found: dict[int, dict[str, Any]] = {}
    for row in rows:
        text = found.setdefault(row["text_id"], _head(row))
        if row["key"]:
            section = {name: row[name] for name in ("key", "number", "title", "passages")}
            text["sections"].append({**section, "aspects": msgspec.json.decode(row["aspects"]), "source_url": row["address"]})
    return list(found.values())


def _head(row: dict[str, Any]) -> dict[str, Any]:
    imported = as_instant(row["imported_at"])
    return {
        "id": row["text_id"],
        "key": row["text_key"],
        "title": row["text"],
        "source_url": row["source_url"],
        "imported_at": imported.isoformat() if imported else None,
        "sections": [],
    }


_MAP = """
SELECT x.key AS text_key, x.title AS text, s.key, s.title, p.id, p.number, r.passage_id IS NOT NULL AS is_read
FROM text x JOIN section s ON s.text_id = x.id JOIN passage p ON p.section_id = s.id
LEFT JOIN (SELECT DISTINCT passage_id FROM reading WHERE member_id = $2) r ON r.passage_id = p.id
WHERE x.id = $1 AND p.retired_at IS NULL ORDER BY s.number, p.number, p.id
"""


async def reading_map(actor: Actor, *, text: str) -> dict[str, Any]:
    """The member's reading map of one text, by key or id: which passages are read. Raises NotFound for a text not visible here."""
    visible = await visible_texts(actor.branch_id)
    text_id = visible.get(text) or (int(text) if text.isdecimal() and len(text) < 19 and int(text) in visible.values() else None)
    rows = await fetch(_MAP, text_id, actor.member_id) if text_id else []
    if not rows:
        raise NotFound()
    sections: dict[str, dict[str, Any]] = {}
    for row in rows:
        section = sections.setdefault(row["key"], {"key": row["key"], "title": row["title"], "passages": []})
        section["passages"].append({"id": row["id"], "number": row["number"], "read": bool(row["is_read"])})
    return {
        "id": text_id,
        "key": rows[0]["text_key"],
        "title": rows[0]["text"],
        "passages_read": sum(1 for row in rows if row["is_read"]),
        "passages_total": len(rows),
        "sections": list(sections.values()),
    }
