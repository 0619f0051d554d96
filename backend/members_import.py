"""Loading a real-name roster from a workbook: all rows or none, unless the sound ones are asked for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Any

from backend import audiences, branches, members_keys, members_standing
from backend.kernel import audit, clock, documents
from backend.kernel.access import Actor, require
from backend.kernel.database import fetch, transactional
from backend.kernel.errors import Invalid
from backend.members import settle
from backend.members_columns import hashes_of, sealed_phone
from backend.members_guard import has_left
from backend.rules import forms_roster, names, roster
from models.members import Member, RoleGrant

PRIVILEGED = "该成员担任管理职责，姓名和手机号只能由书记修改。"

Draft = forms_roster.RosterDraft


@dataclass(frozen=True, slots=True)
class _Line:
    """A sound row; `given` are the columns that were filled in: an empty cell changes nothing about a member already on the roster."""

    number: int
    draft: Draft
    given: frozenset[str]


class _TakenBack(Exception):
    """Ends a dry run: what it wrote is rolled back, what it found is kept."""

    def __init__(self, report: dict[str, Any]) -> None:
        self.report = report


def template() -> bytes:
    """An empty roster form (xlsx) with drop-downs."""
    return documents.template(forms_roster.COLUMNS, forms_roster.CHOICES, forms_roster.EXAMPLES, forms_roster.TITLE)


async def load(
    actor: Actor | None,
    *,
    content: bytes,
    branch_id: int | None = None,
    joined_on: date | None = None,
    partial: bool = False,
    dry_run: bool = False,
) -> dict[str, Any]:
    """{"added", "updated", "unchanged", "faults": [{"row", "reason"}], "units_added", "dry_run"} of a roster workbook.

    A row is a member of the branch with its phone number, else with its name; new members join on `joined_on` (today, unless given) and
    unit, tier and status of known ones change from today on. Unknown units are added. Raises Invalid `faulty_rows` naming each faulty
    row, with nothing written, unless `partial` loads the sound ones; a dry run reports both and writes nothing. Raises Invalid
    `unreadable_file`, Conflict `plan_overlap`.
    """
    if actor is not None:
        require(actor, "roster.write")
        branch_id = actor.branch_id
    else:
        await branches.ensure(branch_id)
    rows = await asyncio.to_thread(documents.read_sheet, content)
    drafts, faults = forms_roster.roster_sheet(rows)
    cells = dict(rows)
    lines = [_Line(number, draft, frozenset(name for name, text in cells[number].items() if text)) for number, draft in drafts]
    try:
        return await _load(actor, branch_id, lines, list(faults), joined_on or clock.today(), partial, dry_run)
    except _TakenBack as done:
        return done.report


@transactional
async def _load(
    actor: Actor | None, branch_id: int, lines: list[_Line], faults: list[tuple[int, str]], joined_on: date, partial: bool, dry_run: bool
) -> dict[str, Any]:
    await audiences.lock(branch_id)
    known = {member.id: member for member in await Member.filter(branch_id=branch_id, blanked_at=None)}
    today = clock.today()
    found, doubts = roster.match(
        [roster.Row(line.number, line.draft.name, hashes_of(line.draft.phone) if line.draft.phone else ()) for line in lines],
        [roster.Known(m.id, m.name, _number_of(m), not has_left(m, today)) for m in known.values()],
    )
    own = {line.number: _own_changes(known[found[line.number]], line.draft) for line in lines if found.get(line.number)}
    doubts += await _privileged(actor, branch_id, found, own)
    faults = sorted(faults + doubts)
    if faults and not (partial or dry_run):
        raise _faulty_rows(faults)
    refused = {number for number, _ in faults}
    sound = [line for line in lines if line.number not in refused]
    units, units_added = await branches.units_named(branch_id, sorted({line.draft.unit for line in sound if line.draft.unit}))
    new = await _add([line for line in sound if found[line.number] is None], branch_id, joined_on, units)
    old = [line for line in sound if found[line.number] is not None]
    moved = await members_standing.change({found[line.number]: _standing_given(line, units) for line in old}, on=today)
    for line in old:
        if own[line.number]:
            await known[found[line.number]].update_from_dict(own[line.number]).save(update_fields=list(own[line.number]))
    updated = {found[line.number] for line in old if own[line.number]} | set(moved)
    if new or moved:
        await settle(branch_id, [*new, *moved], first=min([joined_on] * bool(new) + [today] * bool(moved)))
    report = {
        "added": len(new),
        "updated": len(updated),
        "unchanged": len(old) - len(updated),
        "faults": [{"row": number, "reason": reason} for number, reason in faults],
        "units_added": units_added,
        "dry_run": dry_run,
    }
    if dry_run:
        raise _TakenBack(report)
    counts = [f"{name}={report[name]}" for name in ("added", "updated", "unchanged")] + [f"faults={len(faults)}"]
    await audit.record(actor, "roster:import", subject="branch", subject_id=branch_id, branch_id=branch_id, fields=counts)
    return report


async def _privileged(
    actor: Actor | None, branch_id: int, found: dict[int, int | None], own: dict[int, dict[str, Any]]
) -> list[tuple[int, str]]:
    """Rows by which an editor would take over an identity that carries a role: see `members_guard.refuse_privileged`."""
    if actor is None or actor.has("roles.write"):
        return []
    with_roles = set(await RoleGrant.filter(member__branch_id=branch_id).values_list("member_id", flat=True)) - {actor.member_id}
    return [(row, PRIVILEGED) for row, changes in own.items() if found[row] in with_roles and changes.keys() & {"name", "phone_hash"}]


def _faulty_rows(faults: list[tuple[int, str]]) -> Invalid:
    return Invalid(
        f"有 {len(faults)} 处错误，没有导入任何一行。",
        code="faulty_rows",
        errors=[{"field": f"第 {number} 行", "message": reason} for number, reason in faults],
        extra={"faults": [{"row": number, "reason": reason} for number, reason in faults]},
    )


def _number_of(member: Member) -> str | None:
    """The look-up value of a known member's number; none where its key is lost: it tells nobody apart, and the file replaces it."""
    return member.phone_hash if member.phone_sealed and members_keys.opens(member.phone_sealed) else None


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


def _standing_given(line: _Line, units: dict[str, int]) -> dict[str, Any]:
    draft, given = line.draft, line.given
    return {
        **({"unit_id": units[draft.unit]} if draft.unit else {}),
        **({"tier": draft.tier} if "类别" in given else {}),
        **({"status": draft.status} if "身份" in given else {}),
    }


async def _add(lines: list[_Line], branch_id: int, joined_on: date, units: dict[str, int]) -> list[int]:
    """The ids of the new members, in the order of their rows."""
    if not lines:
        return []
    at = clock.now()
    last = (await fetch("SELECT COALESCE(MAX(id), 0) AS id FROM member WHERE branch_id = $1", branch_id))[0]["id"]
    await Member.bulk_create(
        [
            Member(
                branch_id=branch_id, name=names.tidy(line.draft.name), **sealed_phone(line.draft.phone), post=line.draft.post,
                note=line.draft.note, party_joined_on=line.draft.party_joined_on, joined_on=joined_on, created_at=at,
            )
            for line in lines
        ],
        batch_size=500,
    )  # fmt: skip
    # The branch is locked: what is newer than `last` in it was written just now, in this order.
    rows = await fetch("SELECT id FROM member WHERE branch_id = $1 AND id > $2 ORDER BY id", branch_id, last)
    ids = [row["id"] for row in rows]
    drafts = (line.draft for line in lines)
    await members_standing.begin(
        {
            member_id: {"unit_id": units[draft.unit] if draft.unit else None, "tier": draft.tier, "status": draft.status}
            for member_id, draft in zip(ids, drafts, strict=True)
        }
    )
    return ids
