"""The first page: the day's figures, who has not studied yet by committee, and the coverage of the nine aspects so far."""

from __future__ import annotations

from typing import Any

from sanic import Blueprint
from sanic.response import HTTPResponse

from backend import branches, coverage, coverage_export
from backend.kernel.access import OBSERVER, UNIT_HEAD
from console import words
from console.http import FILE, XLSX, Visit, page, render, save

blueprint = Blueprint("console_today")
NO_UNIT = "未分组"


@page(blueprint, "GET", "/", who="stats.read")
async def today(visit: Visit) -> HTTPResponse:
    actor, day = visit.actor, visit.today
    figures = await coverage.of_day(actor, today=day)
    aspects = await coverage.coverage(actor, by="aspect", today=day)
    below = await coverage.coverage(actor, by="branch", today=day) if OBSERVER in actor.roles else None
    listed = await branches.listing(actor)
    return render(
        "today/today.html",
        visit,
        branch=next(branch["name"] for branch in listed if branch["id"] == actor.branch_id),
        roles=words.roles(actor.roles),
        one_unit=actor.roles == {UNIT_HEAD},
        is_demo=visit.request.app.ctx.settings.demo,
        figures=figures,
        waiting=None if figures["open"] is None else by_unit(figures["open"], await branches.units(actor)),
        aspects=aspects,
        below=below,
    )


@page(blueprint, "GET", "/coverage.xlsx", who="stats.read", gives=FILE)
async def workbook(visit: Visit) -> HTTPResponse:
    by = visit.request.args.get("by") or "aspect"
    content = await coverage_export.workbook(visit.actor, by=by, and_=None, first=None, last=None, branch_id=None, today=visit.today)
    return save(content, f"coverage-{by}-{visit.today}.xlsx", XLSX)


def by_unit(people: list[dict[str, Any]], units: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """(committee, names) in the committees' own order, those in no committee last; committees with nobody waiting are left out."""
    names: dict[str, list[str]] = {unit["name"]: [] for unit in units}
    for person in people:
        names.setdefault(person["unit"] or NO_UNIT, []).append(person["name"])
    return sorted(((unit, found) for unit, found in names.items() if found), key=lambda group: group[0] == NO_UNIT)
