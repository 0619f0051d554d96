"""Check-ins (打卡): one member has completed one daily task, at most once for ever; make-ups (补卡) and 代录."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, ParamSpec

from backend import checkins_batch, checkins_streak, checkins_write, tasks
from backend.checkins_batch import Attempt
from backend.checkins_write import FinishedDay, Stored
from backend.kernel import access, audit, clock, database, metrics
from backend.kernel.access import SECRETARY, Actor
from backend.kernel.database import fetch, transactional
from backend.kernel.errors import DakaError, Forbidden, Invalid, NotFound
from backend.kernel.live import hub
from backend.rules import periods

KEYS_KEPT = timedelta(days=7)
P = ParamSpec("P")


def counted(new: str) -> Callable[..., Callable[P, Awaitable[tuple[dict[str, Any], bool]]]]:
    """Counts each call by its outcome: `new` when the check-in is, else replayed, else the code of the error."""

    def around(function: Callable[P, Awaitable[tuple[dict[str, Any], bool]]]) -> Callable[P, Awaitable[tuple[dict[str, Any], bool]]]:
        @functools.wraps(function)
        async def counting(*args: P.args, **kwargs: P.kwargs) -> tuple[dict[str, Any], bool]:
            try:
                receipt, is_new = await function(*args, **kwargs)
            except DakaError as error:
                metrics.check_ins.labels(error.code if error.code in metrics.CHECK_IN_CODES else "refused").inc()
                raise
            except Exception:
                metrics.check_ins.labels("error").inc()
                raise
            metrics.check_ins.labels(new if is_new else "replayed").inc()
            return receipt, is_new

        return counting

    return around


@counted("new")
async def check_in(
    actor: Actor,
    *,
    task_id: int,
    passages: Sequence[int] = (),
    answers: Sequence[Any] = (),
    reflection: str | None = None,
    studied_on: date | None = None,
    key: str | None = None,
    request_hash: str = "",
    at: datetime,
) -> tuple[dict[str, Any], bool]:
    """Completes the day with what the request brings and what is already stored: the receipt, and whether it is new.

    A repeat, with any body, gives the first receipt. Raises NotFound outside the audience, Conflict `not_open`, `closed` or `incomplete`
    (naming what is missing; nothing is stored), Invalid `idempotency_mismatch` and for malformed answers, Unavailable when too many wait.
    """
    attempt = Attempt(
        actor.member_id, actor.session_id, task_id, passages, answers, reflection, studied_on, key, request_hash, at, actor.request_id
    )
    if database.inside_transaction():
        return _answered(await checkins_batch.settle([attempt]))
    stored = await checkins_batch.queue.submit(attempt)
    if stored.is_new:
        hub.moved(actor.branch_id)
    return _receipt(stored), stored.is_new


async def drain() -> None:
    """Returns when every check-in that has come in is written."""
    await checkins_batch.queue.drain()


def _answered(outcomes: list[Stored | DakaError]) -> tuple[dict[str, Any], bool]:
    outcome = outcomes[0]
    if isinstance(outcome, DakaError):
        raise outcome
    return _receipt(outcome), outcome.is_new


def _receipt(stored: Stored) -> dict[str, Any]:
    return {
        "id": stored.id,
        "task": stored.task_id,
        "date": stored.task_date,
        "kind": stored.kind,
        "checked_in_at": clock.shanghai(stored.at).isoformat(timespec="seconds"),
        **stored.receipt,
    }


@counted("proxy")
async def record(actor: Actor, *, task_id: int, member_id: int, studied_on: date, at: datetime) -> tuple[dict[str, Any], bool]:
    """代录: writes down a day that a member studied on paper; no answers, no readings; audited. The receipt, and whether it is new.

    By the secretary for the branch, by a unit head for the own unit; not for oneself (Forbidden `own_checkin`). Raises NotFound for
    anybody else's member, Invalid when `studied_on` lies before the task or in the future, Conflict `not_open` or `closed`.
    """
    access.require(actor, "checkins.record")
    today = periods.shanghai_date(at)
    await _refuse_foreign(actor, member_id, today)
    if member_id == actor.member_id:
        raise Forbidden("不能为自己代录，请在小程序中打卡。", code="own_checkin")
    task = await tasks.task_for(member_id, task_id=task_id)
    if task["checkin_id"] is not None:
        return _receipt((await checkins_write.find({(member_id, task_id): task["date"]}))[member_id, task_id]), False
    tasks.refuse_unless_open(task, today=today)
    if not task["date"] <= studied_on <= today:
        raise Invalid(errors=[{"field": "studied_on", "message": "学习日期应在任务日期与今天之间"}])
    kind = "on_time" if today == task["date"] else "makeup"
    day = FinishedDay(
        member_id=member_id,
        task_id=task_id,
        task_date=task["date"],
        kind=kind,
        at=at,
        on=today,
        studied_on=studied_on,
        recorded_by=actor.member_id,
        receipt={"streak": await _streak_with(member_id, task_id, kind, today), "results": []},
        request_id=actor.request_id,
    )
    outcomes = await _write_audited(actor, day)
    hub.moved(actor.branch_id)
    return _answered(outcomes)


async def _streak_with(member_id: int, task_id: int, kind: str, today: date) -> dict[str, int]:
    """The streak as it stands once this task is done."""
    letter = "k" if kind == "on_time" else "m"
    found = await checkins_streak.streaks_with([(member_id, task_id, letter, today)])
    return checkins_batch.streak_shown(found[member_id, task_id])


@transactional
async def _write_audited(actor: Actor, day: FinishedDay) -> list[Stored | DakaError]:
    outcomes = await checkins_write.write([day])
    if isinstance(outcomes[0], Stored) and outcomes[0].is_new:
        await audit.record(actor, "checkin:record", subject="member", subject_id=day.member_id, fields=["studied_on"])
    return outcomes


async def _refuse_foreign(actor: Actor, member_id: int, today: date) -> None:
    rows = await fetch(
        "SELECT m.branch_id, s.unit_id FROM member m JOIN standing s ON s.member_id = m.id "
        "AND s.starts_on <= $2 AND (s.until IS NULL OR s.until > $2) WHERE m.id = $1",
        member_id, today,
    )  # fmt: skip
    if not rows or rows[0]["branch_id"] != actor.branch_id:
        raise NotFound()
    if SECRETARY not in actor.roles and (actor.unit_id is None or rows[0]["unit_id"] != actor.unit_id):
        raise NotFound()


@transactional
async def forget_old_keys(*, now: datetime) -> None:
    """Removes idempotency keys older than 7 days."""
    await fetch("DELETE FROM idempotency_key WHERE created_at < $1", now - KEYS_KEPT)
