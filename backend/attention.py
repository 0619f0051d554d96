"""What the secretary should look at: who has been silent, which questions most get wrong, what waits for an answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from backend import answering, coverage_questions
from backend.coverage import NO_PERSON
from backend.coverage_scope import scope_of
from backend.figures_pairs import pairs_between
from backend.kernel import access, clock
from backend.kernel.access import Actor
from backend.kernel.database import fetch
from backend.kernel.errors import Forbidden
from backend.rules.cells import rate

SILENT_DAYS = 3
# Three task days lie within a month, also where a plan has one a week.
LOOK_BACK = timedelta(days=31)
# A question that fewer than half get right at first.
HARD = 0.5

_SILENT = """
WITH {pairs}, last AS (
  SELECT p.member_id, p.on_time + p.makeup + p.proxy AS done, p.date,
    ROW_NUMBER() OVER (PARTITION BY p.member_id ORDER BY p.date DESC, p.task_id DESC) AS place FROM pair p WHERE p.excused = 0
)
SELECT m.id, m.name, u.name AS unit FROM last l JOIN member m ON m.id = l.member_id
LEFT JOIN standing st ON st.member_id = m.id AND st.starts_on <= $1 AND (st.until IS NULL OR st.until > $1)
LEFT JOIN unit u ON u.id = st.unit_id WHERE l.place <= {days} AND (m.left_on IS NULL OR m.left_on > $1)
GROUP BY m.id, m.name, u.id, u.name, u.position HAVING COUNT(*) = {days} AND SUM(l.done) = 0
ORDER BY CASE WHEN u.id IS NULL THEN 1 ELSE 0 END, u.position, u.id, m.id
"""


async def silent(actor: Actor, *, today: date) -> list[dict[str, Any]]:
    """[{"id", "name", "unit"}] of who has done none of the last three task days before today; days on leave do not count (one query).

    In the order of committees and roster. Raises Forbidden for an observer.
    """
    scope = await scope_of(actor)
    if scope.figures_only:
        raise Forbidden(NO_PERSON)
    yesterday = today - timedelta(days=1)
    pairs = pairs_between(today - LOOK_BACK, yesterday, branches=scope.where("{0}"), unit_id=scope.unit_id)
    return await fetch(_SILENT.format(pairs=pairs, days=SILENT_DAYS), today)


def below_the_mean(table: Mapping[str, Any]) -> tuple[float | None, list[dict[str, Any]]]:
    """Of a table of coverage its rate, and the rows below it with their own under "share": without what is still open today, for in the
    morning nothing is late. Null and none where figures are hidden or nothing was due."""
    mean = _share(table["total"])
    rows = [{**row, "share": _share(row["cell"])} for row in table["rows"]]
    return mean, [row for row in rows if mean is not None and row["share"] is not None and row["share"] < mean]


def _share(cell: Mapping[str, Any]) -> float | None:
    return rate(cell["done"], cell["assigned"] - cell["open"]) if cell["assigned"] else None


async def hard_questions(actor: Actor, *, today: date, most: int = 3) -> list[dict[str, Any]]:
    """The questions of the last month that most got wrong at first, as of coverage_questions.hardest (one query)."""
    return await coverage_questions.hardest(actor, first=today - LOOK_BACK, last=today, below=HARD, most=most)


_ASKED = "(SELECT COUNT(*) FROM {table} r JOIN member m ON m.id = r.member_id WHERE m.branch_id = $1 AND {waits})"


async def waiting(actor: Actor) -> dict[str, int]:
    """{"leaves", "corrections", "feedback", "overdue"}: how many requests wait for the secretary, and how many of them past their day
    (a leave's is its first, the others' is `answering.ANSWER_WITHIN`); one query."""
    access.require(actor, "leaves.decide")
    asked, answered = "r.state = 'asked'", "r.answered_at IS NULL"
    late = {"leave": f"{asked} AND r.starts_on < $2", "correction": f"{answered} AND r.created_at < $3"}
    late["feedback"] = late["correction"]
    overdue = " + ".join(_ASKED.format(table=table, waits=waits) for table, waits in late.items())
    counted = {"leaves": ("leave", asked), "corrections": ("correction", answered), "feedback": ("feedback", answered)}
    columns = ", ".join(f"{_ASKED.format(table=table, waits=waits)} AS {name}" for name, (table, waits) in counted.items())
    today = clock.today()
    rows = await fetch(f"SELECT {columns}, {overdue} AS overdue", actor.branch_id, today, clock.at(today - answering.ANSWER_WITHIN))
    return dict(rows[0])
