"""The second factor of the console: an authenticator app's six digits (RFC 6238), or one of ten recovery codes.

Guesses are counted; a code counts once. The secret lies sealed like every other field that is secret.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyotp

from backend import guesses
from backend.kernel import audit, clock, security, settings
from backend.kernel.access import EDITOR, SECRETARY, Actor
from backend.kernel.database import fetch, lock_rows, transactional
from backend.kernel.errors import Conflict, Invalid, NotFound
from models.console import RecoveryCode, SecondFactor
from models.members import Member

PURPOSE = "second-factor"
ISSUER = "打卡控制台"
STEP_S = 30
RECOVERY_CODES = 10
OBLIGED = (SECRETARY, EDITOR)

_NEEDED = """
SELECT EXISTS (SELECT 1 FROM second_factor f WHERE f.member_id = $1 AND f.confirmed_at IS NOT NULL) AS has_one,
  EXISTS (SELECT 1 FROM role_grant g WHERE g.member_id = $1 AND g.role IN ('secretary', 'editor')) AS is_obliged
"""


@dataclass(frozen=True, slots=True)
class State:
    """`codes_left`: recovery codes not used yet."""

    in_force: bool
    required: bool
    codes_left: int


async def is_needed(member_id: int) -> bool:
    """Whether this member enters in two steps: a factor is in force, or the setting asks for one."""
    row = (await fetch(_NEEDED, member_id))[0]
    return bool(row["has_one"]) or (settings.current().second_factor_required and bool(row["is_obliged"]))


async def state(actor: Actor) -> State:
    """How it stands with the caller."""
    in_force = await SecondFactor.exists(member_id=actor.member_id, confirmed_at__isnull=False)
    left = await RecoveryCode.filter(member_id=actor.member_id, used_at=None).count() if in_force else 0
    return State(in_force, settings.current().second_factor_required and bool(actor.roles & set(OBLIGED)), left)


@transactional
async def begin(actor: Actor) -> tuple[str, str]:
    """(the address for the app's QR code, the secret to type): the same ones until confirmed. Raises Conflict where one is in force."""
    await _hold(actor)
    factor = await SecondFactor.get_or_none(member_id=actor.member_id)
    if factor and factor.confirmed_at:
        raise Conflict("已经设置过动态口令；要换手机，请先停用。", code="factor_in_force")
    if factor is None:
        sealed = security.encrypt(pyotp.random_base32(), purpose=PURPOSE)
        factor = await SecondFactor.create(member_id=actor.member_id, secret_sealed=sealed, created_at=clock.now())
    secret = security.decrypt(factor.secret_sealed, purpose=PURPOSE)
    return pyotp.TOTP(secret).provisioning_uri(name=actor.name, issuer_name=ISSUER), secret


@transactional
async def confirm(actor: Actor, *, code: str) -> list[str]:
    """Puts the begun factor in force: its recovery codes, shown this once. Raises Invalid, Conflict, NotFound."""
    await _hold(actor)
    factor = await SecondFactor.get_or_none(member_id=actor.member_id)
    if factor is None:
        raise NotFound()
    if factor.confirmed_at:
        raise Conflict("已经设置过动态口令。", code="factor_in_force")
    if (step := _step_of(factor, code)) is None:
        raise _wrong()
    factor.confirmed_at, factor.last_step = clock.now(), step
    await factor.save(update_fields=["confirmed_at", "last_step"])
    await audit.record(actor, "second_factor:add", subject="member", subject_id=actor.member_id)
    return await _new_codes(actor.member_id)


async def check(actor: Actor, *, code: str, address: str) -> None:
    """Returns for a right code, which is then used up.

    Raises Invalid `code_wrong`, TooMany after five wrong ones, NotFound without a factor.
    """
    if not await _check(actor, code, address):
        raise _wrong()


@transactional
async def _check(actor: Actor, code: str, address: str) -> bool:
    targets = guesses.target("second_factor", str(actor.member_id)), guesses.address(address)
    await guesses.refuse_excess(*targets)
    await _hold(actor)
    factor = await SecondFactor.get_or_none(member_id=actor.member_id, confirmed_at__isnull=False)
    if factor is None:
        raise NotFound()
    if (step := _step_of(factor, code)) is not None:
        await SecondFactor.filter(id=factor.id).update(last_step=step)
        return True
    used = await fetch(
        "UPDATE recovery_code SET used_at = $3 WHERE member_id = $1 AND code_hash = $2 AND used_at IS NULL RETURNING id",
        actor.member_id, security.token_hash(security.plain_code(code)), clock.now(),
    )  # fmt: skip
    if used:
        await audit.record(actor, "second_factor:recover", subject="member", subject_id=actor.member_id)
        return True
    await guesses.count_failure(*targets)
    return False


async def remove(actor: Actor, *, code: str, address: str) -> None:
    """Takes the caller's factor away, for a right code. Raises what `check` raises, Conflict where the setting demands one."""
    if (await state(actor)).required:
        raise Conflict("按本单位设置，书记和党建工作部必须使用动态口令，不能停用。", code="factor_required")
    await check(actor, code=code, address=address)
    await _forget(actor, actor.member_id)


async def renew_codes(actor: Actor, *, code: str, address: str) -> list[str]:
    """Ten new recovery codes in place of all old ones, for a right code. Raises what `check` raises."""
    await check(actor, code=code, address=address)
    return await _renewed(actor)


@transactional
async def _renewed(actor: Actor) -> list[str]:
    await audit.record(actor, "second_factor:renew", subject="member", subject_id=actor.member_id)
    return await _new_codes(actor.member_id)


async def forget(member_id: int) -> None:
    """For the command line, when phone and recovery codes are lost. Raises NotFound."""
    if not await SecondFactor.exists(member_id=member_id):
        raise NotFound(f"编号为 {member_id} 的成员没有设置动态口令。")
    await _forget(None, member_id)


@transactional
async def _forget(actor: Actor | None, member_id: int) -> None:
    await RecoveryCode.filter(member_id=member_id).delete()
    await SecondFactor.filter(member_id=member_id).delete()
    branch_id = actor.branch_id if actor else (await Member.get(id=member_id)).branch_id
    await audit.record(actor, "second_factor:remove", subject="member", subject_id=member_id, branch_id=branch_id)


async def _new_codes(member_id: int) -> list[str]:
    codes = [security.new_invite_code() for _ in range(RECOVERY_CODES)]
    await RecoveryCode.filter(member_id=member_id).delete()
    await RecoveryCode.bulk_create(
        [RecoveryCode(member_id=member_id, code_hash=security.token_hash(security.plain_code(code))) for code in codes]
    )
    return codes


async def _hold(actor: Actor) -> None:
    """Of two requests of one member the second waits: a code must not count twice."""
    await lock_rows("member", [actor.member_id], strength="FOR NO KEY UPDATE")


def _step_of(factor: SecondFactor, code: str) -> int | None:
    """The time step that the six digits belong to, one before or after allowed for a clock that is off; None for wrong or used ones."""
    digits = "".join(code.split())
    totp = pyotp.TOTP(security.decrypt(factor.secret_sealed, purpose=PURPOSE))
    now = int(clock.now().timestamp()) // STEP_S
    fitting = [
        step for step in (now - 1, now, now + 1) if step > factor.last_step and pyotp.utils.strings_equal(digits, totp.generate_otp(step))
    ]
    return fitting[0] if fitting else None


def _wrong() -> Invalid:
    return Invalid(
        "口令不对或已用过：请等应用里换成下一组数字再试。", code="code_wrong", errors=[{"field": "code", "message": "口令不对或已用过"}]
    )
