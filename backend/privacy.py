"""A person's rights over the own data (个人信息保护法 15, 44–47): consent that counts at once, a copy of everything, and leaving."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from backend import audiences, consents, figures, sessions
from backend.kernel import audit, clock
from backend.kernel.access import Actor, require
from backend.kernel.database import lock_rows, transactional
from backend.kernel.errors import Invalid
from backend.members_binding import shut_out
from backend.members_guard import changeable, refuse_last_secretary
from backend.rules import names
from models.auth import Account, ConsoleLink, Session
from models.checkins import CheckIn, IdempotencyKey
from models.consents import Consent
from models.console import ConsoleScan, RecoveryCode, SecondFactor
from models.corrections import Correction
from models.feedback import Feedback
from models.leaves import Leave, LeaveReason
from models.members import Member, RoleGrant
from models.reflections import Reflection
from models.reminders import Reminder
from models.reviews import Review
from models.subscriptions import GrantEntry, Subscription

# What becomes of each column of the member's row; the name becomes a pseudonym, so that totals stay true without a person in them.
BLANK = {"phone_sealed": None, "phone_hash": None, "post": "", "note": "", "party_joined_on": None}
# Rows that nobody needs of somebody who has left.
PRIVATE = (
    Feedback, Correction, Reflection, Review, Subscription, GrantEntry, Reminder, IdempotencyKey, RoleGrant, ConsoleLink,
    ConsoleScan, RecoveryCode, SecondFactor, Session,
)  # fmt: skip
BLANKED = (
    "name", "phone", "post", "note", "party_joined_on", "left_on", "account", "roles", "consents", "feedback", "corrections", "reflections",
    "subscriptions", "reminders", "leaves",
)  # fmt: skip


async def agree(actor: Actor, *, version: str) -> tuple[dict[str, Any], bool]:
    """As `consents.give`; study writes are open to the member from the next request on."""
    consent = await consents.give(actor, version=version)
    sessions.forget(member_id=actor.member_id)
    return consent


async def withdraw(actor: Actor) -> None:
    """The right to leave: blanks the member's row, deletes private texts and the WeChat account, ends every session.

    Study rows stay under the pseudonym 已退出成员 + id. The member is no longer assigned from today on, or from tomorrow when today's task
    is checked in already: that day was done, and a figure changes by no withdrawal. Cannot be undone. Raises Conflict `last_secretary`.
    """
    await _withdraw(actor, actor.member_id, today=clock.today())
    sessions.forget(member_id=actor.member_id)


async def withdraw_for(actor: Actor | None, *, member_id: int, name: str) -> None:
    """The same by the secretary or the command line, for a member who asks for it in writing. `name` guards against another's number.

    Raises NotFound, Invalid `other_name`, Conflict `member_left` for a row that is blank already, `last_secretary`.
    """
    if actor is not None:
        require(actor, "members.withdraw")
    await _withdraw(actor, member_id, today=clock.today(), name=name)
    sessions.forget(member_id=member_id)


@transactional
async def _withdraw(actor: Actor | None, member_id: int, *, today: date, name: str | None = None) -> None:
    # Locks the branch. Oneself or, with the capability, somebody else of the own branch.
    known = await changeable(actor if actor and actor.member_id != member_id else None, member_id, "members.withdraw")
    if name is not None and names.key(name) != names.key(known.name):
        raise Invalid(f"编号 {member_id} 的成员不叫这个名字，没有做任何改动。", code="other_name")
    # Member before tasks, as a check-in takes them: one under way is let in first, one that comes later finds the member gone.
    await lock_rows("member", [member_id])
    member = await Member.get(id=member_id)
    await refuse_last_secretary(member)
    left_on = await _last_day(member, today)
    await shut_out(member.id)
    for table in PRIVATE:
        await table.filter(member_id=member.id).delete()
    # Its sessions from before the binding go with it.
    await Account.filter(member_id=member.id).delete()
    # Illness is health data, which nobody needs of somebody who has left; that a day was excused stays.
    await Leave.filter(member_id=member.id).update(note="", reason=LeaveReason.OTHER)
    await Consent.filter(member_id=member.id, withdrawn_at=None).update(withdrawn_at=clock.now())
    await Member.filter(id=member.id).update(name=f"已退出成员{member.id}", left_on=left_on, blanked_at=clock.now(), **BLANK)
    await audiences.refresh(member.branch_id, member_ids=[member.id], first=left_on)
    await figures.recount_days(member.branch_id, left_on)
    await audit.record(actor, "member:withdraw", subject="member", subject_id=member.id, branch_id=member.branch_id, fields=BLANKED)


async def _last_day(member: Member, today: date) -> date:
    """The member's `left_on`: the first day on which nothing is assigned any more."""
    done = await CheckIn.exists(member_id=member.id, task_date=today)
    first_free = max(today + timedelta(days=1) if done else today, member.joined_on)
    return min(first_free, member.left_on) if member.left_on is not None else first_free
