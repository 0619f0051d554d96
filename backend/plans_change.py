"""Changing a plan under way: its title, who it is for from tomorrow on, and more days behind its last one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from backend import audiences, figures, plans
from backend.kernel import audit
from backend.kernel.access import Actor, require, same_branch
from backend.kernel.database import transactional
from backend.kernel.errors import Invalid
from backend.rules import names
from models.plans import StudyPlan
from models.tasks import DailyTask


@transactional
async def change(
    actor: Actor, *, plan_id: int, title: str, units: Sequence[int], tiers: Sequence[str], statuses: Sequence[str], today: date
) -> dict[str, Any]:
    """The plan with this title and audience, as `plans.one` shows it. Who it is for changes from tomorrow on; what was assigned stays.

    Raises NotFound, Invalid naming each field at fault, Conflict `plan_overlap`.
    """
    plan = await _own(actor, plan_id)
    wanted = {"title": names.tidy(title), "units": sorted(units), "tiers": sorted(tiers), "statuses": sorted(statuses)}
    changed = [name for name, value in wanted.items() if getattr(plan, name) != value]
    for name in changed:
        setattr(plan, name, wanted[name])
    await plans.refuse_faulty(plan, plan.starts_on)
    await plan.save(update_fields=list(wanted))
    if set(changed) - {"title"}:
        await _renew(plan, first=max(today + timedelta(days=1), plan.starts_on))
    if changed:
        await audit.record(actor, "plan:change", subject="plan", subject_id=plan_id, fields=changed)
    return await plans.one(actor, plan_id=plan_id, today=today)


async def _own(actor: Actor, plan_id: int) -> StudyPlan:
    """The plan, with the branch locked. Raises NotFound."""
    require(actor, "plans.write")
    plan = await StudyPlan.get_or_none(id=plan_id)
    same_branch(actor, plan.branch_id if plan else None)
    await audiences.lock(plan.branch_id)
    await plan.refresh_from_db()
    return plan


async def _renew(plan: StudyPlan, *, first: date) -> None:
    await audiences.refresh(plan.branch_id, member_ids=None, first=first)
    await audiences.overlaps(plan.branch_id, first=first)
    await figures.recount(await DailyTask.filter(plan_id=plan.id, date__gte=first).values_list("id", flat=True))


async def extend(actor: Actor, *, plan_id: int, ends_on: date, today: date, plain_calendar: bool = False) -> int:
    """How many days were added, as `plans.extend` adds them. Raises also NotFound, Invalid for a day that is no later or too far."""
    await _refuse_end(actor, plan_id, ends_on, today)
    return await plans.extend(plan_id, actor=actor, ends_on=ends_on, today=today, plain_calendar=plain_calendar)


@transactional
async def _refuse_end(actor: Actor, plan_id: int, ends_on: date, today: date) -> None:
    plan = await _own(actor, plan_id)
    for is_sound, message in (
        (ends_on > plan.ends_on, "应晚于现在的结束日期"),
        (ends_on >= today, "不能早于今天"),
        ((ends_on - max(plan.ends_on, today)).days <= plans.LONGEST, f"一次最多延长 {plans.LONGEST} 天"),
        (ends_on <= plans.LAST_DAY, "结束日期过晚"),
    ):
        if not is_sound:
            raise Invalid(errors=[{"field": "ends_on", "message": message}])
