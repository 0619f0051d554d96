"""Where the answers stand: a question's locator is looked for in its section of a text, whatever the edition."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from backend.kernel.database import fetch, int_list
from models.questions import QuestionPlace


def folded(text: str) -> str:
    """`text` for comparison: width folded, without spaces."""
    return "".join(unicodedata.normalize("NFKC", text).split())


# The questions that somebody who reads text $1 can meet; `told`: those that its branch can see itself, so none of a branch below.
_CITING = """
SELECT q.id, q.source_section, q.locator,
  CASE WHEN x.branch_id IS NULL OR q.branch_id IS NULL OR xb.path LIKE qb.path || '%' THEN 1 ELSE 0 END AS told
FROM text x JOIN question q ON q.source_text = x.key AND q.locator <> ''
LEFT JOIN branch xb ON xb.id = x.branch_id LEFT JOIN branch qb ON qb.id = q.branch_id
WHERE x.id = $1 AND q.id {only}
  AND (x.branch_id IS NULL OR q.branch_id IS NULL OR xb.path LIKE qb.path || '%' OR qb.path LIKE xb.path || '%')
ORDER BY q.id
"""
_BODIES = """
SELECT p.id, p.body, s.key FROM passage p JOIN section s ON s.id = p.section_id
WHERE s.text_id = $1 AND p.retired_at IS NULL AND p.body IS NOT NULL
  AND s.key IN (SELECT source_section FROM question WHERE id {only}) ORDER BY p.number, p.id
"""
_FORGET = """
DELETE FROM question_place WHERE question_id {only}
  AND passage_id IN (SELECT p.id FROM passage p JOIN section s ON s.id = p.section_id WHERE s.text_id = $1)
"""


async def resolve(text_id: int, *, question_ids: Sequence[int] | None = None) -> list[dict[str, Any]]:
    """Finds the locators of the text's questions (or of `question_ids` alone) and keeps one passage for each.

    Returns {"question", "unit", "locator"} of those that stand nowhere in their section. Inside the caller's transaction.
    """
    only = f"IN ({int_list(question_ids)})" if question_ids is not None else "> 0"
    bodies: dict[str, list[tuple[int, str]]] = {}
    for row in await fetch(_BODIES.format(only=only), text_id):
        bodies.setdefault(row["key"], []).append((row["id"], folded(row["body"])))
    await fetch(_FORGET.format(only=only), text_id)
    places, lost = [], []
    for row in await fetch(_CITING.format(only=only), text_id):
        wanted = folded(row["locator"])
        passage_id = _place(wanted, bodies.get(row["source_section"], ()))
        if passage_id is not None:
            places.append(QuestionPlace(question_id=row["id"], passage_id=passage_id))
        elif row["told"]:
            lost.append({"question": row["id"], "unit": row["source_section"], "locator": row["locator"]})
    await QuestionPlace.bulk_create(places, batch_size=500)
    return lost


def _place(wanted: str, bodies: Sequence[tuple[int, str]]) -> int | None:
    """The passage that begins with `wanted` (an article, which others may name before it), else the first that has it."""
    begins = (passage_id for passage_id, body in bodies if body.startswith(wanted))
    return next(begins, None) or next((passage_id for passage_id, body in bodies if wanted in body), None)


_TEXTS = """
SELECT x.id FROM text x LEFT JOIN branch xb ON xb.id = x.branch_id LEFT JOIN branch b ON b.id = $1
WHERE b.id IS NULL OR x.branch_id IS NULL OR b.path LIKE xb.path || '%' OR xb.path LIKE b.path || '%' ORDER BY x.id
"""


async def resolve_questions(question_ids: Sequence[int], *, branch_id: int | None) -> None:
    """The same for new or changed questions of a branch (None: shipped ones), in every text that is read beside them."""
    for row in await fetch(_TEXTS, branch_id):
        await resolve(row["id"], question_ids=question_ids)
