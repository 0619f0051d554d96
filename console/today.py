"""The first page: the day's figures, moving as check-ins arrive; who has not studied yet; the last two weeks; what needs attention."""

from __future__ import annotations

import asyncio
import time
from datetime import date, timedelta
from typing import Any

from sanic import Blueprint
from sanic.response import HTTPResponse

from backend import attention, branches, coverage, sessions
from backend.coverage_scope import sees_people
from backend.kernel.access import OBSERVER, UNIT_HEAD, Actor
from backend.kernel.live import hub
from console import words
from console.http import PART, STREAM, Visit, page, render

blueprint = Blueprint("console_today")
NO_UNIT = "未分组"
TREND_DAYS = 14
# A stream looks after its session this often, tells a burst as one, and is begun anew by the browser after ten minutes.
LOOK_S, BREATH_S, LONGEST_S = 10.0, 0.5, 600.0
RING = (("on_time", "按时"), ("makeup", "补卡"), ("proxy", "代录"), ("open", "今日待学"), ("excused", "请假"))


@page(blueprint, "GET", "/", who="stats.read")
async def today(visit: Visit) -> HTTPResponse:
    actor, day = visit.actor, visit.today
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
        aspects=aspects,
        below=below,
        trend=await _trend(actor, day),
        concerns=await _concerns(actor, aspects, day) if sees_people(actor) else None,
        **await _board(actor, day),
    )


@page(blueprint, "GET", "/today/board", who="stats.read", gives=PART, quiet=True)
async def board(visit: Visit) -> HTTPResponse:
    """The part of the page that moves."""
    return render("today/board.html", visit, **await _board(visit.actor, visit.today))


@page(blueprint, "GET", "/today/live", who="stats.read", gives=STREAM, quiet=True)
async def live(visit: Visit) -> None:
    """Server-sent events: `changed` when a check-in of the branch has arrived, from whichever process; a comment now and then."""
    with hub.listening(visit.actor.branch_id) as listener:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        response = await visit.request.respond(content_type="text/event-stream; charset=utf-8", headers=headers)
        await response.send("retry: 3000\n\n")
        ends = time.monotonic() + LONGEST_S
        while time.monotonic() < ends:
            moved = await listener.wait(LOOK_S) or listener.is_blind
            if listener.is_over or not await sessions.is_open(visit.actor.session_id):
                break
            await response.send("event: changed\ndata: .\n\n" if moved else ": .\n\n")
            await asyncio.sleep(BREATH_S)
        await response.eof()


@page(blueprint, "GET", "/silent", who="stats.read")
async def silent(visit: Visit) -> HTTPResponse:
    found = await attention.silent(visit.actor, today=visit.today)
    return render("today/silent.html", visit, groups=by_unit(found), days=attention.SILENT_DAYS)


async def _board(actor: Actor, day: date) -> dict[str, Any]:
    figures = await coverage.of_day(actor, today=day)
    waiting = None if figures["open"] is None else by_unit(figures["open"], await branches.units(actor))
    return {"figures": figures, "waiting": waiting, "ring": ring(figures["cell"]), "linked": sees_people(actor)}


def ring(cell: dict[str, Any]) -> list[tuple[str, str, int, float, float]]:
    """(state, word, count, share of the circle, where it begins), both in hundredths; nothing where the figures are hidden."""
    counts = [(state, word, cell[state] or 0) for state, word in RING]
    whole = sum(count for _, _, count in counts)
    drawn, begins = [], 0.0
    for state, word, count in counts:
        share = 100 * count / whole if whole else 0.0
        drawn.append((state, word, count, share, begins))
        begins += share
    return drawn if cell["assigned"] is not None else []


async def _trend(actor: Actor, day: date) -> dict[str, Any]:
    """The table of the last two weeks' task days, and what the chart is drawn from."""
    table = await coverage.coverage(actor, by="day", first=day - timedelta(days=TREND_DAYS - 1), last=day, today=day)
    rows = [row for row in table["rows"] if row["cell"]["assigned"] is not None][-TREND_DAYS:]
    return {
        "rows": rows,
        "values": {
            "labels": [f"{date.fromisoformat(row['key']):%-m.%-d}" for row in rows],
            "series": [{"name": word, "state": state, "data": [row["cell"][state] for row in rows]} for state, word in RING[:3]],
            "line": {"name": "应学", "data": [row["cell"]["assigned"] for row in rows]},
            "links": [f"/console/coverage/people?day={row['key']}" for row in rows] if sees_people(actor) else [],
        },
    }


async def _concerns(actor: Actor, aspects: dict[str, Any], day: date) -> dict[str, Any]:
    mean, below = attention.below_the_mean(aspects)
    return {
        "silent": len(await attention.silent(actor, today=day)),
        "mean": mean,
        "aspects": below,
        "questions": await attention.hard_questions(actor, today=day) if actor.has("stats.questions") else [],
        "requests": await attention.waiting(actor) if actor.has("leaves.decide") else {},
    }


def by_unit(people: list[dict[str, Any]], units: list[dict[str, Any]] | None = None) -> list[tuple[str, list[dict[str, Any]]]]:
    """(committee, people), those in no committee last: in the order of `units`, else in that in which they come. Empty ones go."""
    found: dict[str, list[dict[str, Any]]] = {unit["name"]: [] for unit in units or ()}
    for person in people:
        found.setdefault(person["unit"] or NO_UNIT, []).append(person)
    return sorted(((unit, some) for unit, some in found.items() if some), key=lambda group: group[0] == NO_UNIT)
