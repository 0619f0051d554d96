"""Sends what waits: each row is claimed, sent and settled. A claim is committed before anything is sent, and nothing claimed is sent again.

So a process that dies in between leaves a row in `sending`: its outcome is unknown, and after LOST_AFTER it says so.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import structlog

from backend import reminders_audience, reminders_daily, subscriptions
from backend.kernel import clock, metrics, settings
from backend.kernel.database import as_date, fetch, transactional
from backend.kernel.errors import TooMany, Unavailable
from backend.kernel.jobs import Job
from backend.reminders_audience import Scope
from backend.rules import reminding
from backend.wechat.client import WeChat
from backend.wechat.messages import Delivery, Outcome
from models.reminders import ReminderBatch
from models.subscriptions import GrantReason

PAGE = "pages/today/today"
NAME = "reminders"
AT_ONCE = 20
EVERY_S = 15.0
# Longer than any call may take (outward.BACKGROUND).
LOST_AFTER = timedelta(minutes=2)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Letter:
    reminder_id: int
    member_id: int
    openid: str
    template_id: str
    fields: dict[str, str]


class Sender:
    """The background work of one process. `round` may run in several processes at once: each row is claimed by one of them."""

    def __init__(self, wechat: WeChat) -> None:
        self._wechat = wechat
        self._busy = asyncio.Lock()
        self._stop = asyncio.Event()

    def ends_with(self, stop: asyncio.Event) -> None:
        """Once `stop` is set, what is under way is finished and nothing more is begun: the rest waits for the next start."""
        self._stop = stop

    def job(self) -> Job:
        return Job(NAME, every_s=EVERY_S, run=self.round, quiet=True)

    async def round(self) -> None:
        """What is due by the clock, what was lost, and all that waits; ends early while WeChat takes nothing."""
        # Woken, it is no job's task.
        with structlog.contextvars.bound_contextvars(job=NAME):
            await self._round()

    async def _round(self) -> None:
        async with self._busy:
            await reminders_daily.fire()
            await close_lost()
            while not self._stop.is_set() and (ids := await _waiting()):
                if not all(await asyncio.gather(*(self._one(reminder_id) for reminder_id in ids))):
                    return

    async def _one(self, reminder_id: int) -> bool:
        """False when WeChat took nothing now: the row waits again."""
        letter = await _claim(reminder_id)
        if letter is None:
            return True
        try:
            delivery = await self._wechat.send_subscribe_message(letter.openid, letter.template_id, PAGE, letter.fields)
        except (TooMany, Unavailable) as error:
            # It certainly was not sent.
            await fetch("UPDATE reminder SET state = 'waiting', claimed_at = NULL WHERE id = $1 AND state = 'sending'", reminder_id)
            metrics.reminders.labels("put_off").inc()
            log.info("reminder_put_off", reminder=reminder_id, code=error.code)
            return False
        await _settle(letter.reminder_id, letter.member_id, letter.template_id, delivery)
        return True


async def _waiting() -> list[int]:
    return [row["id"] for row in await fetch(f"SELECT id FROM reminder WHERE state = 'waiting' ORDER BY id LIMIT {AT_ONCE}")]  # noqa: S608


@transactional
async def _claim(reminder_id: int) -> Letter | None:
    """The row is this process's alone from now on; None when it was another's, or a last look says that none is to be sent."""
    claimed = await fetch(
        "UPDATE reminder SET state = 'sending', claimed_at = $2 WHERE id = $1 AND state = 'waiting' "
        "RETURNING member_id, day, batch_id",
        reminder_id, clock.now(),
    )  # fmt: skip
    if not claimed:
        return None
    member_id, day = claimed[0]["member_id"], as_date(claimed[0]["day"])
    batch = await ReminderBatch.get(id=claimed[0]["batch_id"])
    found = await reminders_audience.candidates(Scope(batch.branch_id), day=day, chosen=[member_id], again=True)
    reason = "expired" if day != clock.today() else found[0].reason if found else "gone"
    if reason is not None:
        await _refuse(reminder_id, reason)
        return None
    fields = reminding.message(settings.current().wechat_reminder_fields, title=found[0].title, day=day)
    return Letter(reminder_id, member_id, found[0].openid, reminders_audience.template(), fields)


async def _refuse(reminder_id: int, reason: str) -> None:
    await fetch(
        "UPDATE reminder SET state = 'refused', reason = $2, settled_at = $3 WHERE id = $1 AND state = 'sending'",
        reminder_id, reason, clock.now(),
    )  # fmt: skip
    metrics.reminders.labels("refused").inc()


@transactional
async def _settle(reminder_id: int, member_id: int, template_id: str, delivery: Delivery) -> None:
    """Writes what became of it, and spends the grant that it took."""
    if delivery.outcome is Outcome.REFUSED:
        await _refuse(reminder_id, delivery.reason)
        if delivery.reason == "no_grant":
            await subscriptions.spend(member_id, template_id, GrantReason.LAPSED)
        return
    settled = await fetch(
        "UPDATE reminder SET state = $2, settled_at = $3 WHERE id = $1 AND state = 'sending' RETURNING id",
        reminder_id, delivery.outcome.value, clock.now(),
    )  # fmt: skip
    if settled:
        await subscriptions.spend(member_id, template_id, GrantReason(delivery.outcome.value))
        metrics.reminders.labels(delivery.outcome.value).inc()
    if delivery.outcome is Outcome.UNKNOWN:
        log.warning("reminder_outcome_unknown", reminder=reminder_id)


async def close_lost() -> None:
    """Rows whose process died before it wrote down the answer: unknown from now on, never sent again."""
    lost = await fetch(
        "SELECT id, member_id FROM reminder WHERE state = 'sending' AND claimed_at < $1 ORDER BY id", clock.now() - LOST_AFTER
    )
    for row in lost:
        await _settle(row["id"], row["member_id"], reminders_audience.template(), Delivery(Outcome.UNKNOWN))
