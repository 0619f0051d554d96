"""What members ask and the secretary answers: corrections and feedback, each in a table of its own, with a deadline.

Source of the deadline: App违法违规收集使用个人信息行为认定方法, 六: accepted and dealt with within 15 working days; these are plain days.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from backend.kernel import audit, clock, metrics
from backend.kernel.access import Actor, require, same_branch
from backend.kernel.database import as_instant, fetch, transactional
from backend.kernel.errors import Conflict, Invalid
from models.answering import Answerable

ANSWER_WITHIN = timedelta(days=15)
ANSWER_MOST = 2000
STATES = {"waiting": "r.answered_at IS NULL", "answered": "r.answered_at IS NOT NULL"}

_ASKED = """
SELECT r.*, m.name AS member_name, a.name AS answerer_name FROM {table} r JOIN member m ON m.id = r.member_id
LEFT JOIN member a ON a.id = r.answered_by_id WHERE {where} ORDER BY r.id LIMIT {limit}
"""


async def ask(table: type[Answerable], actor: Actor, *, text: str, **columns: Any) -> dict[str, Any]:
    """What was asked, to be answered within 15 days. Raises Invalid for blank text."""
    if not (text := text.strip()):
        raise Invalid(errors=[{"field": "text", "message": "请填写内容"}])
    asked = await table.create(member_id=actor.member_id, text=text, created_at=clock.now(), **columns)
    metrics.asked.labels(table._meta.db_table, "asked").inc()
    return (await _shown(table, "r.id = $1", asked.id))[0]


async def own(table: type[Answerable], actor: Actor, *, most: int = 200) -> list[dict[str, Any]]:
    """The newest that the actor asked, oldest first."""
    last = f"r.id IN (SELECT id FROM {table._meta.db_table} WHERE member_id = $1 ORDER BY id DESC LIMIT {int(most)})"  # noqa: S608
    return await _shown(table, last, actor.member_id, limit=most)


async def listing(table: type[Answerable], actor: Actor, *, state: str | None, after: int, limit: int) -> list[dict[str, Any]]:
    """Those of the branch with an id above `after`, waiting or answered where `state` says so; at most limit + 1; one query."""
    where = f"m.branch_id = $1 AND r.id > $2 AND {STATES[state] if state else '1 = 1'}"
    return await _shown(table, where, actor.branch_id, after, limit=limit + 1)


async def answer(
    table: type[Answerable], actor: Actor, *, asked_id: int, answer: str, capability: str, **columns: Any
) -> dict[str, Any]:  # fmt: skip
    """Answers once. Raises NotFound, Invalid for text that is blank or too long, Conflict `answered`."""
    require(actor, capability)
    if not (answer := answer.strip()):
        raise Invalid(errors=[{"field": "answer", "message": "请填写答复"}])
    if len(answer) > ANSWER_MOST:
        raise Invalid(errors=[{"field": "answer", "message": f"不能超过 {ANSWER_MOST} 个字"}])
    await _write_answer(table, actor, asked_id, {"answer": answer, **columns})
    metrics.asked.labels(table._meta.db_table, "answered").inc()
    return (await _shown(table, "r.id = $1", asked_id))[0]


@transactional
async def _write_answer(table: type[Answerable], actor: Actor, asked_id: int, columns: dict[str, Any]) -> None:
    asked = await table.get_or_none(id=asked_id).prefetch_related("member")
    same_branch(actor, asked.member.branch_id if asked else None)
    # Who has left wrote under a name that is gone, and reads no answer.
    written = await table.filter(id=asked_id, answered_at=None).update(answered_by_id=actor.member_id, answered_at=clock.now(), **columns)
    if not written:
        raise Conflict("已经答复过了。", code="answered")
    name = table._meta.db_table
    await audit.record(actor, f"{name}:answer", subject=name, subject_id=asked_id, fields=sorted(columns))


async def waiting(table: type[Answerable], actor: Actor) -> dict[str, int]:
    """{"waiting", "overdue"} of the branch: how many wait for an answer, and how many past their day. One query."""
    rows = await fetch(
        "SELECT COUNT(*) AS waiting, COUNT(CASE WHEN r.created_at < $2 THEN 1 END) AS overdue "  # noqa: S608
        f"FROM {table._meta.db_table} r JOIN member m ON m.id = r.member_id WHERE m.branch_id = $1 AND r.answered_at IS NULL",
        actor.branch_id, clock.at(clock.today() - ANSWER_WITHIN),
    )  # fmt: skip
    return dict(rows[0])


async def _shown(table: type[Answerable], where: str, *values: Any, limit: int = 1) -> list[dict[str, Any]]:
    rows = await fetch(_ASKED.format(table=table._meta.db_table, where=where, limit=int(limit)), *values)
    return [_item(row) for row in rows]


def _item(row: dict[str, Any]) -> dict[str, Any]:
    due_on = clock.shanghai(as_instant(row["created_at"])).date() + ANSWER_WITHIN
    item = {
        "id": row["id"],
        "member": {"id": row["member_id"], "name": row["member_name"]},
        "text": row["text"],
        "created_at": _instant(row["created_at"]),
        "due_on": due_on,
        "overdue": row["answered_at"] is None and due_on < clock.today(),
        "answer": row["answer"],
        "answered_by": {"id": row["answered_by_id"], "name": row["answerer_name"]} if row["answered_by_id"] else None,
        "answered_at": _instant(row["answered_at"]) if row["answered_at"] else None,
    }
    if "subject" in row:
        item |= {"subject": row["subject"], "done": None if row["done"] is None else bool(row["done"])}
    return item


def _instant(value: Any) -> str:
    return clock.shanghai(as_instant(value)).isoformat(timespec="seconds")
