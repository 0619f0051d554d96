"""Branches (党支部, the tenants, a tree) and their units (党小组 / 专业委员会)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tortoise.exceptions import IntegrityError

from backend.kernel import audit, clock
from backend.kernel.access import OBSERVER, Actor, require, same_branch
from backend.kernel.database import fetch, lock_rows, transactional
from backend.kernel.errors import Conflict, Invalid, NotFound
from backend.rules import names
from models.branches import Branch, Unit

NAME_MOST = 100


@transactional
async def create(actor: Actor | None, *, name: str, parent_id: int | None = None) -> int:
    """The id of a new branch, below `parent_id` if given.

    Raises NotFound for an unknown parent, Conflict `branch_exists` when a sister bears the name.
    """
    name = _tidy_name(name)
    parent = None
    if parent_id is not None:
        await lock_rows("branch", [parent_id], strength="FOR NO KEY UPDATE")
        parent = await Branch.get_or_none(id=parent_id)
        if parent is None:
            raise NotFound("没有找到上级支部。")
    if await Branch.exists(name=name, parent_id=parent_id):
        raise Conflict(f"已有名为“{name}”的支部。", code="branch_exists")
    branch = await Branch.create(name=name, parent=parent, created_at=clock.now())
    branch.path = f"{parent.path if parent else '/'}{branch.id}/"
    await branch.save(update_fields=["path"])
    await audit.record(actor, "branch:create", subject="branch", subject_id=branch.id, branch_id=branch.id, fields=["name", "parent"])
    return branch.id


async def listing(actor: Actor | None) -> list[dict[str, Any]]:
    """[{"id", "name", "parent"}]: the own branch; for an observer it and all below it; for the command line all.

    `parent` is null where the branch above is not among them.
    """
    sql = "SELECT id, name, parent_id AS parent FROM branch WHERE {where} ORDER BY path"
    if actor is None:
        return await fetch(sql.format(where="1 = 1"))
    require(actor, "stats.read")
    if OBSERVER in actor.roles:
        rows = await fetch(sql.format(where="path LIKE $1"), f"{actor.branch_path}%")
    else:
        rows = await fetch(sql.format(where="id = $1"), actor.branch_id)
    shown = {row["id"] for row in rows}
    return [{**row, "parent": row["parent"] if row["parent"] in shown else None} for row in rows]


async def ensure(branch_id: int) -> None:
    """Raises NotFound unless the branch exists: for the command line, where a number is typed by hand."""
    if not await Branch.exists(id=branch_id):
        raise NotFound(f"没有编号为 {branch_id} 的支部。")


async def only_branch() -> int:
    """The id of the one branch there is, for the command line. Raises Invalid when there is none, or more than one."""
    ids = await Branch.all().limit(2).values_list("id", flat=True)
    if len(ids) != 1:
        raise Invalid("有多个支部，请用 --branch 写明支部编号。" if ids else "还没有支部，请先用 daka branch create 名称 新建一个。")
    return ids[0]


async def units(actor: Actor) -> list[dict[str, Any]]:
    """[{"id", "name"}] of the own branch, in their order."""
    return await fetch("SELECT id, name FROM unit WHERE branch_id = $1 ORDER BY position, id", actor.branch_id)


_PARTICULARS = """
SELECT b.id, b.name, above.name AS parent,
  (SELECT COUNT(*) FROM member m WHERE m.branch_id = b.id AND m.joined_on <= $2 AND (m.left_on IS NULL OR m.left_on > $2)) AS members
FROM branch b LEFT JOIN branch above ON above.id = b.parent_id WHERE b.id = $1
"""


async def particulars(actor: Actor) -> dict[str, Any]:
    """{"id", "name", "parent", "members"} of the own branch: the name of the branch above or None, and today's members. One query."""
    require(actor, "roster.read")
    return (await fetch(_PARTICULARS, actor.branch_id, clock.today()))[0]


@transactional
async def rename(actor: Actor, *, name: str) -> None:
    """Gives the own branch another name. Raises Invalid, Conflict `branch_exists` when a sister bears it."""
    require(actor, "branch.write")
    name = _tidy_name(name)
    branch = await Branch.get(id=actor.branch_id)
    # As `create` does: the branch above keeps sisters from taking the same name at once.
    await lock_rows("branch", [branch.parent_id or branch.id], strength="FOR NO KEY UPDATE")
    if await Branch.filter(name=name, parent_id=branch.parent_id).exclude(id=branch.id).exists():
        raise Conflict(f"已有名为“{name}”的支部。", code="branch_exists")
    if name == branch.name:
        return
    branch.name = name
    await branch.save(update_fields=["name"])
    await audit.record(actor, "branch:rename", subject="branch", subject_id=branch.id, fields=["name"])


@transactional
async def move_unit(actor: Actor, *, unit_id: int, up: bool) -> None:
    """The unit changes places with its neighbour above or below; at the end of the list nothing changes. Raises NotFound."""
    require(actor, "roster.write")
    await lock_rows("branch", [actor.branch_id], strength="FOR NO KEY UPDATE")
    ids = [unit["id"] for unit in await units(actor)]
    if unit_id not in ids:
        raise NotFound()
    at = ids.index(unit_id)
    to = at - 1 if up else at + 1
    if not 0 <= to < len(ids):
        return
    ids[at], ids[to] = ids[to], ids[at]
    await Unit.bulk_update([Unit(id=one, position=position) for position, one in enumerate(ids)], fields=["position"])
    await audit.record(actor, "unit:move", subject="unit", subject_id=unit_id, fields=["position"])


@transactional
async def add_unit(actor: Actor, *, name: str) -> dict[str, Any]:
    """A new unit, placed last: {"id", "name"}. Raises Conflict `unit_exists`."""
    require(actor, "roster.write")
    name = _tidy_name(name)
    ids, added = await units_named(actor.branch_id, [name])
    if not added:
        raise _unit_exists(name)
    await audit.record(actor, "unit:create", subject="unit", subject_id=ids[name], fields=["name"])
    return {"id": ids[name], "name": name}


@transactional
async def rename_unit(actor: Actor, *, unit_id: int, name: str) -> dict[str, Any]:
    """The unit under its new name: {"id", "name"}. Raises NotFound, Conflict `unit_exists`."""
    require(actor, "roster.write")
    name = _tidy_name(name)
    unit = await Unit.get_or_none(id=unit_id)
    same_branch(actor, unit.branch_id if unit else None)
    await lock_rows("branch", [actor.branch_id], strength="FOR NO KEY UPDATE")
    others = await Unit.filter(branch_id=actor.branch_id).exclude(id=unit_id).values_list("name", flat=True)
    if names.key(name) in {names.key(other) for other in others}:
        raise _unit_exists(name)
    unit.name = name
    try:
        await unit.save(update_fields=["name"])
    except IntegrityError:
        raise _unit_exists(name) from None
    await audit.record(actor, "unit:rename", subject="unit", subject_id=unit.id, fields=["name"])
    return {"id": unit.id, "name": unit.name}


async def units_named(branch_id: int, wanted: Iterable[str]) -> tuple[dict[str, int], list[str]]:
    """The ids of the units with these names, and the names that had to be added. Inside the caller's transaction."""
    await lock_rows("branch", [branch_id], strength="FOR NO KEY UPDATE")
    known, last = await _known_units(branch_id)
    added = []
    for name in wanted:
        if names.key(name) not in known:
            last += 1
            unit = await Unit.create(branch_id=branch_id, name=_tidy_name(name), position=last)
            known[names.key(name)] = unit.id
            added.append(unit.name)
    return {name: known[names.key(name)] for name in wanted}, added


async def _known_units(branch_id: int) -> tuple[dict[str, int], int]:
    rows = await fetch("SELECT id, name, position FROM unit WHERE branch_id = $1", branch_id)
    return {names.key(row["name"]): row["id"] for row in rows}, max((row["position"] for row in rows), default=-1)


def _tidy_name(name: str) -> str:
    name = names.tidy(name)
    if not 1 <= len(name) <= NAME_MOST:
        raise Invalid(errors=[{"field": "name", "message": f"名称应为 1 至 {NAME_MOST} 个字"}])
    return name


def _unit_exists(name: str) -> Conflict:
    return Conflict(f"已有名为“{name}”的专委会或党小组。", code="unit_exists")
