"""How many different members stand behind a figure: what the rules of small cells go by (docs/decisions/0011)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from backend.coverage_scope import Scope
from backend.coverage_sql import text_of
from backend.kernel.database import dialect, fetch

Heads = dict[tuple[str, ...], dict[tuple[str, ...], int]]

_OPEN_END = "'9999-12-31'"

# Members are told apart by span, not by day: a span is the days on which nothing changes for a member of a plan. Most members of a plan
# have the same one, so it is looked up once what a span holds.
_HEADS = f"""
day AS MATERIALIZED (
  SELECT t.id, t.plan_id, t.branch_id, t.date FROM daily_task t WHERE {{where}} AND t.date >= '{{first}}' AND t.date <= '{{last}}'
), span AS MATERIALIZED (
  SELECT p.branch_id, p.plan_id, m.id AS member_id, COALESCE(st.unit_id, 0) AS unit_id, st.tier, st.status,
    {{latest}}(pm.starts_on, m.joined_on, st.starts_on, '{{first}}') AS begins,
    {{earliest}}(COALESCE(pm.until, {_OPEN_END}), COALESCE(m.left_on, {_OPEN_END}), COALESCE(st.until, {_OPEN_END}), '{{after}}') AS ends
  FROM member m JOIN plan_member pm ON pm.member_id = m.id JOIN standing st ON st.member_id = m.id
  JOIN (SELECT DISTINCT plan_id, branch_id FROM day) p ON p.plan_id = pm.plan_id WHERE {{members}}
), holds AS MATERIALIZED (
  SELECT DISTINCT d.plan_id, d.begins, d.ends{{keys}} FROM (SELECT DISTINCT plan_id, begins, ends FROM span WHERE begins < ends) d
  JOIN day t ON t.plan_id = d.plan_id AND t.date >= d.begins AND t.date < d.ends {{aspects}}
), s AS MATERIALIZED (
  SELECT DISTINCT a.branch_id, a.member_id{{own}}
  FROM span a JOIN holds h ON h.plan_id = a.plan_id AND h.begins = a.begins AND h.ends = a.ends
)
"""  # noqa: S608
_AXES = {"aspect": "s.aspect_id", "day": "s.date", "unit": "s.unit_id", "tier": "s.tier", "status": "s.status"}
_KEYS = {"aspect": "ta.aspect_id", "day": "t.date"}
_OWN = {"aspect": "h.aspect_id", "day": "h.date", "unit": "a.unit_id", "tier": "a.tier", "status": "a.status"}


async def heads(scope: Scope, axes: Sequence[str], *, first: date, last: date) -> tuple[dict[str, int], Heads, set[str]]:
    """How many different members stand behind each branch that an observer may read; under (axis,) of each axis, and under both
    of two, behind each (branch, *keys); and which of the branches lie in the scope (one query)."""
    # All the axes come first: they give the columns their types.
    cuts = list(dict.fromkeys([tuple(axes), *((axis,) for axis in axes)]))
    parts = []
    for number, cut in enumerate(cuts):
        keys = "".join(f", {_AXES[axis] if axis in cut else 'NULL'} AS k_{axis}" for axis in axes)
        grouped = ", ".join(["s.branch_id", *(_AXES[axis] for axis in cut)])
        parts.append(
            f"SELECT {number} AS cut, s.branch_id AS k_branch{keys}, COUNT(DISTINCT s.member_id) AS heads, '' AS path "  # noqa: S608
            f"FROM s GROUP BY {grouped}"
        )
    none = "".join(", NULL" for _ in axes)
    rows = await fetch(
        f"WITH {_spans(scope, axes, first, last)} {' UNION ALL '.join(parts)} UNION ALL "  # noqa: S608
        f"SELECT -1, s.branch_id{none}, COUNT(DISTINCT s.member_id), b.path FROM s JOIN branch b ON b.id = s.branch_id "
        "GROUP BY s.branch_id, b.path",
    )
    found: Heads = {cut: {} for cut in cuts}
    for row in rows:
        if row["cut"] >= 0:
            cut = cuts[row["cut"]]
            found[cut][tuple(text_of(axis, row[f"k_{axis}"]) for axis in ("branch", *cut))] = row["heads"]
    whole = [row for row in rows if row["cut"] < 0]
    asked = {str(row["k_branch"]) for row in whole if row["path"].startswith(scope.path or "/")}
    return {str(row["k_branch"]): row["heads"] for row in whole}, found, asked


def _spans(scope: Scope, axes: Sequence[str], first: date, last: date) -> str:
    latest, earliest = ("MAX", "MIN") if dialect() == "sqlite" else ("GREATEST", "LEAST")
    return _HEADS.format(
        where=scope.where("t.branch_id", path=scope.whole),
        members=scope.where("m.branch_id", path=scope.whole),
        first=first.isoformat(),
        last=last.isoformat(),
        after=(last + timedelta(days=1)).isoformat(),
        latest=latest,
        earliest=earliest,
        keys="".join(f", {_KEYS[axis]}" for axis in axes if axis in _KEYS),
        aspects="JOIN task_aspect ta ON ta.task_id = t.id" if "aspect" in axes else "",
        own="".join(f", {_OWN[axis]}" for axis in axes),
    )


async def version(scope: Scope) -> tuple[int, int]:
    """Changes whenever `heads` may: branches are only ever added, and each counts the changes to who has which of its tasks."""
    rows = await fetch(
        f"SELECT COUNT(*) AS branches, SUM(audience_version) AS changes FROM branch b WHERE {scope.where('b.id', path=scope.whole)}"  # noqa: S608
    )
    return rows[0]["branches"], rows[0]["changes"] or 0
