"""Requests to check in, settled a batch at a time: each is decided by the state of its pair, the new days are written together.

What a single request sees is the same as if it had come alone. Nothing is stored for a request that fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from backend import checkins_streak, checkins_write, quizzes, tasks
from backend.checkins_write import FinishedDay, Pair, State, Stored
from backend.kernel import metrics
from backend.kernel.batches import Batcher
from backend.kernel.database import fetch, table_of, transactional
from backend.kernel.errors import Conflict, DakaError, Invalid, NotFound
from backend.rules import periods, streaks


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request to check in. `key` and `request_hash` belong to an idempotent request."""

    member_id: int
    session_id: int
    task_id: int
    passages: Sequence[int]
    answers: Sequence[Any]
    reflection: str | None
    studied_on: date | None
    key: str | None
    request_hash: str
    at: datetime
    request_id: str

    @property
    def pair(self) -> Pair:
        return self.member_id, self.task_id


@dataclass(slots=True)
class _Known:
    """What the decisions go by: the pairs' state, the keys' requests, and the sessions that fetched a task on its day."""

    state: State
    keys: dict[tuple[int, str], str]
    fetched: set[tuple[int, int]]


async def settle(attempts: Sequence[Attempt]) -> list[Stored | DakaError]:
    """Answers each attempt in order: its check-in, new or already there, or its error. A member comes with one task at most.

    Errors: NotFound outside the audience, Conflict `not_open`, `closed`, `incomplete`, Invalid `idempotency_mismatch` and for answers.
    """
    contents = await tasks.contents_of({attempt.task_id for attempt in attempts})
    return await _settle(attempts, contents)


@transactional
async def _settle(attempts: Sequence[Attempt], contents: Mapping[int, tasks.TaskContent]) -> list[Stored | DakaError]:
    wanted = {a.pair: contents[a.task_id].date for a in attempts if a.task_id in contents}
    if not wanted:
        return [NotFound() for _ in attempts]
    known = _Known(
        await checkins_write.hold(wanted),
        await checkins_write.request_hashes([(a.member_id, a.key) for a in attempts if a.key]),
        await _fetched_that_day([a for a in attempts if a.studied_on]),
    )
    decided: list[FinishedDay | Stored | DakaError] = []
    new: dict[Pair, FinishedDay] = {}
    for attempt in attempts:
        outcome = _decide(attempt, contents.get(attempt.task_id), known, new.get(attempt.pair))
        if isinstance(outcome, FinishedDay):
            new[attempt.pair] = outcome
            if attempt.key:
                known.keys[attempt.member_id, attempt.key] = attempt.request_hash
        decided.append(outcome)
    stored = await checkins_write.store(await _with_streaks(list(new.values())), known.state)
    ours = [(a, d) for a, d in zip(attempts, decided, strict=True) if isinstance(d, FinishedDay)]
    await checkins_write.keep_keys([(a.member_id, a.key, a.request_hash, a.at) for a, _ in ours if a.key])
    firsts = {pair: next(i for i, d in enumerate(decided) if d is day) for pair, day in new.items()}
    return [replace(stored[d.pair], is_new=firsts[d.pair] == index) if isinstance(d, FinishedDay) else d for index, d in enumerate(decided)]


def _decide(attempt: Attempt, content: Any, known: _Known, earlier: FinishedDay | None) -> FinishedDay | Stored | DakaError:
    """`earlier`: the same day as another attempt of this batch has finished it; it is the receipt for both."""
    state = known.state
    if content is None or attempt.pair not in state.facts:
        return NotFound()
    if attempt.key and known.keys.get((attempt.member_id, attempt.key), attempt.request_hash) != attempt.request_hash:
        return mismatch()
    if already := state.stored.get(attempt.pair) or earlier:
        return already
    try:
        return _finished(attempt, content, known)
    except DakaError as error:
        return error


def mismatch() -> Invalid:
    return Invalid("同一个 Idempotency-Key 已用于另一个请求。", code="idempotency_mismatch")


def _finished(attempt: Attempt, content: tasks.TaskContent, known: _Known) -> FinishedDay:
    today = periods.shanghai_date(attempt.at)
    tasks.refuse_unless_open({"date": content.date, "makeup_until": content.makeup_until}, today=today)
    graded = quizzes.grade_all(content, attempt.answers)
    outcomes = {**{g.question_id: g.right for g in graded}, **known.state.firsts.get(attempt.pair, {})}
    _refuse_incomplete(content, known.state.read.get(attempt.pair, set()), attempt.passages, outcomes)
    kind = periods.kind_of(
        task_date=content.date,
        arrived_on=today,
        studied_on=attempt.studied_on,
        fetched_on_task_date=(attempt.session_id, attempt.task_id) in known.fetched,
        arrived_within_48h=periods.within_offline_window(content.date, attempt.at),
    )
    return FinishedDay(
        member_id=attempt.member_id,
        task_id=attempt.task_id,
        task_date=content.date,
        kind=kind,
        at=attempt.at,
        on=today,
        studied_on=attempt.studied_on if attempt.studied_on == content.date != today and kind == "on_time" else None,
        receipt={"results": [quizzes.result_of(question, outcomes[question.id]) for question in content.questions]},
        passages=list(dict.fromkeys(attempt.passages)),
        graded=graded,
        reflection=(attempt.reflection or "").strip() or None,
        request_id=attempt.request_id,
    )


def _refuse_incomplete(content: tasks.TaskContent, read: set[int], passages: Sequence[int], outcomes: dict[int, bool]) -> None:
    """A day is complete when every passage is marked read and every question answered, right or wrong."""
    known = {passage.id for passage in content.passages}
    unknown = [index for index, passage in enumerate(passages) if passage not in known]
    if unknown:
        raise Invalid(
            "有的段落不属于当天的任务。",
            code="unknown_passage",
            errors=[{"field": f"passages[{index}]", "message": "不属于当天的任务"} for index in unknown],
        )
    unread = [p.id for p in content.passages if p.id not in read and p.id not in passages]
    unanswered = [q.id for q in content.questions if q.id not in outcomes]
    if unread or unanswered:
        parts = [f"{len(unread)} 个段落未读"] * bool(unread) + [f"{len(unanswered)} 道题未答"] * bool(unanswered)
        missing = {"passages": unread, "questions": unanswered}
        raise Conflict(f"还有 {'、'.join(parts)}，完成后即可打卡。", code="incomplete", extra={"missing": missing})


async def _fetched_that_day(attempts: Sequence[Attempt]) -> set[tuple[int, int]]:
    """Evidence for days finished without a network: the (session, task) pairs in which the session fetched the task on its day."""
    if not attempts:
        return set()
    wanted, values = table_of({"session_id": "bigint", "task_id": "bigint"}, [(a.session_id, a.task_id) for a in attempts])
    rows = await fetch(
        f"SELECT f.session_id, f.task_id FROM {wanted} w JOIN task_fetch f ON f.session_id = w.session_id AND f.task_id = w.task_id "  # noqa: S608
        "JOIN daily_task t ON t.id = f.task_id AND t.date = f.fetched_on",
        *values,
    )
    return {(row["session_id"], row["task_id"]) for row in rows}


async def _with_streaks(days: Sequence[FinishedDay]) -> list[FinishedDay]:
    """The days with the streak in their receipt as it stands once each is done."""
    doing = [(*day.pair, "k" if day.kind == "on_time" else "m", day.on) for day in days]
    found = await checkins_streak.streaks_with(doing)
    return [replace(day, receipt={"streak": streak_shown(found[day.pair]), **day.receipt}) for day in days]


def streak_shown(found: streaks.Streak) -> dict[str, int]:
    return {"current": found.current, "longest": found.longest}


# One for the process. A member's two tasks go into two batches: the streak of the second counts the first.
queue: Batcher[Attempt, Stored] = Batcher(
    settle,
    group=lambda attempt: attempt.member_id,
    together=lambda first, other: first.task_id == other.task_id,
    observe=metrics.check_in_batch,
)
