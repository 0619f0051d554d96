"""Who may be reminded of today's task, and whom no message can reach, and why. One definition for preview, sending and the last look."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from backend import subscriptions
from backend.figures_pairs import pairs
from backend.kernel.access import EDITOR, SECRETARY, Actor, require
from backend.kernel.database import as_date, fetch, int_list
from backend.kernel.errors import Forbidden, NotFound
from backend.rules import reminding

_WHO = """
SELECT p.member_id, p.task_id, p.excused, p.checkin_id, p.unit_id, m.name, u.name AS unit, t.title, t.makeup_until, a.openid,
  (SELECT MAX(r.id) FROM reminder r WHERE r.member_id = p.member_id AND r.day = p.date AND r.state <> 'refused') AS reminded
FROM ({pairs}) p JOIN member m ON m.id = p.member_id JOIN daily_task t ON t.id = p.task_id
LEFT JOIN unit u ON u.id = p.unit_id LEFT JOIN account a ON a.member_id = p.member_id
ORDER BY p.unit_id, p.member_id
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member with a task on the day. `reason`: why no reminder can be sent, None when one can; `unit_id` 0 = none; `left`: grants."""

    member_id: int
    name: str
    unit_id: int
    unit: str | None
    task_id: int
    title: str
    makeup_until: date
    openid: str | None
    reason: str | None
    left: int


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom the actor may remind: the own branch, or the own unit of a unit head."""

    branch_id: int
    unit_id: int | None = None


def scope_of(actor: Actor, *, capability: str = "reminders.send") -> Scope:
    """Raises Forbidden without the capability, and for a unit head without a unit."""
    require(actor, capability)
    if actor.roles & {SECRETARY, EDITOR}:
        return Scope(actor.branch_id)
    if actor.unit_id is None:
        raise Forbidden("您还没有编入专业委员会，请联系书记。")
    return Scope(actor.branch_id, actor.unit_id)


def template() -> str:
    return next(iter(subscriptions.templates()), "")


async def candidates(
    scope: Scope, *, day: date, chosen: Collection[int] | None = None, plan_id: int | None = None, again: bool = False
) -> list[Candidate]:
    """The chosen members, or by default those who have not done the day's task and are not on leave; two queries.

    `again`: a look at those whose reminder stands already. Raises NotFound for a chosen one outside the scope or without a task.
    """
    where = [f"t.date = $1 AND t.branch_id = {int(scope.branch_id)}"]
    where += [f"st.unit_id = {int(scope.unit_id)}"] if scope.unit_id else []
    where += [f"t.plan_id = {int(plan_id)}"] if plan_id else []
    where += [f"m.id IN ({int_list(chosen)})"] if chosen is not None else []
    rows = await fetch(_WHO.format(pairs=pairs(" AND ".join(where), span=(day, day))), day)
    if chosen is None:
        rows = [row for row in rows if row["checkin_id"] is None and not row["excused"]]
    elif not again and {row["member_id"] for row in rows} != set(chosen):
        raise NotFound("所选的人不在您的范围内，或今天没有学习任务。")
    grants = await subscriptions.grants([row["member_id"] for row in rows], template()) if rows and template() else {}
    return [_candidate(row, *grants.get(row["member_id"], (0, None)), again=again) for row in rows]


def _candidate(row: dict[str, Any], left: int, standing: str | None, *, again: bool) -> Candidate:
    reason = reminding.refusal(
        done=row["checkin_id"] is not None,
        on_leave=bool(row["excused"]),
        bound=row["openid"] is not None,
        configured=bool(template()),
        standing=standing,
        reminded=row["reminded"] is not None and not again,
    )
    return Candidate(
        row["member_id"], row["name"], row["unit_id"], row["unit"], row["task_id"], row["title"], as_date(row["makeup_until"]),
        row["openid"], reason, left,
    )  # fmt: skip
