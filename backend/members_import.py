"""Loading a real-name roster from a workbook: all rows or none, unless the sound ones are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any

import orjson

from backend import audiences, branches, members_import_plan, members_standing
from backend.kernel import audit, clock, documents, security
from backend.kernel.access import Actor, require
from backend.kernel.database import fetch, transactional
from backend.kernel.errors import Conflict, Invalid
from backend.members import settle
from backend.members_columns import sealed_phone
from backend.members_import_plan import Line, Plan, standing_given
from backend.rules import forms_roster, names
from models.members import Member


def template() -> bytes:
    """An empty roster form (xlsx) with drop-downs."""
    return documents.template(forms_roster.COLUMNS, forms_roster.CHOICES, forms_roster.EXAMPLES, forms_roster.TITLE)


async def preview(actor: Actor, *, content: bytes) -> dict[str, Any]:
    """What `load` would do, with nothing written: its report, "rows" (see `Plan.rows`) and "mark", to be given to `load` as consent to it.

    Raises Invalid `unreadable_file`.
    """
    require(actor, "roster.write")
    plan = await members_import_plan.plan(actor, actor.branch_id, *await _read(content), clock.today())
    return {**plan.report(dry_run=True), "rows": plan.rows(), "mark": _mark(plan)}


async def load(
    actor: Actor | None,
    *,
    content: bytes,
    branch_id: int | None = None,
    joined_on: date | None = None,
    partial: bool = False,
    dry_run: bool = False,
    mark: str | None = None,
) -> dict[str, Any]:
    """{"added", "updated", "unchanged", "faults": [{"row", "reason"}], "units_added", "dry_run"} of a roster workbook.

    A row is a member of the branch with its phone number, else with its name; new members join on `joined_on` (today, unless given) and
    unit, tier and status of known ones change from today on. Unknown units are added. Raises Invalid `faulty_rows` naming each faulty
    row, with nothing written, unless `partial` loads the sound ones; a dry run reports both and writes nothing. Raises Invalid
    `unreadable_file`, Conflict `plan_overlap`, and `preview_outdated` when `mark` is given and the roster would be changed otherwise
    than that preview said.
    """
    if actor is not None:
        require(actor, "roster.write")
        branch_id = actor.branch_id
    else:
        await branches.ensure(branch_id)
    lines, faults = await _read(content)
    if dry_run:
        return (await members_import_plan.plan(actor, branch_id, lines, faults, clock.today())).report(dry_run=True)
    return await _load(actor, branch_id, lines, faults, joined_on or clock.today(), partial, mark)


async def _read(content: bytes) -> tuple[list[Line], list[tuple[int, str]]]:
    rows = await asyncio.to_thread(documents.read_sheet, content)
    drafts, faults = forms_roster.roster_sheet(rows)
    cells = dict(rows)
    return [Line(number, draft, frozenset(name for name, text in cells[number].items() if text)) for number, draft in drafts], list(faults)


def _mark(plan: Plan) -> str:
    return security.keyed_hash(orjson.dumps([plan.rows(), plan.faults, plan.units_added]).decode(), purpose="roster-preview")


@transactional
async def _load(
    actor: Actor | None, branch_id: int, lines: list[Line], faults: list[tuple[int, str]], joined_on: date, partial: bool, mark: str | None
) -> dict[str, Any]:
    await audiences.lock(branch_id)
    today = clock.today()
    plan = await members_import_plan.plan(actor, branch_id, lines, faults, today)
    if mark is not None and mark != _mark(plan):
        raise Conflict("预览之后名册有了变化，没有导入任何一行；请重新选择文件，再看一次预览。", code="preview_outdated")
    if plan.faults and not partial:
        raise _faulty_rows(list(plan.faults))
    wanted = {line.draft.unit for line in [*plan.new, *(line for line, _, _ in plan.old)] if line.draft.unit}
    named, _ = await branches.units_named(branch_id, sorted(wanted))
    units = {names.key(name): unit_id for name, unit_id in named.items()}
    new = await _add(plan.new, branch_id, joined_on, units)
    moved = await members_standing.change({member.id: standing_given(line, units) for line, member, _ in plan.old}, on=today)
    for _, member, own in plan.old:
        if own:
            await member.update_from_dict(own).save(update_fields=list(own))
    if new or moved:
        await settle(branch_id, [*new, *moved], first=min([joined_on] * bool(new) + [today] * bool(moved)))
    report = plan.report(dry_run=False)
    counts = [f"{name}={report[name]}" for name in ("added", "updated", "unchanged")] + [f"faults={len(plan.faults)}"]
    await audit.record(actor, "roster:import", subject="branch", subject_id=branch_id, branch_id=branch_id, fields=counts)
    return report


def _faulty_rows(faults: list[tuple[int, str]]) -> Invalid:
    return Invalid(
        f"有 {len(faults)} 处错误，没有导入任何一行。",
        code="faulty_rows",
        errors=[{"field": f"第 {number} 行", "message": reason} for number, reason in faults],
        extra={"faults": [{"row": number, "reason": reason} for number, reason in faults]},
    )


async def _add(lines: Sequence[Line], branch_id: int, joined_on: date, units: dict[str, int]) -> list[int]:
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
            member_id: {"unit_id": units[names.key(draft.unit)] if draft.unit else None, "tier": draft.tier, "status": draft.status}
            for member_id, draft in zip(ids, drafts, strict=True)
        }
    )
    return ids
