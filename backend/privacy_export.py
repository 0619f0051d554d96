"""A copy of everything that is kept about one member, as the member may ask for it (个人信息保护法 45)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tortoise.expressions import Q
from tortoise.models import Model

from backend.kernel import clock, security
from backend.kernel.access import Actor
from models.audit import AuditEntry
from models.auth import Account, ConsoleLink, Session
from models.checkins import CheckIn, IdempotencyKey
from models.consents import Consent
from models.console import ConsoleScan, RecoveryCode, SecondFactor
from models.corrections import Correction
from models.feedback import Feedback
from models.leaves import Leave
from models.members import Invite, Member, RoleGrant, Standing
from models.plans import PlanMember
from models.quizzes import Answer, AnswerTally
from models.readings import Reading
from models.reflections import Reflection
from models.reminders import Reminder
from models.reviews import Review
from models.subscriptions import GrantEntry, Subscription
from models.tasks import TaskFetch


def _columns(*own: str, **renamed: str) -> dict[str, str]:
    """Shown name = column."""
    return {name: name for name in own} | renamed


OF_TASK = {"task": "task_id", "date": "task_date"}

# One list for each table that holds something about a member: its name in the copy, and the columns shown. Left out are hashes and
# seals, which say nothing to a person, and who else was involved, which is that person's own.
TABLES: dict[str, tuple[type[Model], dict[str, str]]] = {
    "standings": (Standing, _columns("tier", "status", "starts_on", "until", unit="unit__name")),
    "roles": (RoleGrant, _columns("role")),
    "invites": (Invite, _columns("expires_at")),
    "consents": (Consent, _columns("version", "given_at", "withdrawn_at")),
    "accounts": (Account, _columns("openid", "bound_at", "created_at")),
    "sessions": (Session, _columns("id", "kind", "device", "created_at", "seen_at", "expires_at", "ended_at")),
    "console_links": (ConsoleLink, _columns("expires_at", "used_at")),
    "console_scans": (ConsoleScan, _columns("confirmed_at", "expires_at", "used_at")),
    "second_factors": (SecondFactor, _columns("created_at", "confirmed_at")),
    "recovery_codes": (RecoveryCode, _columns("used_at")),
    "leaves": (Leave, _columns("id", "starts_on", "ends_on", "reason", "note", "state", "created_at")),
    "plans": (PlanMember, _columns("starts_on", "until", plan="plan__title")),
    "readings": (Reading, _columns("read_at", passage="passage_id", **OF_TASK)),
    "answers": (
        Answer,
        _columns("given", "right", "is_first", "answered_at", question="question_id", stem="question__stem", **OF_TASK),
    ),
    "answer_tallies": (AnswerTally, _columns("firsts", "rights", **OF_TASK)),
    "reviews": (
        Review,
        _columns("given", "right", "reviewed_at", "reviewed_on", "due_on", question="question_id", stem="question__stem"),
    ),
    "check_ins": (
        CheckIn,
        _columns("id", "kind", "checked_in_at", "studied_on", "firsts", "rights", "receipt", recorded_by="recorded_by_id", **OF_TASK),
    ),
    "idempotency_keys": (IdempotencyKey, _columns("key", "created_at")),
    "reflections": (Reflection, _columns("body", "state", "written_at", **OF_TASK)),
    "feedback": (Feedback, _columns("id", "text", "created_at", "answer", "answered_at")),
    "corrections": (Correction, _columns("id", "subject", "text", "created_at", "answer", "done", "answered_at")),
    "subscriptions": (Subscription, _columns("remaining", "is_on", "changed_at", template="template_id")),
    "reminders": (Reminder, _columns("day", "state", "reason", "settled_at", task="task_id")),
    "grant_entries": (GrantEntry, _columns("change", "reason", "at", template="template_id")),
}
FETCHES = _columns("fetched_on", session="session_id", task="task_id")
AUDIT = _columns("at", "action", "subject", "subject_id", fields="fields_changed", actor="actor_id")


async def export(actor: Actor) -> dict[str, Any]:
    """{"exported_at", "member": {…}, one list for each of TABLES, "task_fetches", "audit_entries"}: every row there is about the caller.

    Instants in Shanghai time. Of audit entries `by_self` says whether the member was the one who acted, and of check-ins `by_proxy`
    whether somebody else wrote it down; neither names the other person. A constant number of queries.
    """
    mine = actor.member_id
    kept: dict[str, Any] = {"exported_at": clock.now(), "member": await _member(mine)}
    for name, (table, columns) in TABLES.items():
        kept[name] = await table.filter(member_id=mine).order_by("id").values(**columns)
    for checkin in kept["check_ins"]:
        checkin["by_proxy"] = checkin.pop("recorded_by") is not None
    kept["task_fetches"] = await TaskFetch.filter(session__member_id=mine).order_by("id").values(**FETCHES)
    about = Q(subject="member", subject_id=mine) | Q(actor_id=mine)
    kept["audit_entries"] = await AuditEntry.filter(about).order_by("id").values(**AUDIT)
    for entry in kept["audit_entries"]:
        entry["by_self"] = entry.pop("actor") == mine
    return _in_shanghai(kept)


async def _member(member_id: int) -> dict[str, Any]:
    member = await Member.get(id=member_id).select_related("branch")
    return {
        "id": member.id,
        "name": member.name,
        "branch": {"id": member.branch.id, "name": member.branch.name},
        "phone": security.decrypt(member.phone_sealed, purpose="phone") if member.phone_sealed else None,
        "post": member.post,
        "party_joined_on": member.party_joined_on,
        "note": member.note,
        "joined_on": member.joined_on,
        "left_on": member.left_on,
        "created_at": member.created_at,
    }


def _in_shanghai(kept: Any) -> Any:
    if isinstance(kept, datetime):
        return clock.shanghai(kept).isoformat(timespec="seconds")
    if isinstance(kept, dict):
        return {name: _in_shanghai(part) for name, part in kept.items()}
    return [_in_shanghai(part) for part in kept] if isinstance(kept, list) else kept
