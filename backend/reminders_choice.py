"""What somebody who is about to remind looks at: whom today's task waits for, the grants that are left, and who tells whom of the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from backend import reminders_audience, subscriptions
from backend.kernel.access import Actor
from backend.kernel.database import as_date, fetch
from backend.reminders_audience import Candidate, Scope, scope_of, template
from backend.rules import reminding

_TASKS = """
SELECT t.plan_id AS plan, p.title AS plan_title, t.title, p.remind_at, p.remind_from FROM daily_task t JOIN study_plan p ON p.id = t.plan_id
WHERE t.branch_id = $1 AND t.date = $2 ORDER BY t.plan_id
"""
_MEMBERS = """
SELECT m.id, m.name, COALESCE(st.unit_id, 0) AS unit_id, u.name AS unit, EXISTS (SELECT 1 FROM account a WHERE a.member_id = m.id) AS bound,
  (SELECT MAX(r.day) FROM reminder r WHERE r.member_id = m.id AND r.state IN ('sent', 'unknown')) AS reminded
FROM member m JOIN standing st ON st.member_id = m.id AND st.starts_on <= $2 AND (st.until IS NULL OR st.until > $2)
LEFT JOIN unit u ON u.id = st.unit_id
WHERE m.branch_id = $1 AND (m.left_on IS NULL OR m.left_on > $2) {mine} ORDER BY COALESCE(u.position, 2147483647), st.unit_id, m.id
"""
_HEADS = """
SELECT st.unit_id, m.name FROM role_grant g JOIN member m ON m.id = g.member_id
JOIN standing st ON st.member_id = m.id AND st.starts_on <= $2 AND (st.until IS NULL OR st.until > $2)
WHERE m.branch_id = $1 AND g.role = 'unit_head' AND (m.left_on IS NULL OR m.left_on > $2) ORDER BY m.id
"""
# Whom no message reached and whose task is still open.
_UNREACHED = """
SELECT r.unit_id, u.name AS unit, m.name FROM reminder r JOIN reminder_batch b ON b.id = r.batch_id JOIN member m ON m.id = r.member_id
LEFT JOIN unit u ON u.id = r.unit_id
WHERE b.id = $2 AND b.branch_id = $1 AND r.state IN ('refused', 'unknown') AND r.reason NOT IN ({told}) {mine}
  AND NOT EXISTS (SELECT 1 FROM check_in c WHERE c.member_id = r.member_id AND c.task_id = r.task_id AND c.task_date = r.day)
ORDER BY r.unit_id, r.member_id
"""


async def choice(actor: Actor, *, unit: int | None = None, plan: int | None = None, today: date) -> dict[str, Any]:
    """{"tasks": today's, "people": who has not done it and is not on leave, "configured": a message can be sent at all}; three queries.

    `unit` 0: those in no unit. A person: id, name, unit, unit_id, left (grants), reason (None: one can be sent) and explanation.
    """
    scope = scope_of(actor)
    found = await reminders_audience.candidates(scope, day=today, plan_id=plan)
    return {
        "tasks": [{**row, "remind_from": as_date(row["remind_from"])} for row in await fetch(_TASKS, scope.branch_id, today)],
        "people": [_person(candidate) for candidate in found if unit is None or candidate.unit_id == unit],
        "configured": bool(template()),
    }


def _person(candidate: Candidate) -> dict[str, Any]:
    return {
        "id": candidate.member_id,
        "name": candidate.name,
        "unit_id": candidate.unit_id,
        "unit": candidate.unit,
        "left": candidate.left,
        "reason": candidate.reason,
        "explanation": reminding.REASONS.get(candidate.reason or "", ""),
    }


async def grants(actor: Actor, *, unit: int | None = None, today: date) -> list[dict[str, Any]]:
    """Every member in the actor's scope, by unit: how many grants are left, why no message can reach them (None: one can), and the day of
    the last reminder. Two queries."""
    scope = scope_of(actor)
    rows = await fetch(_MEMBERS.format(mine=_mine(scope, "st.unit_id")), scope.branch_id, today)
    rows = [row for row in rows if unit is None or row["unit_id"] == unit]
    known = await subscriptions.grants([row["id"] for row in rows], template()) if rows and template() else {}
    return [_standing(row, *known.get(row["id"], (0, None))) for row in rows]


def _standing(row: dict[str, Any], left: int, standing: str | None) -> dict[str, Any]:
    reason = reminding.refusal(
        done=False, on_leave=False, reminded=False, bound=bool(row["bound"]), configured=bool(template()), standing=standing
    )
    told = reminding.REASONS.get(reason or "", "")
    return {**row, "left": left, "reason": reason, "explanation": told, "reminded": as_date(row["reminded"]) if row["reminded"] else None}


async def for_heads(actor: Actor, *, batch_id: int, today: date) -> list[dict[str, Any]]:
    """Whom a batch of today reached by no message and whose task is still open, as `lists`; none for a batch of another branch."""
    scope = scope_of(actor)
    told = ", ".join(f"'{reason}'" for reason in reminding.TOLD)
    rows = await fetch(_UNREACHED.format(told=told, mine=_mine(scope, "r.unit_id")), scope.branch_id, batch_id)
    return await _lists(scope, rows, today)


async def for_heads_before(actor: Actor, *, members: Sequence[int], today: date) -> list[dict[str, Any]]:
    """The same for those who are about to be reminded."""
    scope = scope_of(actor)
    found = await reminders_audience.candidates(scope, day=today, chosen=members)
    rows = [
        {"unit_id": c.unit_id, "unit": c.unit, "name": c.name} for c in found if c.reason is not None and c.reason not in reminding.TOLD
    ]
    return await _lists(scope, rows, today)


async def _lists(scope: Scope, rows: Iterable[dict[str, Any]], today: date) -> list[dict[str, Any]]:
    """[{"unit", "heads", "names", "text"}], one for each unit: the names that its heads alone are told. A unit head gets the own unit's."""
    found: dict[int, dict[str, Any]] = {}
    for row in rows:
        found.setdefault(row["unit_id"], {"unit": row["unit"], "heads": [], "names": []})["names"].append(row["name"])
    for row in await fetch(_HEADS, scope.branch_id, today) if found else ():
        if row["unit_id"] in found:
            found[row["unit_id"]]["heads"].append(row["name"])
    return [{**one, "text": reminding.head_text(day=today, names=one["names"])} for one in found.values()]


def _mine(scope: Scope, column: str) -> str:
    return f"AND {column} = {int(scope.unit_id)}" if scope.unit_id else ""
