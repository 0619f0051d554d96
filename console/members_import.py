"""A roster from a workbook: chosen, looked at row by row, and loaded only when it is confirmed."""

from __future__ import annotations

from sanic import Blueprint
from sanic.response import HTTPResponse

from backend import members_import
from backend.kernel.errors import DakaError
from console import forms, uploads
from console.http import FILE, XLSX, Visit, go, page, render, save

blueprint = Blueprint("console_members_import")


@page(blueprint, "GET", "/members/import", who="roster.write")
async def choose(visit: Visit) -> HTTPResponse:
    return render("members/import.html", visit, found=None, errors=forms.Faults())


@page(blueprint, "GET", "/members/template.xlsx", who="roster.write", gives=FILE)
async def template(visit: Visit) -> HTTPResponse:
    return save(members_import.template(), "roster.xlsx", XLSX)


@page(blueprint, "POST", "/members/import/preview", who="roster.write")
async def preview(visit: Visit) -> HTTPResponse:
    try:
        upload = uploads.chosen(visit.request)
        found = await members_import.preview(visit.actor, content=upload.content)
    except DakaError as error:
        return _again(visit, error)
    return render("members/import.html", visit, found=found, upload=upload, errors=forms.Faults())


@page(blueprint, "POST", "/members/import", who="roster.write")
async def load(visit: Visit) -> HTTPResponse:
    try:
        content, partial = uploads.carried(visit.request).content, bool(visit.filled("partial"))
        done = await members_import.load(visit.actor, content=content, partial=partial, mark=visit.filled("mark"))
    except DakaError as error:
        return _again(visit, error)
    return go("/members", visit, notice=f"已导入：新增 {done['added']} 人，更新 {done['updated']} 人，未变 {done['unchanged']} 人。")


def _again(visit: Visit, error: DakaError) -> HTTPResponse:
    return render("members/import.html", visit, status=error.status, found=None, errors=forms.Faults(file=error.detail))
