"""The question bank as lists, for the office: filtered and paged with answers, and in brief to choose from."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from backend import questions
from backend.kernel.access import Actor, require
from backend.kernel.database import fetch, int_list
from backend.kernel.errors import NotFound

_ASPECT = "EXISTS (SELECT 1 FROM question_aspect qa WHERE qa.question_id = q.id AND qa.aspect_id = {})"
# The unit is given as text/unit by key: report/s3.
_FILTERS = {
    "aspect": _ASPECT,
    "kind": "q.kind = {}",
    "level": "q.level = {}",
    "unit": "q.source_text || '/' || q.source_section = {}",
    "q": "q.stem LIKE {} ESCAPE '!'",
}


async def listing(
    actor: Actor,
    *,
    after: int,
    limit: int,
    withdrawn: bool | None = None,
    own: bool | None = None,
    **wanted: Any,
) -> list[dict[str, Any]]:
    """The questions visible here, by id, one more than `limit` when there are more; with their answers, for the office alone.

    `wanted`: aspect, kind, level, unit ("report/s3") and q (a part of the stem), each may be None. Three queries.
    """
    where, values = _wanted(wanted, [actor.branch_id, after, limit + 1])
    if withdrawn is not None:
        where += f" AND {'' if withdrawn else 'NOT'} {questions.WITHDRAWN}"
    if own is not None:
        where += f" AND q.branch_id IS {'NOT' if own else ''} NULL"
    ids = await fetch(
        f"SELECT q.id, CASE WHEN {questions.WITHDRAWN} THEN 1 ELSE 0 END AS withdrawn {questions.VISIBLE} AND q.id > $2 {where} "  # noqa: S608
        "ORDER BY q.id LIMIT $3",
        *values,
    )
    gone = {row["id"] for row in ids if row["withdrawn"]}
    return [questions.shown(question, gone) for question in await questions.with_aspects([row["id"] for row in ids])]


async def count(actor: Actor, **wanted: Any) -> dict[str, int]:
    """{"all", "withdrawn"} of the questions visible here that `wanted` fits (see `listing`). One query."""
    where, values = _wanted(wanted, [actor.branch_id])
    [row] = await fetch(
        f"SELECT COUNT(*) AS total, COALESCE(SUM(CASE WHEN {questions.WITHDRAWN} THEN 1 ELSE 0 END), 0) AS withdrawn "  # noqa: S608
        f"{questions.VISIBLE} {where}",
        *values,
    )
    return {"all": int(row["total"]), "withdrawn": int(row["withdrawn"])}


def _wanted(wanted: dict[str, Any], values: list[Any]) -> tuple[str, list[Any]]:
    where = ""
    for name, condition in _FILTERS.items():
        if (value := wanted.get(name)) not in (None, ""):
            values.append(f"%{_like(value)}%" if name == "q" else value)
            where += f" AND {condition.format(f'${len(values)}')}"
    return where, values


def _like(text: str) -> str:
    """Text for LIKE … ESCAPE '!'."""
    return "".join(f"!{c}" if c in "!%_" else c for c in text)


async def brief(actor: Actor, *, also: Collection[int] = ()) -> list[dict[str, Any]]:
    """The questions that can be asked, by aspect, and those of `also`: {"id", "kind", "stem", "aspect" (its first), "withdrawn"}.

    One query.
    """
    require(actor, "content.read")
    rows = await fetch(
        "SELECT v.id, v.kind, v.stem, v.withdrawn, "  # noqa: S608
        "(SELECT MIN(qa.aspect_id) FROM question_aspect qa WHERE qa.question_id = v.id) AS aspect "
        f"FROM (SELECT q.id, q.kind, q.stem, CASE WHEN {questions.WITHDRAWN} THEN 1 ELSE 0 END AS withdrawn {questions.VISIBLE}) v "
        f"WHERE v.withdrawn = 0 OR v.id IN ({int_list(also)}) ORDER BY 5, v.id",
        actor.branch_id,
    )
    return [{**row, "withdrawn": bool(row["withdrawn"])} for row in rows]


async def one(actor: Actor, *, question_id: int) -> dict[str, Any]:
    """A question as in `listing`. Raises NotFound for one that is not visible here. Three queries."""
    found = await listing(actor, after=question_id - 1, limit=0)
    if not found or found[0]["id"] != question_id:
        raise NotFound()
    return found[0]
