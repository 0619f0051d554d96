"""The people behind a cell of the coverage: who is assigned, done, excused (and why) and missing in a slice and a period.

Not for an observer, who sees figures alone. Reasons of leave are for the secretary.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from backend import coverage_sql
from backend.coverage import NO_PERSON, period_of
from backend.coverage_scope import Scope, scope_of
from backend.coverage_sql import STATUSES, TIERS
from backend.figures_members import members_between
from backend.kernel.access import Actor
from backend.kernel.database import as_date, fetch
from backend.kernel.errors import Forbidden, Invalid, NotFound
from backend.rules.cells import SUMMED, cell, together

CUTS = ("aspect", "unit", "tier", "status", "day", "member")

_PEOPLE = """
WITH {members}, slice AS (SELECT s.member_id, {sums} FROM s WHERE {where} GROUP BY s.member_id)
SELECT s.*, m.name, u.name AS unit FROM slice s JOIN member m ON m.id = s.member_id
LEFT JOIN standing st ON st.member_id = m.id AND st.starts_on <= $1 AND (st.until IS NULL OR st.until > $1)
LEFT JOIN unit u ON u.id = st.unit_id ORDER BY CASE WHEN u.id IS NULL THEN 1 ELSE 0 END, u.position, u.id, m.id
"""
_LEAVES = """
SELECT l.member_id, l.reason, l.starts_on, l.ends_on FROM leave l JOIN member m ON m.id = l.member_id
WHERE m.branch_id = $1 AND l.state = 'granted' AND l.starts_on <= $3 AND l.ends_on >= $2 ORDER BY l.starts_on
"""


async def people(
    actor: Actor, *, cut: Mapping[str, str], first: date | None = None, last: date | None = None, today: date
) -> dict[str, Any]:
    """{"from", "to", "labels": {cut: what it is called}, "total": Cell, "people": [{"id", "name", "unit", "cell", "leaves"}]}.

    `cut` narrows by any of CUTS, as the keys of `coverage`; the period is that of `coverage`. In the order of committees and roster, never
    by a rate. "leaves" are the granted ones of the period, null for whoever may not know reasons. At most three queries.
    Raises Forbidden for an observer, NotFound for an aspect, unit or day that is none, Invalid for other cuts.
    """
    scope = await scope_of(actor)
    if scope.figures_only:
        raise Forbidden(NO_PERSON)
    names = await coverage_sql.names(scope, ["aspect", "unit"])
    labels = {axis: _label(axis, key, names) for axis, key in cut.items()}
    first, last = period_of(names["start"], first, last, today)
    rows = await fetch(_statement(scope, cut, first, last), today)
    leaves: dict[int, list[dict[str, Any]]] = {}
    knows_reasons = actor.has("leaves.decide")
    for row in await fetch(_LEAVES, actor.branch_id, first, last) if knows_reasons else []:
        leaves.setdefault(row["member_id"], []).append({**row, "starts_on": as_date(row["starts_on"]), "ends_on": as_date(row["ends_on"])})
    return {
        "from": first,
        "to": last,
        "labels": labels,
        "total": cell(together({name: row[name] for name in SUMMED} for row in rows)),
        "people": [
            {
                "id": row["member_id"],
                "name": row["name"],
                "unit": row["unit"],
                "cell": cell({name: row[name] for name in SUMMED}),
                "leaves": leaves.get(row["member_id"], []) if knows_reasons else None,
            }
            for row in rows
        ],
    }


def _statement(scope: Scope, cut: Mapping[str, str], first: date, last: date) -> str:
    """Every value in it was made a number or a word of ours by `_label`."""
    told = {
        "aspect": lambda key: f"(s.aspects & {1 << int(key)}) <> 0",
        "unit": lambda key: f"s.unit_id = {int(key)}",
        "tier": lambda key: f"s.tier = '{key}'",
        "status": lambda key: f"s.status = '{key}'",
        "day": lambda key: f"s.date = '{date.fromisoformat(key).isoformat()}'",
        "member": lambda key: f"s.member_id = {int(key)}",
    }
    where = " AND ".join(told[axis](key) for axis, key in cut.items()) or "1 = 1"
    if "day" in cut:
        first = last = date.fromisoformat(cut["day"])
    members = members_between(
        first, last, branches=scope.where("{0}"), unit_id=scope.unit_id, by_aspect="aspect" in cut, by_day="day" in cut
    )
    return _PEOPLE.format(members=members, sums=coverage_sql.SUMS, where=where)


def _label(axis: str, key: str, names: Mapping[str, list[dict]]) -> str:
    match axis:
        case "tier" | "status":
            known: Mapping[str, str] = TIERS if axis == "tier" else STATUSES
        case "aspect" | "unit":
            known = {str(row["id"]): row["label"] for row in names[axis]} | ({"0": "未分组"} if axis == "unit" else {})
        case "day":
            return _day(key).isoformat()
        case "member" if key.isascii() and key.isdigit() and len(key) < 19:
            return key
        case _:
            raise Invalid(errors=[{"field": axis, "message": "没有这个维度"}])
    if key not in known:
        raise NotFound()
    return known[key]


def _day(text: str) -> date:
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Invalid(errors=[{"field": "day", "message": "日期应写成 2023-02-23"}])
