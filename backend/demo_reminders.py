"""The demo's ledger of reminders: yesterday's, so that the pages have something to show at the first start."""

from __future__ import annotations

from datetime import date, timedelta

from backend import subscriptions
from backend.demo_wechat import REMINDER
from backend.kernel import clock
from backend.kernel.database import fetch, transactional
from backend.wechat.sandbox import SandboxState
from models.members import RoleGrant
from models.reminders import Reminder, ReminderBatch
from models.subscriptions import GrantReason
from models.tasks import DailyTask

_MISSED = """
SELECT m.id, COALESCE(st.unit_id, 0) AS unit_id, a.openid, COALESCE(s.remaining, 0) AS remaining
FROM member m JOIN standing st ON st.member_id = m.id AND st.until IS NULL
LEFT JOIN account a ON a.member_id = m.id LEFT JOIN subscription s ON s.member_id = m.id AND s.template_id = $4
WHERE m.branch_id = $1 AND m.joined_on <= $2
  AND NOT EXISTS (SELECT 1 FROM check_in c WHERE c.member_id = m.id AND c.task_id = $3 AND c.task_date = $2)
  AND NOT EXISTS (SELECT 1 FROM leave l WHERE l.member_id = m.id AND l.starts_on <= $2 AND l.ends_on >= $2)
ORDER BY m.id
"""


async def remember(state: SandboxState, branch_id: int, *, today: date) -> None:
    """Yesterday's reminder by the secretary, once: who had not studied got one where there was a grant, here and in the sandbox."""
    day = today - timedelta(days=1)
    task = await DailyTask.get_or_none(branch_id=branch_id, date=day)
    if task is None or await ReminderBatch.exists(branch_id=branch_id):
        return
    for openid in await _write(branch_id, task, await fetch(_MISSED, branch_id, day, task.id, REMINDER)):
        state.user(openid).grants[REMINDER] -= 1


@transactional
async def _write(branch_id: int, task: DailyTask, missed: list[dict]) -> list[str]:
    """Who got one, by openid."""
    secretary = await RoleGrant.get(member__branch_id=branch_id, role="secretary")
    at, told = clock.now() - timedelta(days=1), []
    batch = await ReminderBatch.create(branch_id=branch_id, day=task.date, asked_by_id=secretary.member_id, created_at=at)
    for row in missed:
        state, reason = ("sent", "") if row["remaining"] else ("refused", "no_grant" if row["openid"] else "unbound")
        await Reminder.create(
            batch_id=batch.id, member_id=row["id"], task_id=task.id, day=task.date, unit_id=row["unit_id"], state=state, reason=reason,
            claimed_at=at if row["remaining"] else None, settled_at=at + timedelta(seconds=2),
        )  # fmt: skip
        if row["remaining"]:
            await subscriptions.spend(row["id"], REMINDER, GrantReason.SENT)
            told.append(row["openid"])
    return told
