"""Reading the roster: for the office whole, for the head of a committee (专委会主任) the own committee, and less of each."""

from __future__ import annotations

import asyncio
from typing import Any

from backend import members_pinyin
from backend.kernel import clock, security
from backend.kernel.access import Actor, require
from backend.kernel.database import as_date, fetch, int_list
from backend.kernel.errors import Forbidden, NotFound

_ROSTER = """
SELECT m.id, m.name, m.phone_sealed, m.post, m.party_joined_on, m.note, m.joined_on, m.left_on, m.blanked_at, s.unit_id,
  u.name AS unit_name, s.tier, s.status, EXISTS (SELECT 1 FROM account a WHERE a.member_id = m.id) AS bound{also}
FROM member m
JOIN standing s ON s.member_id = m.id AND s.starts_on <= $2 AND (s.until IS NULL OR s.until > $2)
LEFT JOIN unit u ON u.id = s.unit_id
WHERE m.branch_id = $1 AND {where}
ORDER BY m.id LIMIT {limit}
"""

_STATES = {"active": "(m.left_on IS NULL OR m.left_on > $2)", "left": "m.left_on <= $2", "all": "1 = 1"}
_BOUND = {
    True: "EXISTS (SELECT 1 FROM account a WHERE a.member_id = m.id)",
    False: "NOT EXISTS (SELECT 1 FROM account a WHERE a.member_id = m.id)",
}
# What the head of a committee does not need in order to look after it.
OFFICE_ONLY = ("phone", "party_joined_on", "note", "roles")
LIKE = "LOWER(m.name) LIKE {} ESCAPE '\\'"


class _Where:
    """The conditions of one search, and the values they refer to."""

    def __init__(self, branch_id: int | None, today: Any) -> None:
        self.values: list[Any] = [branch_id, today]
        self.conditions: list[str] = []

    def also(self, condition: str, *value: Any) -> None:
        """`{}` in the condition stands for the value."""
        self.values += value
        self.conditions.append(condition.format(f"${len(self.values)}"))

    def __str__(self) -> str:
        return " AND ".join(self.conditions)


async def listing(
    actor: Actor | None, *, branch_id: int | None = None, after: int = 0, limit: int = 200, **filters: Any
) -> list[dict[str, Any]]:
    """At most `limit` members of the branch as of today, by id: see `MemberItem` of the API and `_narrowed`. Two queries at any size.

    Actor None: the command line, with `branch_id`.
    """
    if actor is not None:
        require(actor, "roster.read")
    where = await _narrowed(actor.branch_id if actor else branch_id, **filters)
    where.also("m.id > {}", after)
    return await _shown(await fetch(_ROSTER.format(also="", where=where, limit=int(limit)), *where.values))


async def find(actor: Actor, *, page: int = 1, size: int = 50, **filters: Any) -> dict[str, Any]:
    """{"items", "total"}: one page of what `_narrowed` leaves, by id; each item as in `listing`, and "blank" for one who withdrew.

    The head of a committee finds its members alone, without OFFICE_ONLY. Two queries at any size, three by pinyin.
    """
    require(actor, "members.read")
    if not actor.has("roster.read"):
        filters |= {"unit": _own_unit(actor), "role": None}
    where = await _narrowed(actor.branch_id, **filters)
    skipped = max(0, min(page - 1, 10_000)) * size
    limit = f"{int(size)} OFFSET {skipped}"
    rows = await fetch(_ROSTER.format(also=", COUNT(*) OVER () AS total", where=where, limit=limit), *where.values)
    items = [_within(actor, item) for item in await _shown(rows)]
    return {"items": items, "total": rows[0]["total"] if rows else 0}


async def one(actor: Actor, *, member_id: int) -> dict[str, Any]:
    """One member of the own branch, active or not, as in `listing`. Raises NotFound."""
    require(actor, "roster.read")
    return await of_branch(actor.branch_id, member_id)


async def seen(actor: Actor, *, member_id: int) -> dict[str, Any]:
    """One member as in `find`. Raises NotFound for another branch's, and another committee's for the head of one."""
    require(actor, "members.read")
    item = await of_branch(actor.branch_id, member_id)
    if not actor.has("roster.read") and (item["unit"] or {}).get("id") != _own_unit(actor):
        raise NotFound()
    return _within(actor, item)


def _own_unit(actor: Actor) -> int:
    if actor.unit_id is None:
        raise Forbidden("您还没有编入专业委员会，请联系书记。")
    return actor.unit_id


def _within(actor: Actor, item: dict[str, Any]) -> dict[str, Any]:
    return item if actor.has("roster.read") else {name: value for name, value in item.items() if name not in OFFICE_ONLY}


async def of_branch(branch_id: int, member_id: int) -> dict[str, Any]:
    """One member of the branch as in `find`. Raises NotFound."""
    where = await _narrowed(branch_id, state="all")
    where.also("m.id = {}", member_id)
    rows = await fetch(_ROSTER.format(also="", where=where, limit=1), *where.values)
    if not rows:
        raise NotFound()
    return (await _shown(rows))[0]


async def _narrowed(
    branch_id: int | None,
    *,
    q: str = "",
    unit: int | None = None,
    tier: str | None = None,
    status: str | None = None,
    role: str | None = None,
    bound: bool | None = None,
    state: str = "active",
) -> _Where:
    """`q`: part of a name, or its pinyin; `unit` 0 stands for no unit; `state`: active, left or all; `bound`: to a WeChat account."""
    where = _Where(branch_id, clock.today())
    where.also(_STATES[state])
    if q:
        literal = q.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        sounding = await _sounding(branch_id, q) if members_pinyin.is_pinyin(q) else []
        where.also(f"({LIKE} OR m.id IN ({int_list(sounding)}))", f"%{literal}%")
    if unit is not None:
        where.also("COALESCE(s.unit_id, 0) = {}", unit)
    if tier:
        where.also("s.tier = {}", tier)
    if status:
        where.also("s.status = {}", status)
    if role:
        where.also("EXISTS (SELECT 1 FROM role_grant g WHERE g.member_id = m.id AND g.role = {})", role)
    if bound is not None:
        where.also(_BOUND[bound])
    return where


async def _sounding(branch_id: int | None, q: str) -> list[int]:
    """Who of the branch has a name that sounds like `q`."""
    rows = await fetch("SELECT id, name FROM member WHERE branch_id = $1", branch_id)
    return await asyncio.to_thread(lambda: [row["id"] for row in rows if members_pinyin.fits(q, row["name"])])


async def _shown(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    roles: dict[int, list[str]] = {row["id"]: [] for row in rows}
    for row in await fetch(f"SELECT member_id, role FROM role_grant WHERE member_id IN ({int_list(roles)}) ORDER BY role"):  # noqa: S608
        roles[row["member_id"]].append(row["role"])
    return [
        {
            "id": row["id"],
            "name": row["name"],
            "phone": _opened(row["phone_sealed"]),
            "unit": {"id": row["unit_id"], "name": row["unit_name"]} if row["unit_id"] else None,
            "tier": row["tier"],
            "status": row["status"],
            "roles": roles[row["id"]],
            "post": row["post"],
            "party_joined_on": as_date(row["party_joined_on"]),
            "note": row["note"],
            "joined_on": as_date(row["joined_on"]),
            "left_on": as_date(row["left_on"]),
            "bound": bool(row["bound"]),
            "blank": row["blanked_at"] is not None,
        }
        for row in rows
    ]


def _opened(sealed: str | None) -> str | None:
    # A number sealed under a key that is gone must not keep the whole roster from being shown.
    try:
        return security.decrypt(sealed, purpose="phone") if sealed else None
    except ValueError:
        return None
