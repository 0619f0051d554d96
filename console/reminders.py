"""Reminders: whom, what exactly, sent once; then how far it is, the ledger, and the grants that are left."""

from __future__ import annotations

import re
from typing import Any

from sanic import Blueprint
from sanic.response import HTTPResponse

from backend import branches, reminders, reminders_choice
from backend.kernel import security, settings
from console import forms
from console.http import PART, Visit, go, page, render
from console.today import by_unit

blueprint = Blueprint("console_reminders")
A_PAGE = 30
NOBODY = "请至少选择一人。"
# What a field of the template holds, as the preview calls it.
FIELDS = {"title": "学习内容", "date": "学习日期", "note": "温馨提示"}
REACHED = (("", "全部"), ("yes", "能收到"), ("no", "收不到"))


@page(blueprint, "GET", "/reminders", who="reminders.send")
async def choose(visit: Visit) -> HTTPResponse:
    return await _choose(visit)


@page(blueprint, "POST", "/reminders/preview", who="reminders.send")
async def preview_reminders(visit: Visit) -> HTTPResponse:
    members = forms.numbers(visit.ticked("members"))
    if not members:
        return await _choose(visit, fault=NOBODY, status=422)
    found = await reminders.preview(visit.actor, members=members, today=visit.today)
    return render(
        "reminders/preview.html",
        visit,
        found=found,
        members=members,
        heads=await reminders_choice.for_heads_before(visit.actor, members=members, today=visit.today),
        key=security.new_token(),
        fields=_fields(),
    )


@page(blueprint, "POST", "/reminders", who="reminders.send")
async def send_reminders(visit: Visit) -> HTTPResponse:
    """`key` came with the preview: sent again, by a second press or a reload, the form leads to the batch of the first time."""
    members, key = forms.numbers(visit.ticked("members")), visit.filled("key")
    if not members or not re.fullmatch(r"[A-Za-z0-9_-]{20,64}", key):
        return await _choose(visit, fault=NOBODY, status=422)
    batch = await reminders.send(visit.actor, members=members, today=visit.today, key=key)
    return go(f"/reminders/{batch['id']}")


@page(blueprint, "GET", "/reminders/<batch_id:int>", who="reminders.send")
async def one_batch(visit: Visit, batch_id: int) -> HTTPResponse:
    return render("reminders/one.html", visit, **await _batch(visit, batch_id))


@page(blueprint, "GET", "/reminders/<batch_id:int>/progress", who="reminders.send", gives=PART, quiet=True)
async def progress(visit: Visit, batch_id: int) -> HTTPResponse:
    """The part of a batch's page that asks for itself until all is settled."""
    return render("reminders/progress.html", visit, **await _batch(visit, batch_id))


@page(blueprint, "GET", "/reminders/ledger", who="reminders.send")
async def ledger(visit: Visit) -> HTTPResponse:
    before = forms.number(visit.asked("before"), instead=0)
    found = await reminders.listing(visit.actor, before=before, limit=A_PAGE)
    older = f"/reminders/ledger?before={found[A_PAGE - 1]['id']}" if len(found) > A_PAGE else None
    return render("reminders/ledger.html", visit, batches=found[:A_PAGE], older=older, newest="/reminders/ledger" if before else None)


@page(blueprint, "GET", "/reminders/grants", who="reminders.send")
async def grants(visit: Visit) -> HTTPResponse:
    unit, reached = forms.number(visit.asked("unit")), visit.asked("reached")
    found = await reminders_choice.grants(visit.actor, unit=unit, today=visit.today)
    shown = [person for person in found if not reached or (person["reason"] is None) == (reached == "yes")]
    return render(
        "reminders/grants.html",
        visit,
        groups=by_unit(shown),
        total=len(found),
        reachable=sum(person["reason"] is None for person in found),
        asked={"unit": visit.asked("unit"), "reached": reached},
        reached=REACHED,
        units=await _units(visit),
    )


async def _choose(visit: Visit, *, fault: str = "", status: int = 200) -> HTTPResponse:
    asked = {name: forms.number(visit.asked(name)) for name in ("unit", "plan")}
    found = await reminders_choice.choice(visit.actor, **asked, today=visit.today)
    picked = set(forms.numbers(visit.request.args.getlist("members") or []))
    units = await _units(visit)
    return render(
        "reminders/choose.html",
        visit,
        status=status,
        found=found,
        groups=by_unit(found["people"], units),
        reachable=sum(person["reason"] is None for person in found["people"]),
        picked=picked or {person["id"] for person in found["people"] if person["reason"] != "already"},
        asked=asked,
        units=units,
        fault=fault,
    )


async def _units(visit: Visit) -> list[dict[str, Any]]:
    """The units to choose from: none for the head of one, who sees no other."""
    return await branches.units(visit.actor) if visit.actor.has("roster.read") else []


def _fields() -> dict[str, str]:
    return {name: FIELDS[holds] for name, holds in settings.current().wechat_reminder_fields}


async def _batch(visit: Visit, batch_id: int) -> dict[str, Any]:
    """A batch and, once it is settled and as long as its day lasts, what is left to do by hand."""
    batch = await reminders.detail(visit.actor, batch_id=batch_id)
    is_todays = batch["date"] == visit.today
    by_hand = batch["finished"] and is_todays
    return {
        "batch": batch,
        "settled": batch["total"] - batch["counts"]["waiting"] - batch["counts"]["sending"],
        "is_todays": is_todays,
        "heads": await reminders_choice.for_heads(visit.actor, batch_id=batch_id, today=visit.today) if by_hand else [],
    }
