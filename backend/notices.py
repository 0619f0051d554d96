"""What a member is told of what others did to the own record: questions answered once that no longer count.

Nothing is written for it: who answered is known, and so is when the question was withdrawn.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from backend.kernel import clock
from backend.kernel.access import Actor
from backend.kernel.database import as_date, as_instant, fetch

KEPT = timedelta(days=90)
MOST = 50
STEM_SHOWN = 60  # characters

# A member's answers are found by the tasks that held the question.
_WITHDRAWN = """
SELECT w.id, w.created_at, q.stem, MIN(a.task_date) AS answered_on FROM withdrawal w JOIN branch wb ON wb.id = w.branch_id
JOIN question q ON q.id = w.question_id
JOIN task_question tq ON tq.question_id = w.question_id JOIN daily_task t ON t.id = tq.task_id
JOIN branch tb ON tb.id = t.branch_id AND tb.path LIKE wb.path || '%'
JOIN answer a ON a.member_id = $1 AND a.task_id = t.id AND a.task_date = t.date AND a.question_id = w.question_id
WHERE w.created_at >= $2 AND a.answered_at < w.created_at GROUP BY w.id, w.created_at, q.stem ORDER BY w.id DESC LIMIT {most}
"""


async def of_member(actor: Actor, *, most: int = MOST) -> list[dict[str, Any]]:
    """The notices of the last 90 days, newest first: {"id", "kind": "question_withdrawn", "at", "title", "text"}. One query."""
    rows = await fetch(_WITHDRAWN.format(most=int(most)), actor.member_id, clock.now() - KEPT)
    return [_withdrawn(row) for row in rows]


def _withdrawn(row: dict[str, Any]) -> dict[str, Any]:
    stem, day = row["stem"], as_date(row["answered_on"])
    shown = stem if len(stem) <= STEM_SHOWN else f"{stem[:STEM_SHOWN]}…"
    return {
        "id": row["id"],
        "kind": "question_withdrawn",
        "at": clock.shanghai(as_instant(row["created_at"])).isoformat(timespec="seconds"),
        "title": "一道题已撤下",
        "text": f"您在 {day.year} 年 {day.month} 月 {day.day} 日答过的题“{shown}”已撤下，不再计入正确率，打卡记录不受影响。",
    }
