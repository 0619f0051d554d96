"""The branch's particulars and committees; what is off for good, what is on and where it is changed; the privacy notice's versions."""

from __future__ import annotations

from typing import Any

from sanic import Blueprint
from sanic.response import HTTPResponse

from backend import answering, audit_retention, branches, consents, plans
from backend.kernel import settings
from backend.kernel.errors import Conflict, DakaError, Invalid
from backend.rules.suppression import MINIMUM
from console import forms
from console.http import Visit, go, page, render

blueprint = Blueprint("console_settings")
MOST_PLANS = 50


@page(blueprint, "GET", "/settings", who="roster.write")
async def branch(visit: Visit) -> HTTPResponse:
    return await _branch(visit)


async def _branch(visit: Visit, error: DakaError | None = None, *, wrong: str = "") -> HTTPResponse:
    """`wrong`: which form was refused, name, new or the id of a unit; what was typed into it stays."""
    return render(
        "settings/branch.html",
        visit,
        status=error.status if error else 200,
        branch=await branches.particulars(visit.actor),
        units=await branches.units(visit.actor),
        most=branches.NAME_MOST,
        wrong=wrong,
        typed=visit.filled("name"),
        error=forms.faults(error)["name"] or forms.faults(error)[""] if error else "",
    )


@page(blueprint, "POST", "/settings/name", who="branch.write")
async def rename(visit: Visit) -> HTTPResponse:
    try:
        await branches.rename(visit.actor, name=visit.filled("name"))
    except (Conflict, Invalid) as error:
        return await _branch(visit, error, wrong="name")
    return go("/settings", visit, notice="支部名称已保存。")


@page(blueprint, "POST", "/settings/units", who="roster.write")
async def add_unit(visit: Visit) -> HTTPResponse:
    try:
        unit = await branches.add_unit(visit.actor, name=visit.filled("name"))
    except (Conflict, Invalid) as error:
        return await _branch(visit, error, wrong="new")
    return go("/settings", visit, notice=f"已新增{unit['name']}。")


@page(blueprint, "POST", "/settings/units/<unit_id:int>/name", who="roster.write")
async def rename_unit(visit: Visit, unit_id: int) -> HTTPResponse:
    try:
        unit = await branches.rename_unit(visit.actor, unit_id=unit_id, name=visit.filled("name"))
    except (Conflict, Invalid) as error:
        return await _branch(visit, error, wrong=str(unit_id))
    return go("/settings", visit, notice=f"已改名为{unit['name']}。")


@page(blueprint, "POST", "/settings/units/<unit_id:int>/move", who="roster.write")
async def move_unit(visit: Visit, unit_id: int) -> HTTPResponse:
    await branches.move_unit(visit.actor, unit_id=unit_id, up=visit.filled("to") == "up")
    return go("/settings", visit)


@page(blueprint, "GET", "/settings/switches", who="roster.write")
async def switches(visit: Visit) -> HTTPResponse:
    """Only what is so: what is off has no code behind it, the rest stands in plans and in the server's settings."""
    in_force: dict[str, Any] = {
        "second_factor": settings.current().second_factor_required,
        "smallest": MINIMUM,
        "answer_within": answering.ANSWER_WITHIN.days,
        "log_kept": audit_retention.KEPT.days,
    }
    known = await plans.listing(visit.actor, after=0, limit=MOST_PLANS, today=visit.today)
    running = [plan for plan in known if plan["ends_on"] >= visit.today]
    return render("settings/switches.html", visit, plans=running, **in_force)


@page(blueprint, "GET", "/settings/privacy", who="roster.write")
async def privacy(visit: Visit) -> HTTPResponse:
    found, particulars = await consents.versions(visit.actor), await branches.particulars(visit.actor)
    return render("settings/privacy.html", visit, versions=found, members=particulars["members"])
