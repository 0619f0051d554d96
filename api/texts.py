"""Texts: what there is to read, a member's reading map, and the import of an official text."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from sanic import Blueprint

from api.http import MEMBER, Call, Shape, endpoint, is_form
from backend import curriculum_import, texts
from backend.curriculum_import import Source

blueprint = Blueprint("texts")


class TextSection(msgspec.Struct):
    """`source_url`: the section's own official address, else that of the text."""

    key: str
    number: int
    title: str
    aspects: list[int]
    passages: int
    source_url: str


class TextItem(msgspec.Struct):
    id: int
    key: str
    title: str
    source_url: str
    imported_at: str | None
    sections: list[TextSection]


class TextPage(msgspec.Struct):
    items: list[TextItem]
    next: str | None


@endpoint(blueprint, "GET", "/texts", who=MEMBER, summary="学习文本及其单元", reply=TextPage)
async def list_texts(call: Call) -> dict[str, Any]:
    return {"items": await texts.listing(call.actor), "next": None}


class MappedPassage(msgspec.Struct):
    id: int
    number: int
    read: bool


class MappedSection(msgspec.Struct):
    key: str
    title: str
    passages: list[MappedPassage]


class ReadingMap(msgspec.Struct):
    id: int
    key: str
    title: str
    passages_read: int
    passages_total: int
    sections: list[MappedSection]


@endpoint(blueprint, "GET", "/me/texts/<text_id:str>", who=MEMBER, summary="本人的原文阅读地图（按编号或名称）", reply=ReadingMap)
async def reading_map(call: Call, text_id: str) -> dict[str, Any]:
    return await texts.reading_map(call.actor, text=text_id)


class ImportQuery(Shape):
    """`dry_run`: shows what would be found and changed; `partial`: only the sections that are found are replaced."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=30)] = "report"
    dry_run: Annotated[int, msgspec.Meta(ge=0, le=1)] = 0
    partial: Annotated[int, msgspec.Meta(ge=0, le=1)] = 0


class PastedText(Shape):
    """`text` goes before the query's; the ending of `filename` tells a pasted page (.html) from plain text."""

    content: Annotated[str, msgspec.Meta(min_length=1, max_length=200_000)]
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=30)] | None = None
    filename: Annotated[str, msgspec.Meta(max_length=200)] = "pasted.txt"


class FoundSection(msgspec.Struct):
    key: str
    number: int
    title: str
    passages: int
    characters: int
    first: str


class Changes(msgspec.Struct):
    kept: int
    corrected: int
    new: int
    retired: int


class LostQuestion(msgspec.Struct):
    question: int
    unit: str
    locator: str


class Imported(msgspec.Struct):
    title: str
    sections: list[FoundSection]
    ignored: int
    warnings: list[str]
    passages: Changes
    unresolved: list[LostQuestion]
    dry_run: bool


@endpoint(
    blueprint, "POST", "/texts/import", who="content.write", summary="导入原文（txt、docx、保存的网页或粘贴的文字）",
    query=ImportQuery, body=PastedText, reply=Imported, upload=True, also=(404,),
)  # fmt: skip
async def import_text(call: Call) -> dict[str, Any]:
    return await curriculum_import.import_text(
        call.actor,
        branch_id=call.actor.branch_id,
        source=source_of(call),
        today=call.today,
        dry_run=bool(call.query.dry_run),
        partial=bool(call.query.partial),
    )


def source_of(call: Call) -> Source:
    """The uploaded file of a form, or the pasted text of a JSON body."""
    if is_form(call.request):
        return Source(call.query.text, *call.upload())
    pasted: PastedText = call.body
    return Source(pasted.text or call.query.text, pasted.filename, pasted.content.encode())
