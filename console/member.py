"""One member: the days of study for those who look after the member; particulars, roles, leave and leaving for the office."""

from __future__ import annotations

from sanic import Blueprint
from sanic.response import HTTPResponse

from backend import branches, leaves, members, members_listing, privacy, progress_member
from backend.kernel.errors import Conflict, DakaError, Invalid
from console import forms, member_days, members_forms
from console.http import Visit, go, page, render

blueprint = Blueprint("console_member")


@page(blueprint, "GET", "/members/<member_id:int>", who="members.read")
async def show(visit: Visit, member_id: int) -> HTTPResponse:
    found = await progress_member.of_member(visit.actor, member_id=member_id, today=visit.today)
    taken = await leaves.of_member(visit.actor, member_id=member_id) if visit.actor.has("leaves.decide") else None
    return render(
        "members/one.html",
        visit,
        **found,
        months=member_days.months(found["days"]),
        leaves=taken,
        is_office=visit.actor.has("roster.write"),
    )


@page(blueprint, "GET", "/members/<member_id:int>/edit", who="roster.write")
async def edit(visit: Visit, member_id: int) -> HTTPResponse:
    return await _form(visit, member_id)


async def _form(visit: Visit, member_id: int, error: DakaError | None = None) -> HTTPResponse:
    """The page of every form about one member; what was wrong stands at its field, and what was typed stays."""
    member = await members_listing.one(visit.actor, member_id=member_id)
    return render(
        "members/edit.html",
        visit,
        status=error.status if error else 200,
        member=member,
        typed=members_forms.typed(visit) if error and visit.filled("name") else members_forms.shown(member),
        errors=forms.faults(error) if error else forms.Faults(),
        units=members_forms.choices(await branches.units(visit.actor)),
        is_secretary=visit.actor.has("roles.write"),
        is_self=visit.actor.member_id == member_id,
    )


@page(blueprint, "POST", "/members/<member_id:int>/edit", who="roster.write")
async def change(visit: Visit, member_id: int) -> HTTPResponse:
    try:
        changes, on = members_forms.particulars(visit), members_forms.day(visit, "effective_on")
        await members.change(visit.actor, member_id=member_id, changes=changes, effective_on=on)
    except (Invalid, Conflict) as error:
        return await _form(visit, member_id, error)
    return go(f"/members/{member_id}", visit, notice="已保存。")


@page(blueprint, "POST", "/members/<member_id:int>/roles", who="roles.write")
async def set_roles(visit: Visit, member_id: int) -> HTTPResponse:
    try:
        await members.set_roles(visit.actor, member_id=member_id, roles=members_forms.roles(visit))
    except Conflict as error:
        return await _form(visit, member_id, error)
    return go(f"/members/{member_id}", visit, notice="职责已更新，5 秒内生效。")


@page(blueprint, "POST", "/members/<member_id:int>/unbind", who="roster.write")
async def unbind(visit: Visit, member_id: int) -> HTTPResponse:
    await members.unbind(visit.actor, member_id=member_id)
    return go(f"/members/{member_id}/edit", visit, notice="已解除微信绑定，其登录已全部失效。")


@page(blueprint, "POST", "/members/<member_id:int>/departure", who="roster.write")
async def depart(visit: Visit, member_id: int) -> HTTPResponse:
    try:
        left_on = members_forms.day(visit, "left_on")
        await members.change(visit.actor, member_id=member_id, changes={"left_on": left_on})
    except (Invalid, Conflict) as error:
        return await _form(visit, member_id, error)
    return go(f"/members/{member_id}/edit", visit, notice=f"已登记：自 {left_on} 起不在册。" if left_on else "现为在册成员。")


@page(blueprint, "POST", "/members/<member_id:int>/withdraw", who="members.withdraw")
async def withdraw(visit: Visit, member_id: int) -> HTTPResponse:
    try:
        await privacy.withdraw_for(visit.actor, member_id=member_id, name=visit.filled("confirm_name"))
    except (Invalid, Conflict) as error:
        return await _form(visit, member_id, error)
    return go("/members", visit, notice="已按本人要求清除其个人信息。")


@page(blueprint, "GET", "/members/<member_id:int>/leave", who="leaves.decide")
async def leave(visit: Visit, member_id: int) -> HTTPResponse:
    return await _leave_form(visit, member_id)


async def _leave_form(visit: Visit, member_id: int, error: DakaError | None = None) -> HTTPResponse:
    return render(
        "members/leave.html",
        visit,
        status=error.status if error else 200,
        member=await members_listing.one(visit.actor, member_id=member_id),
        leaves=await leaves.of_member(visit.actor, member_id=member_id),
        typed={name: visit.filled(name) for name in ("starts_on", "ends_on", "reason", "note")},
        errors=forms.faults(error) if error else forms.Faults(),
    )


@page(blueprint, "POST", "/members/<member_id:int>/leave", who="leaves.decide")
async def give_leave(visit: Visit, member_id: int) -> HTTPResponse:
    try:
        given = members_forms.leave(visit)
        await leaves.give(visit.actor, member_id=member_id, **given)
    except (Invalid, Conflict) as error:
        return await _leave_form(visit, member_id, error)
    return go(f"/members/{member_id}/leave", visit, notice=f"已登记请假：{given['starts_on']} 至 {given['ends_on']}。")
