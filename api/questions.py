"""The question bank, for the office: list, add, change, withdraw, import."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

import msgspec
from sanic import Blueprint

from api.http import XLSX, Call, Shape, after, download, endpoint, page
from backend import questions, questions_import, questions_listing
from backend.rules.forms_questions import QuestionDraft

blueprint = Blueprint("questions")

KindName = Literal["single", "multiple", "true_false", "blank"]
Stem = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Explanation = Annotated[str, msgspec.Meta(max_length=1000)]
Answers = Annotated[list[Annotated[str, msgspec.Meta(min_length=1, max_length=200)]], msgspec.Meta(min_length=1, max_length=20)]
Aspects = Annotated[list[Annotated[int, msgspec.Meta(ge=1, le=9)]], msgspec.Meta(min_length=1, max_length=9)]
SectionKey = Annotated[str, msgspec.Meta(pattern=r"^(s([0-9]|1[0-5]))?$")]
Locator = Annotated[str, msgspec.Meta(max_length=15)]


class ListQuery(Shape):
    aspect: Annotated[int, msgspec.Meta(ge=1, le=9)] | None = None
    kind: KindName | None = None
    withdrawn: Annotated[int, msgspec.Meta(ge=0, le=1)] | None = None
    q: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    cursor: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50


class QuestionOption(Shape):
    key: Annotated[str, msgspec.Meta(pattern="^[A-H]$")]
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class BankQuestion(msgspec.Struct):
    id: int
    kind: str
    stem: str
    options: list[QuestionOption]
    answer: list[str]
    explanation: str
    text: str
    section: str
    locator: str
    level: int
    aspects: list[int]
    shipped: bool
    withdrawn: bool


class BankPage(msgspec.Struct):
    items: list[BankQuestion]
    next: str | None


@endpoint(blueprint, "GET", "/questions", who="content.read", summary="题库（含答案，限党建工作部）", query=ListQuery, reply=BankPage)
async def list_questions(call: Call) -> dict[str, Any]:
    asked = call.query
    withdrawn = None if asked.withdrawn is None else bool(asked.withdrawn)
    found = await questions_listing.listing(
        call.actor, aspect=asked.aspect, kind=asked.kind, withdrawn=withdrawn, q=asked.q, after=after(asked.cursor), limit=asked.limit
    )
    return page(found, limit=asked.limit)


class NewQuestion(Shape):
    """`answer`: option letters, ["true"] or ["false"], or the accepted texts of a blank; `section` s0 … s15 and `locator` cite the text."""

    kind: KindName
    stem: Stem
    answer: Answers
    aspects: Aspects
    options: Annotated[list[QuestionOption], msgspec.Meta(max_length=8)] = []
    explanation: Explanation = ""
    section: SectionKey | None = None
    locator: Locator | None = None


@endpoint(
    blueprint, "POST", "/questions", who="content.write", summary="新建题目", body=NewQuestion, reply=BankQuestion, status=201, also=(409,)
)
async def add_question(call: Call) -> dict[str, Any]:
    new: NewQuestion = call.body
    options = [(option.key, option.text) for option in new.options]
    draft = QuestionDraft(
        new.kind, new.stem.strip(), options, new.answer, new.explanation, new.section, new.locator, tuple(sorted(set(new.aspects)))
    )
    return await questions.add(call.actor, branch_id=call.actor.branch_id, draft=draft)


class QuestionChange(Shape):
    stem: Stem | msgspec.UnsetType = msgspec.UNSET
    answer: Answers | msgspec.UnsetType = msgspec.UNSET
    aspects: Aspects | msgspec.UnsetType = msgspec.UNSET
    options: Annotated[list[QuestionOption], msgspec.Meta(max_length=8)] | msgspec.UnsetType = msgspec.UNSET
    explanation: Explanation | msgspec.UnsetType = msgspec.UNSET
    section: SectionKey | msgspec.UnsetType = msgspec.UNSET
    locator: Locator | msgspec.UnsetType = msgspec.UNSET


def changed(draft: QuestionDraft, change: QuestionChange) -> QuestionDraft:
    """`draft` with the fields that the request names."""
    given = {name: value for name in change.__struct_fields__ if (value := getattr(change, name)) is not msgspec.UNSET}
    if "section" in given:
        given["unit"] = given.pop("section")
    if "options" in given:
        given["options"] = [(option.key, option.text) for option in given["options"]]
    if "aspects" in given:
        given["aspects"] = tuple(sorted(set(given["aspects"])))
    return replace(draft, **given)


@endpoint(
    blueprint, "PATCH", "/questions/<question_id:int>", who="content.write", summary="修改本支部的题目",
    body=QuestionChange, reply=BankQuestion, also=(409,),
)  # fmt: skip
async def change_question(call: Call, question_id: int) -> dict[str, Any]:
    return await questions.change(call.actor, question_id=question_id, draft_of=lambda draft: changed(draft, call.body))


@endpoint(
    blueprint, "POST", "/questions/<question_id:int>/withdraw", who="content.write", summary="撤下题目：不再计入本支部的统计", status=204
)
async def withdraw_question(call: Call, question_id: int) -> None:
    await questions.withdraw(call.actor, question_id=question_id)


class ImportQuery(Shape):
    dry_run: Annotated[int, msgspec.Meta(ge=0, le=1)] = 0
    partial: Annotated[int, msgspec.Meta(ge=0, le=1)] = 0


class RowFault(msgspec.Struct):
    row: int
    reason: str


class ImportedQuestions(msgspec.Struct):
    added: int
    faults: list[RowFault]
    dry_run: bool


@endpoint(
    blueprint,
    "POST",
    "/questions/import",
    who="content.write",
    summary="导入题库（xlsx）",
    query=ImportQuery,
    reply=ImportedQuestions,
    upload=True,
)
async def import_questions(call: Call) -> dict[str, Any]:
    _, content = call.upload()
    asked = call.query
    return await questions_import.import_sheet(
        call.actor, branch_id=call.actor.branch_id, content=content, dry_run=bool(asked.dry_run), partial=bool(asked.partial)
    )


@endpoint(blueprint, "GET", "/questions/template", who="content.write", summary="题库空白表（xlsx）", content_type=XLSX)
async def question_template(call: Call) -> Any:
    return download(questions_import.template(), "questions.xlsx", XLSX)
