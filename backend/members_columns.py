"""A member's own columns: how what people type becomes name, phone number and notes."""

from __future__ import annotations

from typing import Any

from backend.kernel import security
from backend.kernel.errors import Conflict, Invalid
from backend.rules import names, phones
from models.members import Member

NAME_MOST = 60
MOST = {"post": 100, "note": 500}


async def own_columns(member: Member, changes: dict[str, Any]) -> dict[str, Any]:
    """`changes` as columns of the member's row; a phone number as two. Raises Invalid, Conflict `phone_taken`."""
    own: dict[str, Any] = {}
    for name, value in changes.items():
        if name == "name":
            own["name"] = tidy_name(value)
        elif name == "phone":
            own |= sealed_phone(value)
            await refuse_taken_phone(member.branch_id, value, but=member.id)
            if value and member.phone_hash in hashes_of(value):
                # The same number, maybe under an older key: nothing changed.
                own["phone_hash"] = member.phone_hash
        elif name in ("post", "note"):
            own[name] = tidy_text(name, value)
        else:
            own[name] = value
    return own


async def refuse_taken_phone(branch_id: int, phone: str | None, *, but: int = 0) -> None:
    """Raises Conflict `phone_taken` when somebody else of the branch has the number, under whichever key it was hashed."""
    if phone and await Member.filter(branch_id=branch_id, phone_hash__in=hashes_of(phone)).exclude(id=but).exists():
        raise phone_taken()


def hashes_of(phone: str) -> list[str]:
    """The look-up values of a number as typed, under every key; none for what is no mobile number."""
    plain = phones.plain(phone)
    return security.keyed_hashes(plain, purpose="phone") if plain else []


def tidy_name(name: str) -> str:
    """A member's name as it is stored. Raises Invalid."""
    name = names.tidy(name)
    if not 1 <= len(name) <= NAME_MOST:
        raise Invalid(errors=[{"field": "name", "message": f"姓名应为 1 至 {NAME_MOST} 个字"}])
    return name


def tidy_text(name: str, text: str) -> str:
    """`post` or `note` as it is stored. Raises Invalid when it is too long."""
    text = names.tidy(text)
    if len(text) > MOST[name]:
        raise Invalid(errors=[{"field": name, "message": f"不能超过 {MOST[name]} 个字"}])
    return text


def sealed_phone(phone: str | None) -> dict[str, str | None]:
    """The columns that stand for a phone number, both null without one. Raises Invalid."""
    if not phone:
        return {"phone_sealed": None, "phone_hash": None}
    plain = phones.plain(phone)
    if plain is None:
        raise Invalid(errors=[{"field": "phone", "message": "应为 11 位手机号"}])
    return {"phone_sealed": security.encrypt(plain, purpose="phone"), "phone_hash": security.keyed_hash(plain, purpose="phone")}


def phone_taken() -> Conflict:
    return Conflict("本支部名册中已有此手机号（可能属于已离开的成员）。", code="phone_taken")
