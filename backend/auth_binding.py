"""Binding a WeChat account to the real-name roster (实名制): a name, and a one-time invitation code or the number WeChat vouches for.

Whatever does not match gets one answer, after the same work; and guessing is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from tortoise.exceptions import IntegrityError

from backend import auth, guesses, members_columns, sessions
from backend.kernel import audit, clock, security
from backend.kernel.access import Actor
from backend.kernel.database import fetch, int_list, lock_rows, transactional
from backend.kernel.errors import Conflict, DakaError, Invalid, NotFound, Unauthorised
from backend.rules import names
from backend.wechat.client import WeChat
from models.auth import Session

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Proof:
    """What a name is claimed with: column and values by which a member is found, and what counts as guessing."""

    column: str
    values: list[str]
    targets: tuple[guesses.Target, ...]


async def bind(
    actor: Actor,
    *,
    wechat: WeChat,
    name: str,
    address: str,
    invite_code: str | None = None,
    phone_code: str | None = None,
    user_agent: str = "",
) -> dict[str, Any]:
    """Ties the caller's WeChat account to the one active member of this name with this invitation code, or this phone number.

    Returns what `sign_in` returns; every older session of the account is dead, and the invitation used up. Raises Invalid unless exactly
    one of the codes is given, NotFound `not_on_roster` for every mismatch, Conflict `already_bound` (of the member: only once proven),
    TooMany after 5 failures for a name or code in 15 minutes or 20 from an address; names are counted apart for each way, so that
    who is kept out of one has the other. BadRequest `phone_code_refused`, Unavailable as from WeChat.
    """
    if (invite_code is None) == (phone_code is None):
        raise Invalid("请填写邀请码，或授权手机号。", errors=[{"field": "invite_code", "message": "邀请码与手机号授权应有且只有一项"}])
    account = await _account(actor.account_id)
    if account["is_bound"]:
        raise already_bound()
    origin, plain_name = guesses.address(address), names.key(name)
    if invite_code is not None:
        proof = _by_invite(plain_name, invite_code, origin)
    else:
        proof = await _by_phone(wechat, plain_name, phone_code, origin, account["openid"])
    try:
        opened = await _bind(actor, plain_name, proof, auth.device_in(user_agent))
    except DakaError as error:
        log.info("bind refused", code=error.code)
        raise
    if opened is None:
        log.info("bind refused", code="not_on_roster")
        raise not_on_roster()
    # After the commit: until then other requests could still remember the old sessions.
    sessions.forget(account_id=actor.account_id)
    return await auth.signed_in(*opened)


async def _account(account_id: int | None) -> dict[str, Any]:
    """{"openid", "is_bound"} of the caller's account. Raises Unauthorised when it is gone (cancelled in WeChat)."""
    rows = await fetch("SELECT openid, member_id FROM account WHERE id = $1", account_id)
    if not rows:
        raise Unauthorised()
    return {"openid": rows[0]["openid"], "is_bound": await auth.is_active(rows[0]["member_id"])}


def _by_invite(plain_name: str, invite_code: str, origin: guesses.Target) -> Proof:
    code_hash = security.token_hash(security.plain_code(invite_code))
    return Proof("i.code_hash", [code_hash], (guesses.target("invite_name", plain_name), guesses.target("invite_code", code_hash), origin))


async def _by_phone(wechat: WeChat, plain_name: str, phone_code: str, origin: guesses.Target, openid: str) -> Proof:
    target = guesses.target("phone_name", plain_name)
    # A first look, so that a locked name costs no call; the look that counts comes with the comparison.
    await guesses.refuse_excess(target, origin)
    phone = await wechat.phone_number(phone_code, openid=openid)
    return Proof("m.phone_hash", members_columns.hashes_of(phone), (target, guesses.target("phone_number", phone), origin))


@transactional
async def _bind(actor: Actor, plain_name: str, proof: Proof, device: str) -> tuple[str, Session] | None:
    """The new session; None for a mismatch, which is returned and not raised so that its count is committed."""
    await guesses.refuse_excess(*proof.targets)
    member = await _matching(plain_name, proof)
    if member is None:
        await guesses.count_failure(*proof.targets)
        return None
    await lock_rows("account", [actor.account_id])
    if (await _account(actor.account_id))["is_bound"] or member["account_id"] is not None:
        raise already_bound()
    try:
        await fetch("UPDATE account SET member_id = $2, bound_at = $3 WHERE id = $1", actor.account_id, member["id"], clock.now())
    except IntegrityError:
        raise already_bound() from None
    # Used up, whichever way was taken: a code that lies about would bind somebody else after an unbinding.
    used = await fetch("DELETE FROM invite WHERE member_id = $1 RETURNING code_hash", member["id"])
    if proof.column == "i.code_hash" and [row["code_hash"] for row in used] != proof.values:
        # Replaced or used since it was compared: nothing of this stays.
        raise not_on_roster()
    await sessions.end_all(account_id=actor.account_id)
    itself = msgspec.structs.replace(actor, member_id=member["id"], branch_id=member["branch_id"])
    await audit.record(itself, "member:bind", subject="member", subject_id=member["id"], fields=["account"])
    return await sessions.open_session(member_id=member["id"], account_id=actor.account_id, device=device)


async def _matching(plain_name: str, proof: Proof) -> dict[str, Any] | None:
    """{"id", "branch_id", "account_id"} of the one active member of any branch whom name and proof fit; None for none or several."""
    slots = ", ".join(f"${n + 2}" for n in range(len(proof.values))) or "NULL"
    found = await fetch(
        "SELECT m.id FROM member m LEFT JOIN invite i ON i.member_id = m.id AND i.expires_at > $1 "  # noqa: S608
        f"WHERE {proof.column} IN ({slots}) ORDER BY m.id",
        clock.now(), *proof.values,
    )  # fmt: skip
    ids = [row["id"] for row in found]
    # Held, so that nobody leaves or is renamed between this look and the binding.
    await lock_rows("member", ids, strength="FOR SHARE")
    rows = await fetch(
        "SELECT m.id, m.branch_id, m.name, a.id AS account_id FROM member m LEFT JOIN account a ON a.member_id = m.id "  # noqa: S608
        f"WHERE m.id IN ({int_list(ids)}) AND m.blanked_at IS NULL AND m.joined_on <= $1 AND (m.left_on IS NULL OR m.left_on > $1)",
        clock.today(),
    )
    fitting = [row for row in rows if names.key(row["name"]) == plain_name]
    return fitting[0] if len(fitting) == 1 else None


def not_on_roster() -> NotFound:
    """The one answer for every mismatch: it does not tell a wrong name from a wrong code."""
    return NotFound("名册中没有与所填信息一致的成员，请核对姓名和邀请码（或手机号），或联系支部书记。", code="not_on_roster")


def already_bound() -> Conflict:
    return Conflict("该微信号或该成员已经绑定；如需换绑，请联系支部书记解除原绑定。", code="already_bound")
