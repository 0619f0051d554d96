"""Coverage (覆盖率): Done / Assigned of any slice, read from the kept summary; see backend/figures.py for how it is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from backend import coverage_sql
from backend.coverage_hidden import Unseen, unseen, whole_months
from backend.coverage_scope import Scope, scope_of
from backend.coverage_sql import AXES, STATUSES, TIERS
from backend.figures_pairs import pairs
from backend.kernel.access import Actor
from backend.kernel.database import as_date, fetch
from backend.kernel.errors import Forbidden, Invalid
from backend.rules.cells import HIDDEN, NOTHING, Counts, cell, cell_of, together, total

NO_UNIT = "0"
NO_PERSON = "上级党组织只能查看汇总数字，不能查看个人情况。"


async def coverage(
    actor: Actor,
    *,
    by: str,
    and_: str | None = None,
    first: date | None = None,
    last: date | None = None,
    branch_id: int | None = None,
    part: slice | None = None,
    today: date,
) -> dict[str, Any]:
    """The table by × and_: {"by", "and", "from", "to", "total", "rows"}, with two axes also "columns" and "cells" in each row.

    The period is by default the earliest plan's first day up to today, and never reaches beyond today; an observer's is widened to
    whole months (docs/decisions/0011). "from" and "to" are the period used. No row is sorted by a rate. `part`: by member, of the rows
    only these and their total, with "count", how many there are.
    Raises Invalid for an unknown axis, the same axis twice or a period that ends before it begins, NotFound for a branch outside
    the scope, Forbidden for an observer who asks for members.
    """
    axes = _axes(by, and_)
    scope = await scope_of(actor, branch_id=branch_id, across="branch" in axes)
    if scope.figures_only and "member" in axes:
        raise Forbidden(NO_PERSON)
    names = await coverage_sql.names(scope, axes)
    first, last = period_of(names["start"], first, last, today)
    if scope.figures_only:
        first, last = whole_months(first, last, today=today)
    period = {"first": first, "last": last}
    there = _on_roster(names["member"], first, last) if part else {}
    only = list(there)[part] if part else None
    counts, whole = await coverage_sql.sums(scope, axes, **period, today=today, live_from=_live_from(names["live"]), only=only)
    hidden = await unseen(scope, by=by, and_=and_, **period) if scope.figures_only else Unseen()
    present = {axis: {key[n] for key in counts} for n, axis in enumerate(axes)}
    # A row's total is of the pairs themselves, so that a task with several aspects counts once in it.
    totals = _by_first_key(whole if and_ == "aspect" else counts)
    rows: list[dict[str, Any]] = [
        {"key": key, "label": label, "cell": _shown(totals.get(key, NOTHING), hidden.all or key in hidden.rows)}
        for key, label in _entries(by, names, present[by], first, last)[part or slice(None)]
    ]
    table = {"by": by, "and": and_, "from": first, "to": last, "total": _shown(total(whole.values()), hidden.all)}
    table |= {"count": len(there)} if part else {}
    if and_:
        columns = _entries(and_, names, present[and_], first, last)
        table["columns"] = [{"key": key, "label": label} for key, label in columns]
        for row in rows:
            row["cells"] = _cells(row["key"], [key for key, _ in columns], counts, hidden)
    return {**table, "rows": rows}


def _axes(by: str, and_: str | None) -> list[str]:
    wrong = [
        {"field": name, "message": "没有这个维度"} for name, axis in (("by", by), ("and", and_)) if axis is not None and axis not in AXES
    ]
    if by == and_:
        wrong.append({"field": "and", "message": "两个维度不能相同"})
    if wrong:
        raise Invalid(errors=wrong)
    return [by, and_] if and_ else [by]


def period_of(start: list[dict], first: date | None, last: date | None, today: date) -> tuple[date, date]:
    """The period used: by default from the first plan's first day (`start`, as of coverage_sql.names) to today. Raises Invalid."""
    if first and last and first > last:
        raise Invalid(errors=[{"field": "from", "message": "起始日期不能晚于截止日期"}])
    begins = first or as_date(start[0]["label"] if start else None)
    ends = min(last or today, today)
    if first and first > ends:
        raise Invalid(errors=[{"field": "from", "message": "起始日期不能晚于今天"}])
    return min(begins or ends, ends), ends


def _live_from(live: list[dict]) -> date:
    """No task of an earlier day is left out of its month's figures."""
    return as_date(live[0]["label"]) or date.max if live else date.max


def _shown(counts: Counts, is_hidden: bool) -> dict[str, Any]:
    return HIDDEN if is_hidden else cell_of(counts)


def _cells(row: str, columns: Sequence[str], counts: coverage_sql.Sums, hidden: Unseen) -> dict[str, dict[str, Any]]:
    if hidden.all:
        return dict.fromkeys(columns, HIDDEN)
    found = {column: cell_of(counts.get((row, column), NOTHING)) for column in columns}
    return found | {column: HIDDEN for column in columns if hidden.cells and (row, column) in hidden.cells}


def _by_first_key(counts: coverage_sql.Sums) -> dict[str, Counts]:
    found: dict[str, list[Counts]] = {}
    for (key, *_), one in counts.items():
        found.setdefault(key, []).append(one)
    return {key: total(many) for key, many in found.items()}


def _entries(axis: str, names: Mapping[str, list[dict]], present: set[str], first: date, last: date) -> list[tuple[str, str]]:
    """(key, label) of an axis in the order of the plan, the roster or the calendar."""
    if axis in ("tier", "status"):
        return list((TIERS if axis == "tier" else STATUSES).items())
    found = names[axis]
    if axis == "day":
        return [(row["label"], row["label"]) for row in found if first.isoformat() <= row["label"] <= last.isoformat()]
    if axis == "branch":
        return [(str(row["id"]), row["label"]) for row in found if str(row["id"]) in present]
    if axis == "member":
        return [(str(key), label or "已退出人员") for key, label in _on_roster(found, first, last).items()]
    branches = {row["id"]: row["label"] for row in names.get("branch", [])}
    several = len({row["belongs"] for row in found}) > 1
    entries = [(str(row["id"]), f"{branches[row['belongs']]} · {row['label']}" if several else row["label"]) for row in found]
    return [*entries, (NO_UNIT, "未分组")] if axis == "unit" and NO_UNIT in present else entries


def _on_roster(found: Iterable[dict], first: date, last: date) -> dict[int, str]:
    """Who was on the roster on some day of the period, and so whoever can have a task of it."""
    return {
        row["id"]: row["label"]
        for row in found
        if row["first"] <= last.isoformat() and (row["last"] is None or row["last"] > max(first.isoformat(), row["first"]))
    }


_WHO = """
SELECT p.task_id, p.date, p.member_id AS id, m.name, u.name AS unit, p.excused, p.on_time, p.makeup, p.proxy, p.checkin_id, p.firsts,
  p.rights FROM ({pairs}) p JOIN member m ON m.id = p.member_id LEFT JOIN unit u ON u.id = p.unit_id ORDER BY p.member_id
"""


async def of_day(actor: Actor, *, by: str | None = None, branch_id: int | None = None, today: date) -> dict[str, Any]:
    """The day's tasks, their figures, and (not for an observer, who gets null) who has not done them and who is on leave.

    `by`: "member" asks for the people, who are named anyway. Raises NotFound for a branch outside the scope, Forbidden for an
    observer who asks for members.
    """
    scope = await scope_of(actor, branch_id=branch_id)
    if scope.figures_only and by:
        raise Forbidden(NO_PERSON)
    reply = {"date": today, "tasks": await _tasks(scope, today), "open": None, "excused": None}
    if scope.figures_only:
        table = await coverage(actor, by="day", first=today, last=today, branch_id=branch_id, today=today)
        # The day as it stands in the table of days: hidden in one, hidden in the other.
        cells = [row["cell"] for row in table["rows"] if row["key"] == today.isoformat()]
        return {**reply, "cell": cells[0] if cells else cell({})}
    unit = f" AND st.unit_id = {int(scope.unit_id)}" if scope.unit_id else ""
    rows = await fetch(_WHO.format(pairs=pairs(f"t.date = $1 AND {scope.where('t.branch_id')}{unit}", span=(today, today))), today)
    waiting = [row for row in rows if row["checkin_id"] is None]
    counts = {**together({**row, "assigned": 1 - row["excused"]} for row in rows), "open": sum(not row["excused"] for row in waiting)}
    return {
        **reply,
        "cell": cell(counts),
        "open": _people(row for row in waiting if not row["excused"]),
        "excused": _people(row for row in waiting if row["excused"]),
    }


def _people(rows: Iterable[dict]) -> list[dict[str, Any]]:
    return [{"id": row["id"], "name": row["name"], "unit": row["unit"]} for row in rows]


async def _tasks(scope: Scope, day: date) -> list[dict[str, Any]]:
    rows = await fetch(
        "SELECT t.id, t.title, ta.aspect_id FROM daily_task t LEFT JOIN task_aspect ta ON ta.task_id = t.id "  # noqa: S608
        f"WHERE t.date = $1 AND {scope.where('t.branch_id')} ORDER BY t.id, ta.aspect_id",
        day,
    )
    tasks: dict[int, dict[str, Any]] = {}
    for row in rows:
        task = tasks.setdefault(row["id"], {"id": row["id"], "title": row["title"], "aspects": []})
        task["aspects"] += [row["aspect_id"]] if row["aspect_id"] is not None else []
    return list(tasks.values())
