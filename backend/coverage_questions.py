"""Item analysis: how hard a question was, whether it tells the sure from the unsure, and which wrong answer was chosen most.

First answers of the own branch alone, dated by their task; withdrawn questions are left out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec

from backend.figures import COUNTING
from backend.kernel import access
from backend.kernel.access import Actor
from backend.kernel.database import dialect, fetch, int_list
from backend.kernel.errors import Invalid
from backend.kernel.sql import within
from backend.questions import WITHDRAWN

ENOUGH = 10  # attempts below which a correlation says nothing
WORDS = {"true": "正确", "false": "错误"}

# From the members to their answers, and never from the tasks: nothing leads from a task to its answers. IS TRUE keeps the planner from
# making a join of it, for which it would take all but a few answers away and then go through them for each member anew.
_ANSWERS = """
FROM member m JOIN answer a ON a.member_id = m.id AND {months}
WHERE m.branch_id = $1 AND (a.task_id IN (SELECT t.id FROM daily_task t WHERE t.branch_id = $1 AND t.date >= $2 AND t.date <= $3)) IS TRUE
"""
_FIRSTS = f"""
SELECT a.member_id, a.question_id, CAST(a.given AS TEXT) AS given, CASE WHEN a."right" THEN 1.0 ELSE 0.0 END AS r
{_ANSWERS} AND {COUNTING}
"""  # noqa: S608

# x is the facility of the member over all of its first answers: sums from which the correlation follows.
_ITEMS = """
WITH f AS ({firsts}), x AS (SELECT question_id, r, AVG(r) OVER (PARTITION BY member_id) AS x FROM f)
SELECT q.id, q.stem, CAST(q.options AS TEXT) AS options, CAST(q.answer AS TEXT) AS answer, q.kind, COUNT(*) AS n,
  SUM(x.r) AS r, SUM(x.x) AS x, SUM(x.x * x.x) AS xx, SUM(x.r * x.x) AS rx
FROM x JOIN question q ON q.id = x.question_id WHERE q.id > $4
GROUP BY q.id ORDER BY q.id LIMIT $5
"""

_WRONG = """
WITH f AS ({firsts})
SELECT question_id, given, COUNT(*) AS n FROM f WHERE r = 0 AND question_id IN ({questions}) GROUP BY question_id, given
"""


async def items(actor: Actor, *, first: date | None, last: date | None, after: int, limit: int, today: date) -> list[dict[str, Any]]:
    """The questions answered in the period, by id after `after`; one more than `limit` when there are more (two queries)."""
    access.require(actor, "stats.questions")
    if first and last and first > last:
        raise Invalid(errors=[{"field": "from", "message": "起始日期不能晚于截止日期"}])
    period = (actor.branch_id, first or date.min, min(last or today, today))
    firsts = _FIRSTS.format(months=within("a.task_date", *period[1:]))
    rows = await fetch(_ITEMS.format(firsts=firsts), *period, after, limit + 1)
    wrong = await fetch(_WRONG.format(firsts=firsts, questions=int_list(row["id"] for row in rows)), *period) if rows else []
    return [_item(row, [w for w in wrong if w["question_id"] == row["id"]]) for row in rows]


# Withdrawn questions are left out one by one, and not answer by answer.
_HARD = f"""
WITH g AS (
  SELECT a.question_id, COUNT(*) AS n, SUM(CASE WHEN a."right" THEN 1 ELSE 0 END) AS r {_ANSWERS} AND a.is_first GROUP BY a.question_id
)
SELECT g.question_id, q.stem, g.n, g.r FROM g JOIN question q ON q.id = g.question_id JOIN branch b ON b.id = $1
WHERE g.n >= {ENOUGH} AND g.r < {{below}} * g.n AND NOT {WITHDRAWN}
ORDER BY g.r * 1.0 / g.n, g.question_id LIMIT $4
"""  # noqa: S608


async def hardest(actor: Actor, *, first: date, last: date, below: float, most: int) -> list[dict[str, Any]]:
    """{"question", "stem", "attempts", "facility"} of the questions tried at least ENOUGH times that fewer than `below` got right at first,
    the hardest first (one query)."""
    access.require(actor, "stats.questions")
    rows = await fetch(_HARD.format(months=within("a.task_date", first, last), below=below), actor.branch_id, first, last, most)
    return [
        {"question": row["question_id"], "stem": row["stem"], "attempts": row["n"], "facility": round(float(row["r"]) / row["n"], 4)}
        for row in rows
    ]


# The same for a few questions alone, over all time: the tasks that hold them and the members lead to their answers, and the figures
# kept with the check-ins to the facility of whoever gave them. On PostgreSQL (OFFSET 0) an answer is looked up by all that is known of
# it: left to itself it would go through the members for each answer.
_ITS_ANSWER = "a.member_id = m.id AND a.task_id = tq.task_id AND a.question_id = tq.question_id AND a.is_first"
_GIVEN = {
    "sqlite": f"JOIN answer a ON {_ITS_ANSWER} AND a.task_date = tq.date",
    "postgres": f"""CROSS JOIN LATERAL (
    SELECT a.member_id, a.question_id, a.task_id, a.is_first, a.given, a."right" FROM answer a WHERE {_ITS_ANSWER} AND a.task_date = tq.date
    OFFSET 0) a""",  # noqa: S608
}
_CHOSEN = f"""
WITH tq AS MATERIALIZED (
  SELECT q.question_id, t.id AS task_id, t.date FROM task_question q JOIN daily_task t ON t.id = q.task_id
  WHERE q.question_id IN ({{questions}}) AND t.branch_id = $1 AND t.date <= $2
), f AS MATERIALIZED (
  SELECT a.member_id, a.question_id, CAST(a.given AS TEXT) AS given, CASE WHEN a."right" THEN 1.0 ELSE 0.0 END AS r
  FROM tq CROSS JOIN member m {{given}} WHERE m.branch_id = $1 AND {COUNTING}
)
"""  # noqa: S608

_CHOSEN_ITEMS = """
{chosen}, x AS (
  SELECT member_id, SUM(rights) * 1.0 / SUM(firsts) AS x FROM (
    SELECT c.member_id, c.firsts, c.rights FROM check_in c WHERE c.member_id IN (SELECT member_id FROM f)
    UNION ALL SELECT y.member_id, y.firsts, y.rights FROM answer_tally y WHERE y.member_id IN (SELECT member_id FROM f)
  ) kept GROUP BY member_id HAVING SUM(firsts) > 0
)
SELECT q.id, q.stem, CAST(q.options AS TEXT) AS options, CAST(q.answer AS TEXT) AS answer, q.kind, f.given, COUNT(*) AS n,
  SUM(f.r) AS r, SUM(x.x) AS x, SUM(x.x * x.x) AS xx, SUM(f.r * x.x) AS rx
FROM f JOIN x ON x.member_id = f.member_id JOIN question q ON q.id = f.question_id GROUP BY q.id, f.given, f.r ORDER BY q.id
"""
_SUMS = ("n", "r", "x", "xx", "rx")


async def of_questions(actor: Actor, *, question_ids: Collection[int], today: date) -> dict[int, dict[str, Any]]:
    """The analysis of these questions by id, as in `items`, over all tasks up to today; one that nobody answered has none (one query)."""
    access.require(actor, "stats.questions")
    chosen = _CHOSEN.format(questions=int_list(question_ids), given=_GIVEN[dialect()])
    rows = await fetch(_CHOSEN_ITEMS.format(chosen=chosen), actor.branch_id, today)
    return {number: _together(list(given)) for number, given in groupby(rows, key=itemgetter("id"))}


def _together(given: list[dict]) -> dict[str, Any]:
    """One question from its rows, one for each way in which it was answered."""
    whole = {**given[0], **{name: sum(row[name] for row in given) for name in _SUMS}}
    return _item(whole, [row for row in given if not row["r"]])


def _item(row: dict, wrong: list[dict]) -> dict[str, Any]:
    n, right = int(row["n"]), float(row["r"])
    return {
        "question": row["id"],
        "stem": row["stem"],
        "attempts": n,
        "facility": round(right / n, 4),
        "discrimination": correlation(n, right, float(row["x"]), float(row["xx"]), float(row["rx"])) if n >= ENOUGH else None,
        "most_chosen_wrong": _most_chosen(row, wrong),
    }


def correlation(n: int, right: float, x: float, xx: float, rx: float) -> float | None:
    """Point-biserial correlation of a 0/1 variable with x, from the sums Σr, Σx, Σx², Σrx of n pairs; None without variance."""
    variance = (n * xx - x * x) * (n * right - right * right)
    # Sums of floats leave a trace of variance where there is none.
    if variance <= 1e-9 * n * n:
        return None
    return round(max(-1.0, min(1.0, (n * rx - right * x) / math.sqrt(variance))), 4)


def _most_chosen(row: dict, wrong: list[dict]) -> dict[str, Any] | None:
    """The wrong option chosen most: of a multiple choice each letter that is not part of the answer counts by itself."""
    answer, options = set(msgspec.json.decode(row["answer"])), msgspec.json.decode(row["options"])
    chosen: Counter[str] = Counter()
    for found in wrong:
        for key in msgspec.json.decode(found["given"]):
            chosen[key] += int(found["n"]) if key not in answer or row["kind"] == "blank" else 0
    count = max(chosen.values(), default=0)
    if not count:
        return None
    key = min(key for key in chosen if chosen[key] == count)
    return {"key": key, "text": {**WORDS, **{o["key"]: o["text"] for o in options}}.get(key, key), "count": count}
