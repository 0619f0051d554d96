"""What members ask for: leave, corrections of their record, complaints and suggestions; each with its day, and answered here."""

from __future__ import annotations

from typing import Any

from sanic import Blueprint
from sanic.response import HTTPResponse

from backend import answering, attention, corrections, feedback, leaves
from backend.kernel.errors import Conflict, Invalid
from console import forms, words
from console.http import MAX_ID, Visit, go, page, render

blueprint = Blueprint("console_requests")
PAGE_SIZE = 25
DECISIONS = {"grant": leaves.grant, "refuse": leaves.refuse}
ANSWERED = "已答复，本人在小程序中可以看到。"
Refused = Conflict | Invalid


@page(blueprint, "GET", "/requests", who="leaves.decide")
async def asked_leaves(visit: Visit) -> HTTPResponse:
    return await _leaves(visit)


@page(blueprint, "POST", "/requests/leaves/<leave_id:int>", who="leaves.decide")
async def decide(visit: Visit, leave_id: int) -> HTTPResponse:
    decision = DECISIONS.get(visit.filled("decision"))
    try:
        if decision is None:
            raise Invalid("请选择准假或不准。", errors=[{"field": "", "message": "请选择准假或不准"}])
        leave = await decision(visit.actor, leave_id=leave_id)
    except (Conflict, Invalid) as error:
        return await _leaves(visit, error)
    days = f"{leave['member']['name']} {leave['starts_on']} 至 {leave['ends_on']}"
    return go("/requests", visit, notice=f"{words.LEAVE_STATES[leave['state']]}：{days}。")


async def _leaves(visit: Visit, error: Refused | None = None) -> HTTPResponse:
    state = None if visit.asked("state") == "all" else "asked"
    found = await leaves.listing(visit.actor, state=state, after=_after(visit), limit=PAGE_SIZE + 1)
    return await _show(visit, "leaves", found, error)


@page(blueprint, "GET", "/requests/corrections", who="corrections.answer")
async def asked_corrections(visit: Visit) -> HTTPResponse:
    return await _corrections(visit)


@page(blueprint, "POST", "/requests/corrections/<correction_id:int>", who="corrections.answer")
async def answer_correction(visit: Visit, correction_id: int) -> HTTPResponse:
    answer, done = _answer(visit), visit.filled("done")
    try:
        if done not in ("yes", "no"):
            raise Invalid(errors=[{"field": "done", "message": "请选择是否已更正"}])
        await corrections.answer(visit.actor, correction_id=correction_id, answer=answer, done=done == "yes")
    except (Conflict, Invalid) as error:
        return await _corrections(visit, error, correction_id)
    return go("/requests/corrections", visit, notice=ANSWERED)


async def _corrections(visit: Visit, error: Refused | None = None, wrong: int = 0) -> HTTPResponse:
    found = await corrections.listing(visit.actor, state=_state(visit), after=_after(visit), limit=PAGE_SIZE)
    return await _show(visit, "corrections", found, error, wrong)


@page(blueprint, "GET", "/requests/feedback", who="feedback.read")
async def sent_feedback(visit: Visit) -> HTTPResponse:
    return await _feedback(visit)


@page(blueprint, "POST", "/requests/feedback/<feedback_id:int>", who="feedback.answer")
async def answer_feedback(visit: Visit, feedback_id: int) -> HTTPResponse:
    try:
        await feedback.answer(visit.actor, feedback_id=feedback_id, answer=_answer(visit))
    except (Conflict, Invalid) as error:
        return await _feedback(visit, error, feedback_id)
    return go("/requests/feedback", visit, notice=ANSWERED)


async def _feedback(visit: Visit, error: Refused | None = None, wrong: int = 0) -> HTTPResponse:
    found = await feedback.listing(visit.actor, state=_state(visit), after=_after(visit), limit=PAGE_SIZE)
    return await _show(visit, "feedback", found, error, wrong)


def _answer(visit: Visit) -> str:
    """What was typed; a browser ends its lines with two characters."""
    return visit.filled("answer").replace("\r\n", "\n")


def _after(visit: Visit) -> int:
    return forms.number(visit.asked("after"), instead=0, most=MAX_ID)


def _state(visit: Visit) -> str | None:
    return None if visit.asked("state") == "all" else "waiting"


async def _show(
    visit: Visit, kind: str, found: list[dict[str, Any]], error: Refused | None = None, wrong: int = 0
) -> HTTPResponse:  # fmt: skip
    """`found` holds one more than a page when there are more; `wrong`: the one whose answer was refused."""
    return render(
        f"requests/{kind}.html",
        visit,
        status=error.status if error else 200,
        kind=kind,
        shown=found[:PAGE_SIZE],
        waiting=await attention.waiting(visit.actor),
        is_all=visit.asked("state") == "all",
        most=answering.ANSWER_MOST,
        within=answering.ANSWER_WITHIN.days,
        next=found[PAGE_SIZE - 1]["id"] if len(found) > PAGE_SIZE else None,
        wrong=wrong,
        typed={name: visit.filled(name) for name in ("answer", "done")},
        errors=forms.faults(error) if error else forms.Faults(),
    )
