"""A member's own progress: streak, steadiness, tasks, aspects and texts. For the member alone: nobody is compared with anybody."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

from backend import figures
from backend.kernel.access import Actor
from backend.kernel.database import fetch, int_list
from backend.kernel.errors import Invalid
from backend.rules import streaks
from backend.rules.cells import cell, rate, together

_ASPECTS = """
SELECT a.id, a.title, ta.task_id FROM aspect a LEFT JOIN task_aspect ta ON ta.aspect_id = a.id AND ta.task_id IN ({tasks}) ORDER BY a.id
"""

# A branch's own text stands in the place of the same text above it, so the longest path comes first. Retired passages are no longer
# part of a text.
_TEXTS = """
SELECT x.id, x.key, x.title, COUNT(p.id) AS total, COUNT(r.passage_id) AS read
FROM text x JOIN section s ON s.text_id = x.id JOIN passage p ON p.section_id = s.id AND p.retired_at IS NULL
LEFT JOIN (SELECT DISTINCT passage_id FROM reading WHERE member_id = $1) r ON r.passage_id = p.id
LEFT JOIN branch b ON b.id = x.branch_id
WHERE x.branch_id IS NULL OR $2 LIKE b.path || '%'
GROUP BY x.id, x.key, x.title, b.path ORDER BY x.key, LENGTH(COALESCE(b.path, '')) DESC
"""


async def progress(actor: Actor, *, first: date | None, last: date | None, today: date) -> dict[str, Any]:
    """The reply of GET /me/progress (three queries). Tasks and aspects are those of the period, by default from the member's first
    task up to today; streak, steadiness and the passages read look back on everything."""
    last = min(last or today, today)
    if first and first > last:
        raise Invalid(errors=[{"field": "from", "message": "起始日期不能晚于截止日期，也不能晚于今天"}])
    facts = await figures.facts_of(actor.member_id, today=today)
    first = first or min((fact["date"] for fact in facts), default=last)
    chosen = {fact["task_id"]: _counts(fact, today) for fact in facts if first <= fact["date"] <= last}
    days = [figures.day_of(fact, today=today) for fact in facts]
    found = streaks.streak(days, today=today)
    tasks = cell(together(chosen.values()))
    return {
        "from": first,
        "to": last,
        "streak": {"current": found.current, "longest": found.longest, "makeups": found.makeups},
        "steadiness": streaks.steadiness(days, today=today),
        "tasks": {name: tasks[name] for name in ("assigned", "done", "on_time", "makeup", "proxy", "excused", "missing", "open")},
        "aspects": await _aspects(chosen),
        "texts": await _texts(actor),
    }


def _counts(fact: dict, today: date) -> dict[str, int]:
    counts = figures.counts_of(fact)
    return {**counts, "open": counts["assigned"] if fact["date"] == today and fact["checkin_id"] is None else 0}


async def _aspects(chosen: dict[int, dict[str, int]]) -> list[dict[str, Any]]:
    titles: dict[int, str] = {}
    tasks: dict[int, list[int]] = defaultdict(list)
    for row in await fetch(_ASPECTS.format(tasks=int_list(chosen))):
        titles[row["id"]] = row["title"]
        tasks[row["id"]] += [row["task_id"]] if row["task_id"] else []
    cells = {aspect: cell(together(chosen[task] for task in tasks[aspect])) for aspect in titles}
    return [
        {"id": aspect, "title": title, **{name: cells[aspect][name] for name in ("assigned", "done", "coverage", "accuracy")}}
        for aspect, title in titles.items()
    ]


async def _texts(actor: Actor) -> list[dict[str, Any]]:
    nearest: dict[str, dict] = {}
    for row in await fetch(_TEXTS, actor.member_id, actor.branch_path):
        nearest.setdefault(row["key"], row)
    return [
        {
            "key": key,
            "title": row["title"],
            "passages_read": row["read"],
            "passages_total": row["total"],
            "coverage": rate(row["read"], row["total"]),
        }
        for key, row in nearest.items()
    ]
