"""Standing (unit, tier, status) as dated rows without gaps: written here alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any

from models.members import Standing

# Every date has a standing, also those before a member joined.
SINCE_EVER = date.min

FIELDS = ("unit_id", "tier", "status")


async def begin(standings: Mapping[int, Mapping[str, Any]]) -> None:
    """The first standing of new members: {member id: {"unit_id", "tier", "status"}}."""
    await Standing.bulk_create(
        [Standing(member_id=member_id, starts_on=SINCE_EVER, **fields) for member_id, fields in standings.items()], batch_size=500
    )


async def differing(wanted: Mapping[int, Mapping[str, Any]], *, on: date) -> dict[int, set[str]]:
    """The fields that `change` would change, for each member that would have a change. One query, nothing is written."""
    changed: dict[int, set[str]] = defaultdict(set)
    for row in await _rows(wanted):
        if different := _different(row, wanted[row.member_id], on):
            changed[row.member_id] |= different
    return dict(changed)


async def _rows(wanted: Mapping[int, Any]) -> list[Standing]:
    return await Standing.filter(member_id__in=list(wanted)).order_by("member_id", "starts_on") if wanted else []


def _different(row: Standing, fields: Mapping[str, Any], on: date) -> set[str]:
    """The fields of this row that are to be others; none of a row that ends before the day `on`."""
    over = row.until is not None and row.until <= on
    return set() if over else {name for name, value in fields.items() if getattr(row, name) != value}


async def change(wanted: Mapping[int, Mapping[str, Any]], *, on: date) -> dict[int, set[str]]:
    """Gives members these fields from the day `on` on; the fields that really changed, for each member that had a change.

    Fields that are not named keep their dated history, also where it goes on after `on`; the days before `on` stay as they are.
    The number of queries does not depend on the number of members. Inside the caller's transaction.
    """
    rows = await _rows(wanted)
    changed: dict[int, set[str]] = defaultdict(set)
    closed: list[int] = []
    rewritten: dict[tuple, list[int]] = defaultdict(list)
    opened: list[Standing] = []
    for row in rows:
        fields = wanted[row.member_id]
        different = _different(row, fields, on)
        if not different:
            continue
        changed[row.member_id] |= different
        after = {name: fields.get(name, getattr(row, name)) for name in FIELDS}
        if row.starts_on < on:
            closed.append(row.id)
            opened.append(Standing(member_id=row.member_id, starts_on=on, until=row.until, **after))
        else:
            rewritten[tuple(after.values())].append(row.id)
    if closed:
        await Standing.filter(id__in=closed).update(until=on)
    for values, ids in rewritten.items():
        await Standing.filter(id__in=ids).update(**dict(zip(FIELDS, values, strict=True)))
    if opened:
        await Standing.bulk_create(opened, batch_size=500)
    return changed
