"""The question bank from a workbook: chosen, looked at row by row, and loaded only when it is confirmed."""

from __future__ import annotations

from sanic import Blueprint
from sanic.response import HTTPResponse

from backend import questions_import
from backend.kernel.errors import Invalid
from console import forms, uploads, words
from console.http import FILE, XLSX, Visit, go, page, render, save

blueprint = Blueprint("console_questions_import")


@page(blueprint, "GET", "/questions/import", who="content.write")
async def choose(visit: Visit) -> HTTPResponse:
    return render("questions/import.html", visit, found=None, errors=forms.Faults())


@page(blueprint, "GET", "/questions/template.xlsx", who="content.write", gives=FILE)
async def template(visit: Visit) -> HTTPResponse:
    return save(questions_import.template(), "questions.xlsx", XLSX)


@page(blueprint, "POST", "/questions/import/preview", who="content.write")
async def preview(visit: Visit) -> HTTPResponse:
    try:
        upload = uploads.chosen(visit.request)
        found = await questions_import.look(branch_id=visit.actor.branch_id, content=upload.content)
    except Invalid as error:
        return render("questions/import.html", visit, status=422, found=None, errors=forms.Faults(file=error.detail))
    return render("questions/import.html", visit, found=found, upload=upload, kinds=words.KINDS, errors=forms.Faults())


@page(blueprint, "POST", "/questions/import", who="content.write")
async def load(visit: Visit) -> HTTPResponse:
    try:
        content = uploads.carried(visit.request).content
        done = await questions_import.import_sheet(
            visit.actor, branch_id=visit.actor.branch_id, content=content, dry_run=False, partial=bool(visit.filled("partial"))
        )
    except Invalid as error:
        return render("questions/import.html", visit, status=422, found=None, errors=forms.Faults(file=error.detail))
    return go("/questions?state=own", visit, notice=f"已导入 {done['added']} 道题。")
