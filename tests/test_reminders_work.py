"""The background work of reminders: what is lost, put off or due by the clock, with WeChat at its worst."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from door import Door
from grants import grant
from people import Cast, Person, add_plan
from slices import check_in

from backend import reminders_daily, reminders_work
from backend.kernel import clock
from backend.kernel.errors import Unavailable
from backend.wechat.messages import Delivery, Outcome
from models.reminders import Reminder, ReminderBatch
from models.subscriptions import GrantEntry, Subscription

TODAY = clock.today()


class Told:
    """A client of WeChat that answers as it is told: what the sandbox shows over the wire, without its waits."""

    def __init__(self, *answers: Delivery | Exception) -> None:
        self.answers, self.asked = list(answers), 0

    async def send_subscribe_message(self, openid: str, template_id: str, page: str, fields: dict[str, str]) -> Delivery:
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else Delivery(Outcome.SENT)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def waiting(cast: Cast, who: Person, task_id: int, **columns: Any) -> Reminder:
    """A reminder that waits, of which no process was told."""
    day = columns.pop("day", TODAY)
    batch = await ReminderBatch.create(branch_id=who.branch_id, day=day, asked_by_id=cast.secretary.id, created_at=clock.now())
    given = {"state": "waiting", **columns}
    return await Reminder.create(batch_id=batch.id, member_id=who.id, task_id=task_id, day=day, unit_id=who.unit_id or 0, **given)


async def sent_by(wechat: Told, row: Reminder) -> tuple[str, str]:
    """State and reason after one try at this row."""
    await reminders_work.Sender(wechat)._one(row.id)
    await row.refresh_from_db()
    return row.state, row.reason


async def test_an_answer_that_is_lost_is_unknown_costs_the_grant_and_is_never_sent_again(door: Door, cast: Cast, sandbox: Any):
    [task] = await add_plan(cast, days=[TODAY])
    await grant(door, sandbox[0], cast.alice, times=2)
    row, wechat = await waiting(cast, cast.alice, task.id), Told(Delivery(Outcome.UNKNOWN))
    assert await sent_by(wechat, row) == ("unknown", "")
    assert await sent_by(wechat, row) == ("unknown", "") and wechat.asked == 1
    assert (await Subscription.get(member_id=cast.alice.id)).remaining == 1


async def test_what_wechat_does_not_take_now_waits_and_goes_later(door: Door, cast: Cast, sandbox: Any):
    [task] = await add_plan(cast, days=[TODAY])
    await grant(door, sandbox[0], cast.alice)
    row, wechat = await waiting(cast, cast.alice, task.id), Told(Unavailable(code="wechat_unavailable"))
    assert await sent_by(wechat, row) == ("waiting", "") and row.claimed_at is None
    assert await sent_by(wechat, row) == ("sent", "") and wechat.asked == 2
    assert await GrantEntry.filter(member_id=cast.alice.id, change=-1).count() == 1


async def test_the_last_look_before_sending_sees_what_happened_meanwhile(door: Door, cast: Cast, sandbox: Any):
    yesterday, task = await add_plan(cast, days=[TODAY - timedelta(days=1), TODAY])
    people = [cast.alice, cast.bob, cast.editor, cast.unit_head]
    await grant(door, sandbox[0], *people)
    rows = [await waiting(cast, person, task.id) for person in people[:3]]
    old = await waiting(cast, cast.unit_head, yesterday.id, day=TODAY - timedelta(days=1))
    await check_in(door, cast.alice, task.id)
    assert (await door.ask("PUT", "/me/subscriptions", cast.bob, json={"on": False})).status == 200
    assert (await door.post("/me/withdraw-consent", cast.editor)).status == 204
    wechat = Told()
    assert [await sent_by(wechat, row) for row in (*rows[:2], old)] == [("refused", "done"), ("refused", "off"), ("refused", "expired")]
    await reminders_work.Sender(wechat)._one(rows[2].id)
    assert wechat.asked == 0 and not await Reminder.exists(id=rows[2].id)


async def test_a_row_whose_process_died_is_unknown_after_two_minutes_and_not_before(door: Door, cast: Cast, sandbox: Any):
    [task] = await add_plan(cast, days=[TODAY])
    await grant(door, sandbox[0], cast.alice, cast.bob)
    fresh = await waiting(cast, cast.alice, task.id, state="sending", claimed_at=clock.now())
    lost = await waiting(cast, cast.bob, task.id, state="sending", claimed_at=clock.now() - timedelta(minutes=3))
    await reminders_work.close_lost()
    for row, state in ((fresh, "sending"), (lost, "unknown")):
        await row.refresh_from_db()
        assert row.state == state
    assert await sent_by(Told(), lost) == ("unknown", "")
    assert (await Subscription.get(member_id=cast.bob.id)).remaining == 0


async def test_many_processes_at_once_send_each_row_once(door: Door, cast: Cast, sandbox: Any):
    [task] = await add_plan(cast, days=[TODAY])
    await grant(door, sandbox[0], *cast.everyone)
    rows = [await waiting(cast, person, task.id) for person in cast.everyone]
    wechat = Told()
    senders = [reminders_work.Sender(wechat) for _ in range(4)]
    await asyncio.gather(*(sender._one(row.id) for sender in senders for row in rows))
    assert wechat.asked == len(rows) == await Reminder.filter(state="sent", member_id__in=[p.id for p in cast.everyone]).count()


async def test_the_daily_time_writes_one_batch_a_day_even_when_asked_by_many(door: Door, cast: Cast):
    tomorrow = TODAY + timedelta(days=1)
    await add_plan(cast, days=[TODAY, tomorrow])
    await door.ask("PUT", f"/plans/{cast.plan.id}/reminder", cast.editor, json={"at": "19:30"})
    of_plan = ReminderBatch.filter(plan_id=cast.plan.id, day=tomorrow)
    with clock.shifted(clock.at(tomorrow, 19, 29)):
        await reminders_daily.fire()
        assert not await of_plan.exists()
    with clock.shifted(clock.at(tomorrow, 22, 1)):
        await reminders_daily.fire()
        assert not await of_plan.exists()
    with clock.shifted(clock.at(tomorrow, 19, 31)):
        await asyncio.gather(*(reminders_daily.fire() for _ in range(4)))
        await reminders_daily.fire()
    [batch] = await of_plan
    found = await Reminder.filter(batch_id=batch.id).values_list("member_id", "reason")
    assert sorted(found) == sorted((person.id, "no_grant") for person in cast.everyone) and batch.asked_by_id is None
