"""What the roster's forms hold, as the backend wants it; what is no date or no known word is a fault of its field."""

from __future__ import annotations

from typing import Any

from backend.kernel.errors import Invalid
from backend.leaves import LeaveReason
from backend.members import Role, Status, Tier
from console import forms
from console.http import Visit

BOUND = {"yes": True, "no": False}
FILTERS = ("q", "unit", "tier", "status", "role", "bound", "state")
PAGE_SIZE = 50
PARTICULARS = ("name", "phone", "unit", "tier", "status", "post", "party_joined_on", "note")


def asked(visit: Visit) -> dict[str, Any]:
    """The filters of the roster's address, without those that make no sense."""
    q, tier, status, role, state = (visit.asked(name) for name in ("q", "tier", "status", "role", "state"))
    return {
        "q": q[:60],
        "unit": forms.number(visit.asked("unit")),
        "tier": tier if tier in list(Tier) else None,
        "status": status if status in list(Status) else None,
        "role": role if role in list(Role) else None,
        "bound": BOUND.get(visit.asked("bound")),
        "state": state if state in ("left", "all") else "active",
    }


def typed(visit: Visit) -> dict[str, str]:
    """The particulars as they were typed, to be shown again beside what was wrong."""
    return {name: visit.filled(name) for name in (*PARTICULARS, "joined_on", "effective_on")}


def shown(item: dict[str, Any]) -> dict[str, str]:
    """A member's particulars as the form shows them."""
    unit = item["unit"]["id"] if item["unit"] else ""
    return {**{name: str(item[name] or "") for name in PARTICULARS}, "unit": str(unit), "joined_on": "", "effective_on": ""}


def particulars(visit: Visit) -> dict[str, Any]:
    """Name, phone, unit, tier, status, post, party_joined_on and note for `members.add` and `members.change`. Raises Invalid."""
    faults: list[dict[str, str]] = []
    given = {
        "name": visit.filled("name"),
        "phone": visit.filled("phone") or None,
        "unit": forms.number(visit.filled("unit")),
        "tier": _word(visit, "tier", Tier, faults),
        "status": _word(visit, "status", Status, faults),
        "post": visit.filled("post"),
        "party_joined_on": _day(visit, "party_joined_on", faults),
        "note": visit.filled("note"),
    }
    return _sound(given, faults)


def day(visit: Visit, name: str) -> Any:
    """A day, or None where the field is empty. Raises Invalid."""
    faults: list[dict[str, str]] = []
    return _sound({name: _day(visit, name, faults)}, faults)[name]


def leave(visit: Visit) -> dict[str, Any]:
    """starts_on, ends_on, reason and note for `leaves.give`. Raises Invalid."""
    faults: list[dict[str, str]] = []
    given = {name: _day(visit, name, faults, required=True) for name in ("starts_on", "ends_on")}
    given |= {"reason": _word(visit, "reason", LeaveReason, faults), "note": visit.filled("note")}
    return _sound(given, faults)


def roles(visit: Visit) -> list[Role]:
    """The roles ticked; what is no role is passed over."""
    return [Role(role) for role in visit.ticked("roles") if role in list(Role)]


def _sound(given: dict[str, Any], faults: list[dict[str, str]]) -> dict[str, Any]:
    if faults:
        raise Invalid(errors=faults)
    return given


def _word(visit: Visit, name: str, kind: Any, faults: list[dict[str, str]]) -> Any:
    text = visit.filled(name)
    if text in list(kind):
        return kind(text)
    faults.append({"field": name, "message": "请选择"})
    return None


def _day(visit: Visit, name: str, faults: list[dict[str, str]], *, required: bool = False) -> Any:
    text = visit.filled(name)
    found = forms.day(text)
    if found is None and (text or required):
        faults.append({"field": name, "message": "请填写日期，如 2026-03-01"})
    return found


def choices(units: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """(value, label) of the branch's units for a field of the form."""
    return [(str(unit["id"]), unit["name"]) for unit in units]
