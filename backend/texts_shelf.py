"""The texts with what stands in them, for the office: passages to choose from or to read through, and when each text was imported."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from backend.kernel import clock
from backend.kernel.access import Actor, require
from backend.kernel.database import as_instant, fetch, int_list
from backend.kernel.errors import NotFound
from backend.texts import MAIN, visible_texts

_PASSAGES = """
SELECT p.id, p.number, {body} AS body, s.key AS section_key, s.title AS section, x.key AS text_key, x.title AS text,
  CASE WHEN p.retired_at IS NULL THEN 0 ELSE 1 END AS retired
FROM passage p JOIN section s ON s.id = p.section_id JOIN text x ON x.id = s.text_id
WHERE (s.text_id IN ({texts}) AND p.retired_at IS NULL) OR p.id IN ({also})
ORDER BY CASE WHEN x.key = '{main}' THEN 0 ELSE 1 END, x.key, s.number, p.number, p.id
"""
BEGINNING = 40  # characters


async def passages(actor: Actor, *, also: Collection[int] = ()) -> list[dict[str, Any]]:
    """Every passage that is read now, in reading order, and those of `also`: {"id", "number", "body" (its beginning, None where the text
    was not imported), "section_key", "section", "text_key", "text", "retired"}. Two queries.
    """
    require(actor, "content.read")
    chosen = int_list((await visible_texts(actor.branch_id)).values())
    body = f"SUBSTR(p.body, 1, {BEGINNING})"
    return await fetch(_PASSAGES.format(body=body, texts=chosen, also=int_list(also), main=MAIN))


_IMPORTS = """
SELECT e.id, e.at, m.name FROM audit_entry e LEFT JOIN member m ON m.id = e.actor_id
WHERE e.subject = 'text' AND e.subject_id = $1 AND e.action = 'text:import' ORDER BY e.id DESC LIMIT 50
"""


async def one(actor: Actor, *, key: str) -> dict[str, Any]:
    """A text as the branch reads it: {"id", "key", "title", "source_url", "is_own", "sections": [{"key", "title", "passages": [{"number",
    "body"}]}], "imports": [{"at", "by"}] newest first, "retired"} (passages replaced by later imports). Raises NotFound. Four queries.
    """
    require(actor, "content.read")
    text_id = (await visible_texts(actor.branch_id)).get(key)
    if text_id is None:
        raise NotFound()
    [text] = await fetch(
        "SELECT x.id, x.key, x.title, x.source_url, x.branch_id, (SELECT COUNT(*) FROM passage p JOIN section s ON s.id = p.section_id "
        "WHERE s.text_id = x.id AND p.retired_at IS NOT NULL) AS retired FROM text x WHERE x.id = $1",
        text_id,
    )
    sections: dict[str, dict[str, Any]] = {}
    for row in await fetch(_PASSAGES.format(body="p.body", texts=int(text_id), also="NULL", main=MAIN)):
        section = sections.setdefault(row["section_key"], {"key": row["section_key"], "title": row["section"], "passages": []})
        section["passages"].append({"number": row["number"], "body": row["body"]})
    imports = [{"at": clock.shanghai(as_instant(row["at"])), "by": row["name"] or ""} for row in await fetch(_IMPORTS, text_id)]
    head = {name: text[name] for name in ("id", "key", "title", "source_url", "retired")}
    return {**head, "is_own": text["branch_id"] == actor.branch_id, "sections": list(sections.values()), "imports": imports}
