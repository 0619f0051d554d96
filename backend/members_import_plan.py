"""What loading a roster would do, row by row, decided before anything is written: a preview asks for no number of a new member."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from backend import members_keys, members_standing
from backend.kernel import security
from backend.kernel.access import Actor
from backend.kernel.database import fetch
from backend.members_columns import hashes_of, sealed_phone
from backend.members_guard import has_left
from backend.rules import forms_roster, names, roster
from models.branches import Unit
from models.members import Member, RoleGrant

PRIVILEGED = "该成员担任管理职责，姓名和手机号只能由书记修改。"
# A unit that the file names and the branch does not have yet.
NEW_UNIT = -1

Draft = forms_roster.RosterDraft


@dataclass(frozen=True, slots=True)
class Line:
    """A sound row; `given` are the columns that were filled in: an empty cell changes nothing about a member already on the roster."""

    number: int
    draft: Draft
    given: frozenset[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """`new`: rows of new members; `old`: (row, member, columns to change) of known ones; `moved`: member id -> fields of the standing."""

    new: Sequence[Line]
    old: Sequence[tuple[Line, Member, dict[str, Any]]]
    moved: dict[int, set[str]]
    faults: Sequence[tuple[int, str]]
    units_added: Sequence[str]
    standings: dict[int, dict[str, Any]] = field(default_factory=dict)

    def report(self, *, dry_run: bool) -> dict[str, Any]:
        updated = sum(bool(own) or member.id in self.moved for _, member, own in self.old)
        return {
            "added": len(self.new),
            "updated": updated,
            "unchanged": len(self.old) - updated,
            "faults": [{"row": number, "reason": reason} for number, reason in self.faults],
            "units_added": list(self.units_added),
            "dry_run": dry_run,
        }

    def rows(self) -> list[dict[str, Any]]:
        """[{"row", "kind": new, changed or same, "member", "name", "unit", "changes": [(field, before, after)]}] of the sound rows."""
        shown = [self._new(line) for line in self.new] + [self._old(*found) for found in self.old]
        return sorted(shown, key=lambda row: row["row"])

    def _new(self, line: Line) -> dict[str, Any]:
        return {"row": line.number, "kind": "new", "member": None, "name": line.draft.name, "unit": line.draft.unit, "changes": []}

    def _old(self, line: Line, member: Member, own: dict[str, Any]) -> dict[str, Any]:
        draft, now = line.draft, self.standings[member.id]
        changes = [(name, getattr(member, name), value) for name, value in own.items() if not name.startswith("phone")]
        if "phone_hash" in own:
            changes.append(("phone", _opened(member.phone_sealed), draft.phone))
        after = {"unit_id": draft.unit, "tier": draft.tier, "status": draft.status}
        before = {**now, "unit_id": now["unit"]}
        changes += [(name.removesuffix("_id"), before[name], after[name]) for name in sorted(self.moved.get(member.id, ()))]
        kind = "changed" if changes else "same"
        return {"row": line.number, "kind": kind, "member": member.id, "name": member.name, "unit": now["unit"], "changes": changes}


async def plan(actor: Actor | None, branch_id: int, lines: list[Line], faults: list[tuple[int, str]], today: date) -> Plan:
    """What the rows would do to the branch as it stands. Five queries at any size; writes nothing."""
    known = {member.id: member for member in await Member.filter(branch_id=branch_id, blanked_at=None)}
    found, doubts = roster.match(
        [roster.Row(line.number, line.draft.name, hashes_of(line.draft.phone) if line.draft.phone else ()) for line in lines],
        [roster.Known(m.id, m.name, _number_of(m), not has_left(m, today)) for m in known.values()],
    )
    own = {line.number: _own_changes(known[found[line.number]], line.draft) for line in lines if found.get(line.number)}
    faults = sorted(faults + doubts + await _privileged(actor, branch_id, found, own))
    refused = {number for number, _ in faults}
    sound = [line for line in lines if line.number not in refused]
    units = {names.key(name): unit_id for unit_id, name in await Unit.filter(branch_id=branch_id).values_list("id", "name")}
    old = [(line, known[found[line.number]], own[line.number]) for line in sound if found[line.number] is not None]
    wanted = {member.id: standing_given(line, units) for line, member, _ in old}
    missing = {names.key(line.draft.unit): line.draft.unit for line in sound if line.draft.unit and names.key(line.draft.unit) not in units}
    return Plan(
        new=[line for line in sound if found[line.number] is None],
        old=old,
        moved=await members_standing.differing(wanted, on=today),
        faults=faults,
        units_added=sorted(missing.values()),
        standings=await _standings([member.id for _, member, _ in old], branch_id, today),
    )


def standing_given(line: Line, units: dict[str, int]) -> dict[str, Any]:
    """The fields of the standing that the row gives; `units`: key of a name (rules.names) -> id."""
    draft, given = line.draft, line.given
    return {
        **({"unit_id": units.get(names.key(draft.unit), NEW_UNIT)} if draft.unit else {}),
        **({"tier": draft.tier} if "类别" in given else {}),
        **({"status": draft.status} if "身份" in given else {}),
    }


async def _standings(member_ids: list[int], branch_id: int, today: date) -> dict[int, dict[str, Any]]:
    rows = await fetch(
        "SELECT s.member_id, s.tier, s.status, u.name AS unit FROM standing s JOIN member m ON m.id = s.member_id "
        "LEFT JOIN unit u ON u.id = s.unit_id "
        "WHERE m.branch_id = $1 AND s.starts_on <= $2 AND (s.until IS NULL OR s.until > $2)",
        branch_id, today,
    )  # fmt: skip
    wanted = set(member_ids)
    return {row["member_id"]: row for row in rows if row["member_id"] in wanted}


async def _privileged(
    actor: Actor | None, branch_id: int, found: dict[int, int | None], own: dict[int, dict[str, Any]]
) -> list[tuple[int, str]]:
    """Rows by which an editor would take over an identity that carries a role: see `members_guard.refuse_privileged`."""
    if actor is None or actor.has("roles.write"):
        return []
    with_roles = set(await RoleGrant.filter(member__branch_id=branch_id).values_list("member_id", flat=True)) - {actor.member_id}
    return [(row, PRIVILEGED) for row, changes in own.items() if found[row] in with_roles and changes.keys() & {"name", "phone_hash"}]


def _number_of(member: Member) -> str | None:
    """The look-up value of a known member's number; none where its key is lost: it tells nobody apart, and the file replaces it."""
    return member.phone_hash if member.phone_sealed and members_keys.opens(member.phone_sealed) else None


def _opened(sealed: str | None) -> str | None:
    return security.decrypt(sealed, purpose="phone") if sealed and members_keys.opens(sealed) else None


def _own_changes(member: Member, draft: Draft) -> dict[str, Any]:
    """The columns of a known member that the row changes; an empty cell changes nothing."""
    given = {"name": draft.name, "post": draft.post, "note": draft.note, "party_joined_on": draft.party_joined_on}
    changes = {name: value for name, value in given.items() if value and value != getattr(member, name)}
    if names.key(draft.name) == names.key(member.name):
        # 张 三 and 张三 are one name: the roster's own spelling stays.
        changes.pop("name", None)
    if draft.phone and member.phone_hash not in hashes_of(draft.phone):
        changes |= sealed_phone(draft.phone)
    return changes
