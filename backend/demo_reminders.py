"""The demo's reminders: who has agreed to how many, and what was sent yesterday, so that every page has something true to show."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta

from backend import subscriptions
from backend.demo_people import SEED
from backend.demo_wechat import REMINDER
from backend.kernel import clock
from backend.kernel.access import Actor
from backend.kernel.database import fetch, transactional
from backend.wechat.sandbox import SandboxState
from models.reminders import Reminder, ReminderBatch, ReminderState
from models.tasks import DailyTask

AGREE, MOST = 0.75, 3


async def grant(member_ids: Sequence[int]) -> None:
    """Most of them have agreed a few times, as the phone reports it; the others have said no, or were never asked."""
    dice = random.Random(SEED)
    for member_id in member_ids:
        times, answer = dice.randint(1, MOST), "accept" if dice.random() < AGREE else "reject"
        for number in range(times if answer == "accept" else dice.randint(0, 1)):
            await subscriptions.report(Actor(0, member_id=member_id), prompt=f"demo-{number}", results={REMINDER: answer})


@transactional
async def remember(branch_id: int, asked_by: int, *, today: date) -> None:
    """Yesterday's reminder, as the ledger keeps it: those who had not studied by then, some of whom no message could reach."""
    day = today - timedelta(days=1)
    task = await DailyTask.get_or_none(branch_id=branch_id, date=day)
    if task is None:
        return
    at = clock.now() - timedelta(days=1)
    rows = await fetch(
        "SELECT m.id, COALESCE(st.unit_id, 0) AS unit_id, s.remaining FROM member m JOIN standing st ON st.member_id = m.id "
        "LEFT JOIN subscription s ON s.member_id = m.id "
        "WHERE m.branch_id = $1 AND m.joined_on <= $2 AND st.until IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM check_in c WHERE c.member_id = m.id AND c.task_id = $3 AND c.task_date = $2) ORDER BY m.id",
        branch_id, day, task.id,
    )  # fmt: skip
    batch = await ReminderBatch.create(branch_id=branch_id, day=day, asked_by_id=asked_by, created_at=at)
    for row in rows:
        outcome = (ReminderState.SENT, "") if row["remaining"] else (ReminderState.REFUSED, "no_grant")
        await Reminder.create(
            batch_id=batch.id, member_id=row["id"], task_id=task.id, day=day, unit_id=row["unit_id"], state=outcome[0], reason=outcome[1],
            settled_at=at + timedelta(seconds=2),
        )  # fmt: skip


async def tell(state: SandboxState) -> None:
    """The sandbox forgets everything when it stops: it is told again what people have agreed to."""
    for row in await fetch(
        "SELECT a.openid, s.template_id, s.remaining FROM subscription s JOIN account a ON a.member_id = s.member_id "
        "WHERE a.openid LIKE 'oDEMO%'"
    ):
        if row["openid"] in state.users:
            state.users[row["openid"]].grants[row["template_id"]] = row["remaining"]
