"""Work done together: who waits for whom, what fails alone, where it ends. No database: `settle` is a plain function here."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from backend.kernel import batches
from backend.kernel.batches import Batcher
from backend.kernel.errors import Conflict, DakaError, Unavailable


class Desk:
    """Settles a batch when told to, and remembers the batches. An item "bad" spoils its whole batch; "refused" is its own error."""

    def __init__(self, *, slow: bool = True) -> None:
        self.batches: list[list[Any]] = []
        self.may_go = asyncio.Event()
        if not slow:
            self.may_go.set()

    async def settle(self, items: Sequence[Any]) -> list[Any]:
        self.batches.append(list(items))
        await self.may_go.wait()
        if "bad" in items:
            raise ValueError("the database refuses this row")
        return [Conflict(code="refused") if item == "refused" else f"{item} done" for item in items]


async def submitted(batcher: Batcher[Any, Any], *items: Any) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(batcher.submit(item)) for item in items]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_one_alone_is_written_at_once_and_those_who_come_meanwhile_go_together():
    desk = Desk()
    batcher: Batcher[Any, Any] = Batcher(desk.settle)
    first = await submitted(batcher, 1)
    await asyncio.sleep(0.01)
    others = await submitted(batcher, 2, 3, 4)
    desk.may_go.set()
    assert await asyncio.gather(*first, *others) == ["1 done", "2 done", "3 done", "4 done"]
    assert desk.batches == [[1], [2, 3, 4]]


async def test_nobody_is_answered_before_the_batch_is_settled():
    desk = Desk()
    [waiting] = await submitted(Batcher(desk.settle), 1)
    await asyncio.sleep(0.02)
    assert not waiting.done()
    desk.may_go.set()
    assert await waiting == "1 done"


async def test_one_bad_row_fails_alone_and_the_rest_is_written():
    desk = Desk()
    batcher: Batcher[Any, Any] = Batcher(desk.settle)
    await submitted(batcher, 0)
    waiting = await submitted(batcher, *range(1, 6), "bad", *range(6, 12))
    desk.may_go.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(answer) for answer in answers].count(ValueError) == 1 and isinstance(answers[5], ValueError)
    assert [answer for answer in answers if isinstance(answer, str)] == [f"{n} done" for n in range(1, 12)]


async def test_an_expected_error_is_its_own_and_splits_nothing():
    desk = Desk(slow=False)
    batcher: Batcher[Any, Any] = Batcher(desk.settle)
    answers = await asyncio.gather(*(batcher.submit(item) for item in (1, "refused")), return_exceptions=True)
    assert answers[0] == "1 done" and isinstance(answers[1], DakaError)


async def test_a_database_that_is_away_fails_the_whole_batch_at_once():
    tries: list[int] = []

    async def away(items: Sequence[Any]) -> list[Any]:
        tries.append(len(items))
        await asyncio.sleep(0.01)
        raise ConnectionError

    batcher: Batcher[Any, Any] = Batcher(away)
    answers = await asyncio.gather(*(batcher.submit(n) for n in range(50)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {ConnectionError}
    assert len(tries) <= 2, "not split: it would be asked fifty times"


async def test_beyond_the_bound_the_answer_is_come_back_later(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batches, "WAITING_MOST", 3)
    desk = Desk()
    batcher: Batcher[Any, Any] = Batcher(desk.settle)
    await submitted(batcher, 0)
    await asyncio.sleep(0.01)
    waiting = await submitted(batcher, 1, 2, 3)
    with pytest.raises(Unavailable) as refusal:
        await batcher.submit(4)
    assert (refusal.value.status, refusal.value.headers) == (503, {"Retry-After": "1"})
    desk.may_go.set()
    assert await asyncio.gather(*waiting) == ["1 done", "2 done", "3 done"]


async def test_a_batch_has_its_greatest_size(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batches, "MOST", 4)
    desk = Desk()
    batcher: Batcher[Any, Any] = Batcher(desk.settle)
    waiting = await submitted(batcher, *range(10))
    desk.may_go.set()
    await asyncio.gather(*waiting)
    assert max(len(batch) for batch in desk.batches) == 4


async def test_a_members_second_task_waits_for_the_next_batch_and_a_repeat_does_not():
    desk = Desk()
    batcher: Batcher[tuple[str, int], Any] = Batcher(desk.settle, group=lambda i: i[0], together=lambda a, b: a == b)
    await submitted(batcher, ("x", 0))
    await asyncio.sleep(0.01)
    waiting = await submitted(batcher, ("an", 1), ("an", 2), ("bai", 1), ("an", 1), ("an", 3))
    desk.may_go.set()
    await asyncio.gather(*waiting)
    assert desk.batches[1:] == [[("an", 1), ("bai", 1), ("an", 1)], [("an", 2)], [("an", 3)]]


async def test_a_caller_who_hangs_up_leaves_the_others_their_answers():
    desk = Desk()
    batcher: Batcher[Any, Any] = Batcher(desk.settle)
    await submitted(batcher, 0)
    gone, stays = await submitted(batcher, 1, 2)
    gone.cancel()
    desk.may_go.set()
    assert await stays == "2 done"
    await batcher.drain()
    assert desk.batches == [[0], [1, 2]] or desk.batches == [[0, 1, 2]]


async def test_an_error_that_meets_nobody_any_more_is_told_to_the_loop():
    desk, told = Desk(), []
    batcher: Batcher[Any, Any] = Batcher(desk.settle)
    [gone] = await submitted(batcher, "bad")
    await asyncio.sleep(0.01)
    gone.cancel()
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
    try:
        desk.may_go.set()
        await batcher.drain()
    finally:
        loop.set_exception_handler(before)
    assert [type(error) for error in told] == [ValueError]


async def test_draining_waits_for_everything_that_has_come_in():
    desk = Desk()
    batcher: Batcher[Any, Any] = Batcher(desk.settle)
    waiting = await submitted(batcher, *range(5))
    drained = asyncio.create_task(batcher.drain())
    await asyncio.sleep(0.01)
    assert not drained.done()
    desk.may_go.set()
    await drained
    assert all(task.done() for task in waiting)
