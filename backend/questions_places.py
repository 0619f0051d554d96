"""Where the answers stand: a question's locator is looked for in its section of a text, whatever the edition."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from backend.kernel.database import fetch, int_list
from models.questions import QuestionPlace

# Bodies by (text key, section key): (passage id, its folded text) in reading order.
Bodies = Mapping[tuple[str, str], Sequence[tuple[int, str]]]


def folded(text: str) -> str:
    """`text` for comparison: width folded, without spaces."""
    return "".join(unicodedata.normalize("NFKC", text).split())


async def resolve(text_ids: Iterable[int], *, question_ids: Sequence[int] | None = None) -> list[dict[str, Any]]:
    """Finds each question's locator in these texts and keeps the passage: the questions whose locator stands nowhere in their section.

    Inside the caller's transaction; all questions that cite these texts, or `question_ids` alone.
    """
    chosen = int_list(text_ids)
    rows = await fetch(
        "SELECT p.id, p.body, s.key, x.key AS text_key FROM passage p "  # noqa: S608
        "JOIN section s ON s.id = p.section_id JOIN text x ON x.id = s.text_id "
        f"WHERE x.id IN ({chosen}) AND p.retired_at IS NULL AND p.body IS NOT NULL ORDER BY p.number, p.id"
    )
    bodies: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for row in rows:
        bodies.setdefault((row["text_key"], row["key"]), []).append((row["id"], folded(row["body"])))
    if not bodies:
        return []
    only = f"IN ({int_list(question_ids)})" if question_ids is not None else "> 0"
    of_texts = f"SELECT p.id FROM passage p JOIN section s ON s.id = p.section_id WHERE s.text_id IN ({chosen})"  # noqa: S608
    await fetch(f"DELETE FROM question_place WHERE passage_id IN ({of_texts}) AND question_id {only}")  # noqa: S608
    found, lost = _search(await _citing(only), bodies)
    await QuestionPlace.bulk_create([QuestionPlace(question_id=q, passage_id=p) for q, p in found], batch_size=500)
    return lost


async def lost_in(text_key: str, sections: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """The questions whose locator would stand nowhere if the sections of this text read so; nothing is written."""
    bodies = {(text_key, key): [(n, folded(body)) for n, body in enumerate(some)] for key, some in sections.items()}
    return _search(await _citing("> 0"), bodies)[1]


async def _citing(only: str) -> list[dict[str, Any]]:
    return await fetch(
        f"SELECT id, source_text, source_section, locator FROM question WHERE locator <> '' AND id {only} ORDER BY id"  # noqa: S608
    )


def _search(questions: Iterable[dict[str, Any]], bodies: Bodies) -> tuple[list[tuple[int, int]], list[dict[str, Any]]]:
    """(question, passage) for each locator that is found, first place first; and the questions of these texts that are not."""
    found, lost = [], []
    keys = {key for key, _ in bodies}
    for row in questions:
        if row["source_text"] not in keys:
            continue
        wanted = folded(row["locator"])
        place = next((i for i, body in bodies.get((row["source_text"], row["source_section"]), ()) if wanted in body), None)
        if place is None:
            lost.append({"question": row["id"], "unit": row["source_section"], "locator": row["locator"]})
        else:
            found.append((row["id"], place))
    return found, lost
