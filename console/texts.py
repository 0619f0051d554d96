"""Texts to be read word for word: what there is, one in full with its imports, the nine aspects, and a new version with its preview."""

from __future__ import annotations

from typing import Any

from sanic import Blueprint
from sanic.response import HTTPResponse

from backend import curriculum_import, curriculum_shelf, texts, texts_shelf
from backend.curriculum_import import Source
from backend.kernel.errors import Invalid
from console import forms, uploads
from console.http import Visit, go, page, render

blueprint = Blueprint("console_texts")
PASTED = "粘贴的文字.txt"


@page(blueprint, "GET", "/texts", who="content.read")
async def shelf(visit: Visit) -> HTTPResponse:
    return render("texts/shelf.html", visit, texts=await texts.listing(visit.actor))


@page(blueprint, "GET", "/texts/read/<key:str>", who="content.read")
async def one(visit: Visit, key: str) -> HTTPResponse:
    return render("texts/one.html", visit, text=await texts_shelf.one(visit.actor, key=key))


@page(blueprint, "GET", "/texts/aspects", who="content.read")
async def aspects(visit: Visit) -> HTTPResponse:
    return render("texts/aspects.html", visit, aspects=await curriculum_shelf.overview(visit.actor))


@page(blueprint, "GET", "/texts/import", who="content.write")
async def choose(visit: Visit) -> HTTPResponse:
    return await _form(visit, visit.asked("text") or texts.MAIN)


@page(blueprint, "POST", "/texts/import/preview", who="content.write")
async def preview(visit: Visit) -> HTTPResponse:
    key, pasted = visit.filled("text"), visit.filled("pasted")
    try:
        upload = uploads.Upload(PASTED, pasted.encode("utf-8", "replace")) if pasted else uploads.chosen(visit.request)
        found = await _import(visit, key, upload, dry_run=True, partial=True)
    except Invalid as error:
        return await _form(visit, key, pasted=pasted, errors=forms.Faults(file=error.detail), status=422)
    return await _form(visit, key, found=found, upload=upload)


@page(blueprint, "POST", "/texts/import", who="content.write")
async def take(visit: Visit) -> HTTPResponse:
    key = visit.filled("text")
    try:
        done = await _import(visit, key, uploads.carried(visit.request), dry_run=False, partial=bool(visit.filled("partial")))
    except Invalid as error:
        return await _form(visit, key, errors=forms.Faults(file=error.detail), status=422)
    passages = sum(section["passages"] for section in done["sections"])
    return go(f"/texts/read/{key}", visit, notice=f"已导入 {len(done['sections'])} 个部分、{passages} 段。")


async def _import(visit: Visit, key: str, upload: uploads.Upload, *, dry_run: bool, partial: bool) -> dict[str, Any]:
    source = Source(key, upload.filename, upload.content)
    return await curriculum_import.import_text(
        visit.actor, branch_id=visit.actor.branch_id, source=source, today=visit.today, dry_run=dry_run, partial=partial
    )


async def _form(
    visit: Visit, key: str, *, pasted: str = "", found: dict[str, Any] | None = None, upload: uploads.Upload | None = None,
    errors: forms.Faults | None = None, status: int = 200,
) -> HTTPResponse:  # fmt: skip
    listed = await texts.listing(visit.actor)
    there = {section["number"] for section in found["sections"] if section["passages"]} if found else set()
    units = next((text["sections"] for text in listed if text["key"] == key), [])
    return render(
        "texts/import.html",
        visit,
        status=status,
        texts=[(text["key"], text["title"]) for text in listed],
        key=key,
        pasted=pasted,
        found=found,
        upload=upload,
        missing=[unit["title"] for unit in units if unit["number"] not in there] if found else [],
        errors=errors or forms.Faults(),
    )
