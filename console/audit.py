"""The branch's audit log: who did what to what, and when, by filters, newest first; and whether the log is as it was written."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from sanic import Blueprint
from sanic.response import HTTPResponse

from backend import audit, audit_proof
from backend.kernel import settings
from console import forms, words
from console.http import MAX_ID, Visit, page, render

blueprint = Blueprint("console_audit")
PAGE_SIZE = 50
FILTERS = ("from", "to", "action", "actor", "source", "subject", "id", "request")
SOURCES = {"person": "登录的人员", "system": "服务器或微信"}
# Before the colon of an action -> what it is about, and what can be done to it, as a choice lists them.
GROUPS = {
    group: (label, {action: word for action, word in words.ACTIONS.items() if action.partition(":")[0] == group})
    for group, label in words.SUBJECTS.items()
}


@page(blueprint, "GET", "/audit", who="audit.read")
async def log(visit: Visit) -> HTTPResponse:
    return await _show(visit)


@page(blueprint, "POST", "/audit/proof", who="audit.read")
async def prove(visit: Visit) -> HTTPResponse:
    """Every hash and seal of the whole log recomputed, as `daka check` does."""
    return await _show(visit, proof=await audit_proof.faults(elsewhere=settings.current()))


async def _show(visit: Visit, proof: list[tuple[str, list[dict[str, Any]]]] | None = None) -> HTTPResponse:
    asked = {name: visit.asked(name)[:64] for name in FILTERS}
    before = forms.number(visit.asked("before"), instead=audit.NO_END)
    found = await audit.newest(visit.actor, before=before, limit=PAGE_SIZE + 1, **_wanted(asked))
    shown = found[:PAGE_SIZE]
    given = {name: value for name, value in asked.items() if value}
    return render(
        "audit/log.html",
        visit,
        found=shown,
        asked=asked,
        actors=await audit.actors(visit.actor),
        groups=GROUPS,
        sources=SOURCES,
        proof=proof,
        is_first=before == audit.NO_END,
        first=_address(given),
        next=_address({**given, "before": str(shown[-1]["id"])}) if len(found) > PAGE_SIZE else None,
        fields=_fields,
    )


def _wanted(asked: dict[str, str]) -> dict[str, Any]:
    """What is no day, number or known word is passed over, except a person or object that is no number: there is none such."""
    return {
        "first": forms.day(asked["from"]),
        "last": forms.day(asked["to"]),
        "action": asked["action"] if asked["action"] in {*GROUPS, *words.ACTIONS} else "",
        "actor_id": forms.number(asked["actor"], instead=0, most=MAX_ID) if asked["actor"] else None,
        "source": asked["source"],
        "subject": asked["subject"] if asked["id"] else "",
        "subject_id": forms.number(asked["id"], instead=0, most=MAX_ID) if asked["id"] else None,
        "request_id": asked["request"],
    }


def _address(given: dict[str, str]) -> str:
    return f"/audit?{urlencode(given)}" if given else "/audit"


def _fields(names: list[str]) -> str:
    """The names of what was changed, in Chinese where there is a word: name, phone → 姓名、手机号."""
    return "、".join(words.FIELDS.get(name, name) for name in names)
