"""The question bank: searched and filtered with what the answers say, one question with its history, edited, withdrawn."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from sanic import Blueprint
from sanic.response import HTTPResponse

from backend import coverage_questions, curriculum_shelf, questions, questions_history, questions_listing, texts
from backend.kernel.errors import Conflict, Invalid
from backend.rules.forms_questions import LETTERS, QuestionDraft
from console import forms, hints, words
from console.http import Visit, go, page, render

blueprint = Blueprint("console_questions")
PER_PAGE = 25
STATES = {"": "全部", "open": "在用", "withdrawn": "已撤下", "own": "本支部的", "shipped": "随附的"}
FILTERS = ("q", "aspect", "unit", "kind", "level", "state")


@page(blueprint, "GET", "/questions", who="content.read")
async def bank(visit: Visit) -> HTTPResponse:
    asked = {name: visit.asked(name)[:100] for name in FILTERS}
    wanted = {**asked, "aspect": forms.number(asked["aspect"]), "level": forms.number(asked["level"])}
    state, after = wanted.pop("state"), forms.number(visit.asked("after"), instead=0)
    by_state = {"withdrawn": {"open": False, "withdrawn": True}.get(state), "own": {"own": True, "shipped": False}.get(state)}
    found = await questions_listing.listing(visit.actor, after=after, limit=PER_PAGE, **wanted, **by_state)
    shown = found[:PER_PAGE]
    items = await coverage_questions.of_questions(visit.actor, question_ids=[one["id"] for one in shown], today=visit.today)
    return render(
        "questions/bank.html",
        visit,
        questions=[{**one, "item": items.get(one["id"]), "hints": hints.of_item(items.get(one["id"]))} for one in shown],
        counts=await questions_listing.count(visit.actor, **wanted),
        asked=asked,
        address="&".join(f"{name}={quote(value)}" for name, value in asked.items() if value),
        after=after,
        last=shown[-1]["id"] if len(found) > PER_PAGE else None,
        states=list(STATES.items()),
        **await _choices(visit),
    )


@page(blueprint, "GET", "/questions/new", who="content.write")
async def blank(visit: Visit) -> HTTPResponse:
    like = forms.number(visit.asked("like"))
    start = await questions_listing.one(visit.actor, question_id=like) if like else _EMPTY
    return await _form(visit, start)


@page(blueprint, "POST", "/questions", who="content.write")
async def add(visit: Visit) -> HTTPResponse:
    draft = _draft(visit)
    try:
        made = await questions.add(visit.actor, branch_id=visit.actor.branch_id, draft=draft)
    except (Invalid, Conflict) as error:
        return await _form(visit, _as_question(draft), errors=forms.faults(error), status=422)
    return go(f"/questions/{made['id']}", visit, notice="已加入题库。")


@page(blueprint, "GET", "/questions/<question_id:int>", who="content.read")
async def one(visit: Visit, question_id: int) -> HTTPResponse:
    return await _one(visit, await questions_listing.one(visit.actor, question_id=question_id))


@page(blueprint, "POST", "/questions/<question_id:int>", who="content.write")
async def change(visit: Visit, question_id: int) -> HTTPResponse:
    draft = _draft(visit)
    try:
        await questions.change(visit.actor, question_id=question_id, draft_of=lambda before: draft)
    except Invalid as error:
        question = await questions_listing.one(visit.actor, question_id=question_id)
        return await _one(visit, question, written=_as_question(draft), errors=forms.faults(error), status=422)
    return go(f"/questions/{question_id}", visit, notice="已保存。已经作答的按当时的答案评判，不重新计算。")


@page(blueprint, "POST", "/questions/<question_id:int>/withdraw", who="content.write")
async def withdraw(visit: Visit, question_id: int) -> HTTPResponse:
    await questions.withdraw(visit.actor, question_id=question_id)
    return go(f"/questions/{question_id}", visit, notice="已撤下：答案不再计入，统计已重新计算，答过的人会在小程序里看到说明。")


@page(blueprint, "POST", "/questions/<question_id:int>/restore", who="content.write")
async def restore(visit: Visit, question_id: int) -> HTTPResponse:
    await questions.restore(visit.actor, question_id=question_id)
    return go(f"/questions/{question_id}", visit, notice="已恢复：答案重新计入，统计已重新计算。")


_EMPTY: dict[str, Any] = {
    "kind": "single", "stem": "", "options": [], "answer": [], "explanation": "", "text": texts.MAIN, "section": "", "locator": "",
    "aspects": [],
}  # fmt: skip


async def _one(
    visit: Visit, question: dict[str, Any], *, written: dict[str, Any] | None = None, errors: forms.Faults | None = None, status: int = 200
) -> HTTPResponse:
    """`written`: what its form holds, where that is not what the question says."""
    item = (await coverage_questions.of_questions(visit.actor, question_ids=[question["id"]], today=visit.today)).get(question["id"])
    return render(
        "questions/one.html",
        visit,
        status=status,
        question=question,
        written=written or question,
        errors=errors or forms.Faults(),
        item=item,
        hints=hints.of_item(item),
        history=await questions_history.of(visit.actor, question_id=question["id"]),
        told=words.QUESTION_ACTIONS,
        options=_options(written or question),
        **await _choices(visit),
    )


async def _form(visit: Visit, written: dict[str, Any], *, errors: forms.Faults | None = None, status: int = 200) -> HTTPResponse:
    shown = {"written": written, "errors": errors or forms.Faults(), "options": _options(written)}
    return render("questions/new.html", visit, status=status, **shown, **await _choices(visit))


def _options(question: dict[str, Any]) -> list[tuple[str, str]]:
    texts_of = {option["key"]: option["text"] for option in question["options"]}
    return [(letter, texts_of.get(letter, "")) for letter in LETTERS]


async def _choices(visit: Visit) -> dict[str, Any]:
    listed = await texts.listing(visit.actor)
    return {
        "aspects": [(one["id"], f"{one['id']} {one['short']}") for one in await curriculum_shelf.aspects(visit.actor)],
        "units": [(f"{text['key']}/{unit['key']}", f"{text['title']}：{unit['title']}") for text in listed for unit in text["sections"]],
        "own_units": [(unit["key"], unit["title"]) for text in listed if text["key"] == texts.MAIN for unit in text["sections"]],
        "kinds": list(words.KINDS.items()),
        "levels": list(words.LEVELS.items()),
    }


def _draft(visit: Visit) -> QuestionDraft:
    """What the form says, sound or not; of a choice the ticked letters, of a blank one accepted answer a line."""
    kind = visit.filled("kind")
    chosen = kind in ("single", "multiple")
    options = [(letter, text) for letter in LETTERS if chosen and (text := visit.filled(f"option_{letter}"))]
    accepted = [line.strip() for line in visit.filled("answers").splitlines() if line.strip()]
    answer = visit.ticked("letters") if chosen else accepted if kind == "blank" else visit.ticked("truth")
    return QuestionDraft(
        kind if kind in words.KINDS else "", visit.filled("stem"), options, answer, visit.filled("explanation"),
        visit.filled("section") or None, visit.filled("locator") or None, tuple(sorted(forms.numbers(visit.ticked("aspects")))),
    )  # fmt: skip


def _as_question(draft: QuestionDraft) -> dict[str, Any]:
    return {
        **_EMPTY, "kind": draft.kind, "stem": draft.stem, "options": [{"key": key, "text": text} for key, text in draft.options],
        "answer": draft.answer, "explanation": draft.explanation, "section": draft.unit or "", "locator": draft.locator or "",
        "aspects": list(draft.aspects),
    }  # fmt: skip
