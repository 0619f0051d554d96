"""One member's study, for those who look after the member: each task day, aspects and texts; for the secretary also the mistakes."""

from __future__ import annotations

from datetime import date
from typing import Any

from backend import figures, members_listing, progress, quizzes
from backend.kernel.access import Actor
from backend.kernel.database import as_date, fetch

MOST_MISTAKES = 50

_TITLES = """
SELECT t.id, t.title, t.makeup_until FROM daily_task t
JOIN plan_member pm ON pm.plan_id = t.plan_id AND pm.member_id = $1 AND pm.starts_on <= t.date AND (pm.until IS NULL OR pm.until > t.date)
WHERE t.date <= $2
"""


async def of_member(actor: Actor, *, member_id: int, today: date) -> dict[str, Any]:
    """{"member", "progress", "days", "mistakes"}: see `members_listing.seen`, `progress.progress` and `quizzes.mistakes`.

    "days": [{"date", "task", "title", "status", "proxy", "makeup_until"}] by date, status done, makeup, excused, missed or
    open; "mistakes" is None for whoever may not see what a member answered. Raises NotFound as `seen`.
    """
    member = await members_listing.seen(actor, member_id=member_id)
    themselves = Actor(session_id=0, member_id=member_id, branch_id=actor.branch_id, branch_path=actor.branch_path)
    titles = {row["id"]: row for row in await fetch(_TITLES, member_id, today)}
    facts = await figures.facts_of(member_id, today=today)
    return {
        "member": member,
        "progress": await progress.progress(themselves, first=None, last=None, today=today),
        "days": [_day(fact, titles[fact["task_id"]], today) for fact in facts],
        "mistakes": await quizzes.mistakes(themselves, after=0, limit=MOST_MISTAKES) if actor.has("members.answers") else None,
    }


def _day(fact: dict[str, Any], task: dict[str, Any], today: date) -> dict[str, Any]:
    return {
        "date": fact["date"],
        "task": fact["task_id"],
        "title": task["title"],
        "status": figures.day_of(fact, today=today).state.replace("kept", "done"),
        "proxy": bool(fact["proxy"]),
        "makeup_until": as_date(task["makeup_until"]),
    }
