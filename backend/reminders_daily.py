"""The daily time of a plan, at which those who are missing are reminded: once a day by a unique row, in Shanghai time."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from backend import reminders, reminders_audience
from backend.kernel import audit, clock
from backend.kernel.access import Actor, require, same_branch
from backend.kernel.database import as_date, fetch, transactional
from backend.kernel.errors import Invalid
from backend.reminders_audience import Scope
from backend.rules import reminding
from models.plans import StudyPlan


async def shown(actor: Actor, *, plan_id: int) -> dict[str, Any]:
    """{"plan", "at" (HH:MM or None), "starts_on": the first day on which it is sent}. Raises Forbidden, NotFound."""
    require(actor, "plans.read")
    plan = await StudyPlan.get_or_none(id=plan_id)
    same_branch(actor, plan.branch_id if plan else None)
    return _shown(plan)


async def set_time(actor: Actor, *, plan_id: int, at: str | None) -> dict[str, Any]:
    """Sets the daily time, or none; a time that is over today counts from tomorrow on. Raises Invalid, NotFound."""
    require(actor, "plans.write")
    if at is not None and not reminding.is_time(at):
        raise Invalid(errors=[{"field": "at", "message": f"请填 {reminding.EARLIEST} 到 {reminding.LATEST} 之间的时刻，如 19:30"}])
    return _shown(await _set(actor, plan_id, at))


@transactional
async def _set(actor: Actor, plan_id: int, at: str | None) -> StudyPlan:
    plan = await StudyPlan.get_or_none(id=plan_id)
    same_branch(actor, plan.branch_id if plan else None)
    today = clock.today()
    plan.remind_at = at
    plan.remind_from = reminding.first_day(at, now=_wall(), today=today, tomorrow=today + timedelta(days=1)) if at else None
    await plan.save(update_fields=["remind_at", "remind_from"])
    await audit.record(actor, "plan:remind", subject="plan", subject_id=plan.id, fields=["remind_at"])
    return plan


def _shown(plan: StudyPlan) -> dict[str, Any]:
    return {"plan": plan.id, "at": plan.remind_at, "starts_on": plan.remind_from}


def _wall() -> str:
    return f"{clock.shanghai(clock.now()):%H:%M}"


async def fire() -> int:
    """Writes the batches that are due and not written yet; how many. Two processes at once write each once."""
    today, now = clock.today(), _wall()
    rows = await fetch(
        "SELECT p.id, p.branch_id, p.remind_at, p.remind_from FROM study_plan p WHERE p.remind_at IS NOT NULL "
        "AND EXISTS (SELECT 1 FROM daily_task t WHERE t.plan_id = p.id AND t.date = $1) "
        "AND NOT EXISTS (SELECT 1 FROM reminder_batch b WHERE b.plan_id = p.id AND b.day = $1)",
        today,
    )
    due = [row for row in rows if reminding.is_due(row["remind_at"], as_date(row["remind_from"]), now=now, today=today)]
    return sum([await _fire(row["id"], row["branch_id"], today) for row in due])


@transactional
async def _fire(plan_id: int, branch_id: int, day: date) -> bool:
    new = await fetch(
        "INSERT INTO reminder_batch (branch_id, day, plan_id, created_at) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (plan_id, day) DO NOTHING RETURNING id",
        branch_id, day, plan_id, clock.now(),
    )  # fmt: skip
    if new:
        found = await reminders_audience.candidates(Scope(branch_id), day=day, plan_id=plan_id)
        await reminders.write_items(new[0]["id"], found, day)
    return bool(new)


async def send_nothing_again() -> None:
    """After a restore: what waited may have been sent since the backup, and today's daily reminder too."""
    await fetch("UPDATE reminder SET state = 'unknown', settled_at = $1 WHERE state IN ('waiting', 'sending')", clock.now())
    today = clock.today()
    await fetch(
        "UPDATE study_plan SET remind_from = $1 WHERE remind_at IS NOT NULL AND remind_from <= $2", today + timedelta(days=1), today
    )
