"""Coverage: the nine aspects as a heat map, the people behind each cell, and the map of the texts."""

from __future__ import annotations

from typing import Any

from sanic import Blueprint
from sanic.response import HTTPResponse

from backend import branches, coverage, coverage_export, coverage_people, coverage_texts
from backend.coverage_scope import sees_people
from console import forms, periods
from console.http import FILE, MAX_ID, XLSX, Visit, page, render, save
from console.today import by_unit

blueprint = Blueprint("console_coverage")
MEMBERS_A_PAGE = 100
ROWS = {"unit": "专委会", "tier": "类别", "member": "人员"}
ROWS_FOR_OBSERVERS = {"branch": "党支部", "unit": "专委会", "tier": "类别"}
# What a link can ask to see of the people behind a figure.
STATES = {"on_time": "按时", "makeup": "补卡", "proxy": "代录", "excused": "请假", "open": "今日待学", "missing": "未学", "done": "已完成"}


@page(blueprint, "GET", "/coverage", who="stats.read")
async def matrix(visit: Visit) -> HTTPResponse:
    rows, branch = (ROWS, None) if sees_people(visit.actor) else (ROWS_FOR_OBSERVERS, _branch(visit))
    by = visit.asked("by") or next(iter(rows))
    period = _period(visit)
    asked = {"first": period.first, "last": period.last, "branch_id": branch, "today": visit.today}
    at = _place(visit) if by == "member" else 0
    part = slice(at, at + MEMBERS_A_PAGE) if by == "member" else None
    table = await coverage.coverage(visit.actor, by=by, and_="aspect", part=part, **asked)
    columns = await coverage.coverage(visit.actor, by="aspect", **asked)
    return render(
        "coverage/matrix.html", visit, table=table, columns=columns, by=by, rows=rows, period=period, kinds=periods.KINDS,
        linked=sees_people(visit.actor), address=periods.address, at=at, step=MEMBERS_A_PAGE, branch=branch,
        below=None if sees_people(visit.actor) else await branches.listing(visit.actor),
    )  # fmt: skip


@page(blueprint, "GET", "/coverage/people", who="stats.read")
async def people(visit: Visit) -> HTTPResponse:
    period, cut = _period(visit), _cut(visit)
    found = await coverage_people.people(visit.actor, cut=cut, first=period.first, last=period.last, today=visit.today)
    state = visit.asked("state") if visit.asked("state") in STATES else ""
    return render(
        "coverage/people.html", visit, found=found, groups=groups(found["people"], state), state=STATES.get(state, ""), cut=cut,
        period=period, address=periods.address, reasons=REASONS, heading=_heading(found),
    )  # fmt: skip


@page(blueprint, "GET", "/coverage/people.xlsx", who="stats.read", gives=FILE)
async def people_book(visit: Visit) -> HTTPResponse:
    period = _period(visit)
    content = await coverage_export.people_book(
        visit.actor, cut=_cut(visit), first=period.first, last=period.last, today=visit.today
    )  # fmt: skip
    return save(content, f"people-{visit.today}.xlsx", XLSX)


@page(blueprint, "GET", "/coverage.xlsx", who="stats.read", gives=FILE)
async def workbook(visit: Visit) -> HTTPResponse:
    by, period = visit.asked("by") or "aspect", _period(visit)
    content = await coverage_export.workbook(
        visit.actor,
        by=by,
        and_=visit.asked("and") or None,
        first=period.first,
        last=period.last,
        branch_id=_branch(visit),
        today=visit.today,
    )
    return save(content, f"coverage-{by}-{visit.today}.xlsx", XLSX)


@page(blueprint, "GET", "/coverage/texts", who="stats.read")
async def texts(visit: Visit) -> HTTPResponse:
    found = await coverage_texts.text_map(visit.actor, text_id=_text(visit), today=visit.today)
    return render("coverage/texts.html", visit, found=found)


@page(blueprint, "GET", "/coverage/texts.xlsx", who="stats.read", gives=FILE)
async def text_book(visit: Visit) -> HTTPResponse:
    content = await coverage_export.text_book(visit.actor, text_id=_text(visit), today=visit.today)
    return save(content, f"texts-{visit.today}.xlsx", XLSX)


@page(blueprint, "GET", "/coverage/texts/<passage_id:int>", who="stats.read")
async def passage(visit: Visit, passage_id: int) -> HTTPResponse:
    found = await coverage_texts.readers(visit.actor, passage_id=passage_id, today=visit.today)
    return render("coverage/passage.html", visit, found=found | {name: by_unit(found[name]) for name in ("read", "unread")})


REASONS = {"illness": "病假", "travel": "出差", "family": "家事", "work": "工作", "other": "其他"}


def groups(people: list[dict[str, Any]], state: str) -> list[tuple[str, list[dict[str, Any]]]]:
    """(heading, people): of one state those alone, else who lacks something, who is through, who was on leave all along. Empty ones go."""
    if state:
        return [(STATES[state], [person for person in people if person["cell"][state]])]
    lacking = [person for person in people if person["cell"]["missing"] or person["cell"]["open"]]
    through = [person for person in people if person["cell"]["assigned"] and person["cell"]["assigned"] == person["cell"]["done"]]
    excused = [person for person in people if not person["cell"]["assigned"] and person["cell"]["excused"]]
    return [(name, some) for name, some in (("还有未学", lacking), ("全部完成", through), ("全部请假", excused)) if some]


def _heading(found: dict[str, Any]) -> str:
    """What the people have in common; of one member the name."""
    people, labels = found["people"], found["labels"]
    named = [label if axis != "member" else people[0]["name"] if people else "" for axis, label in labels.items()]
    return "，".join(filter(None, named)) or "全体人员"


def _period(visit: Visit) -> periods.Period:
    return periods.asked(visit.asked("period"), visit.asked("from"), visit.asked("to"), today=visit.today)


def _cut(visit: Visit) -> dict[str, str]:
    return {axis: visit.asked(axis) for axis in coverage_people.CUTS if visit.asked(axis)}


def _branch(visit: Visit) -> int | None:
    """The one branch that an observer looks at; None for all; a number that no branch has for anything that is no number."""
    return forms.number(visit.asked("branch"), instead=0, most=MAX_ID) if visit.asked("branch") else None


def _place(visit: Visit) -> int:
    at = visit.asked("at")
    return int(at) if at.isascii() and at.isdigit() and len(at) < 7 else 0


def _text(visit: Visit) -> int | None:
    """None without one; a number that no text has for anything that is no number."""
    text = visit.asked("text")
    return (int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0) if text else None
