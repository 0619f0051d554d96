"""The roster: found by name or pinyin and by filters, a page at a time; invitations to print; taken out as a workbook."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from sanic import Blueprint
from sanic.response import HTTPResponse

from backend import branches, members, members_binding, members_export, members_listing
from backend.kernel.errors import DakaError
from console import forms, members_forms
from console.http import FILE, XLSX, Visit, go, page, render, save

blueprint = Blueprint("console_members")


@page(blueprint, "GET", "/members", who="members.read")
async def roster(visit: Visit) -> HTTPResponse:
    asked, number = members_forms.asked(visit), max(1, forms.number(visit.asked("page"), instead=1))
    found = await members_listing.find(visit.actor, page=number, size=members_forms.PAGE_SIZE, **asked)
    return render(
        "members/rows.html" if visit.is_fragment else "members/roster.html",
        visit,
        found=found,
        asked={name: visit.asked(name) for name in members_forms.FILTERS},
        units=await branches.units(visit.actor),
        pages=_pages(visit, number, found["total"]),
        is_office=visit.actor.has("roster.write"),
    )


def _pages(visit: Visit, number: int, total: int) -> dict[str, Any]:
    """Addresses of the pages before and after, under the same filters, and what to say between them."""
    given = {name: visit.asked(name) for name in members_forms.FILTERS if visit.asked(name)}
    last = max(1, -(-total // members_forms.PAGE_SIZE))

    def address(to: int) -> str | None:
        return f"/members?{urlencode({**given, 'page': to})}" if 1 <= to <= last else None

    return {"previous": address(min(number - 1, last)), "next": address(number + 1), "note": f"第 {number} / {last} 页" if last > 1 else ""}


@page(blueprint, "GET", "/members/new", who="roster.write")
async def new(visit: Visit) -> HTTPResponse:
    return await _new_form(visit, {**members_forms.typed(visit), "tier": "peer", "status": "full"})


async def _new_form(visit: Visit, typed: dict[str, str], error: DakaError | None = None) -> HTTPResponse:
    errors = forms.faults(error) if error else forms.Faults()
    units = members_forms.choices(await branches.units(visit.actor))
    return render("members/new.html", visit, status=error.status if error else 200, typed=typed, errors=errors, units=units)


@page(blueprint, "POST", "/members/new", who="roster.write")
async def add(visit: Visit) -> HTTPResponse:
    try:
        given = members_forms.particulars(visit)
        unit_id, joined_on = given.pop("unit"), members_forms.day(visit, "joined_on")
        member_id = await members.add(visit.actor, unit_id=unit_id, joined_on=joined_on, **given)
    except DakaError as error:
        return await _new_form(visit, members_forms.typed(visit), error)
    return go(f"/members/{member_id}", visit, notice=f"已新增{given['name']}。发出邀请后，本人即可在小程序绑定。")


@page(blueprint, "POST", "/members/invites", who="roster.write")
async def invite(visit: Visit) -> HTTPResponse:
    """The codes are on this one page and nowhere else: only their SHA-256 is kept."""
    found = await members_binding.invite_several(visit.actor, member_ids=forms.numbers(visit.ticked("members")))
    cards = [{**one, "picture": _picture(one["invite_code"])} for one in found["invited"]]
    return render("members/invites.html", visit, cards=cards, passed_over=found["passed_over"])


def _picture(code: str) -> str:
    import segno

    return segno.make(code, error="m", micro=False).png_data_uri(scale=6, border=4)


@page(blueprint, "POST", "/members/export", who="roster.write", gives=FILE)
async def export(visit: Visit) -> HTTPResponse:
    return save(await members_export.workbook(visit.actor), f"roster-{visit.today}.xlsx", XLSX)
