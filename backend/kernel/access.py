"""Who may do what: an actor, the capabilities, and which role has each. The role matrix of the tests is generated from here.

`risk` bits follow the habit of well-known access models: P personal data of others, C configuration or content, L loss of data.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from backend.kernel.errors import Forbidden, NotFound

SECRETARY, EDITOR, UNIT_HEAD, OBSERVER = "secretary", "editor", "unit_head", "observer"


class Actor(msgspec.Struct, frozen=True):
    """Whoever calls: a session, and the member behind it once it is bound. `branch_path` is "/1/5/": the branch and its ancestors."""

    session_id: int
    kind: str = "mini"
    account_id: int | None = None
    member_id: int | None = None
    name: str = ""
    branch_id: int = 0
    branch_path: str = ""
    unit_id: int | None = None
    roles: frozenset[str] = frozenset()
    consented: bool = False
    request_id: str = ""

    def has(self, capability: str) -> bool:
        return bool(self.roles & CAPABILITIES[capability].roles)


@dataclass(frozen=True, slots=True)
class Capability:
    """`roles` have it; each acts on the own branch alone, a unit head on the own unit, an observer reads figures of the subtree."""

    roles: frozenset[str]
    risk: str = ""


def _of(*roles: str, risk: str = "") -> Capability:
    return Capability(frozenset(roles), risk)


CAPABILITIES: dict[str, Capability] = {
    "roster.read": _of(SECRETARY, EDITOR, risk="P"),
    "roster.write": _of(SECRETARY, EDITOR, risk="PL"),
    # A unit head: the own unit's members, without what only the office needs (backend/members_listing.py).
    "members.read": _of(SECRETARY, EDITOR, UNIT_HEAD, risk="P"),
    "members.answers": _of(SECRETARY, risk="P"),
    "members.withdraw": _of(SECRETARY, risk="PL"),
    "roles.write": _of(SECRETARY, risk="C"),
    "branch.write": _of(SECRETARY, risk="C"),
    "leaves.decide": _of(SECRETARY, risk="P"),
    "checkins.record": _of(SECRETARY, UNIT_HEAD, risk="P"),
    "content.read": _of(SECRETARY, EDITOR),
    "content.write": _of(SECRETARY, EDITOR, risk="C"),
    "plans.read": _of(SECRETARY, EDITOR),
    "plans.write": _of(SECRETARY, EDITOR, risk="C"),
    "stats.read": _of(SECRETARY, EDITOR, UNIT_HEAD, OBSERVER, risk="P"),
    "stats.questions": _of(SECRETARY, EDITOR),
    "feedback.read": _of(SECRETARY, risk="P"),
    "feedback.answer": _of(SECRETARY, risk="P"),
    "corrections.answer": _of(SECRETARY, risk="P"),
    "reminders.send": _of(SECRETARY, EDITOR, UNIT_HEAD, risk="P"),
    "audit.read": _of(SECRETARY, risk="P"),
}


def require(actor: Actor, capability: str) -> None:
    """Raises Forbidden unless one of the actor's roles has `capability`."""
    if not actor.has(capability):
        raise Forbidden()


def same_branch(actor: Actor, branch_id: int | None) -> None:
    """Raises NotFound for an object of another branch: a foreign object and a missing one give the same answer."""
    if branch_id != actor.branch_id:
        raise NotFound()
