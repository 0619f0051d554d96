"""Public holidays and make-up working days of a year."""

from __future__ import annotations

from datetime import date

import pytest
from door import Door
from people import Cast

from backend import calendar
from backend.kernel.errors import Conflict
from models.audit import AuditEntry

UNKNOWN = 2041
DAYS = [{"date": "2041-02-01", "kind": "holiday", "name": "春节"}, {"date": "2041-02-09", "kind": "workday", "name": "春节"}]


async def test_a_member_may_neither_read_nor_enter_a_calendar(door: Door, cast: Cast) -> None:
    assert (await door.get("/calendar/2026", cast.alice)).status == 403
    reply = await door.ask("PUT", f"/calendar/{UNKNOWN}", cast.alice, json={"days": []})
    assert reply.status == 403


async def test_the_official_year_names_holidays_and_make_up_working_days(door: Door, cast: Cast) -> None:
    reply = await door.get("/calendar/2026", cast.editor)
    assert reply.status == 200 and reply.json["source"] == "official"
    days = {day["date"]: day for day in reply.json["days"]}
    assert days["2026-10-01"] == {"date": "2026-10-01", "kind": "holiday", "name": "国庆节"}
    assert days["2026-10-10"]["kind"] == "workday"
    assert list(days) == sorted(days)


async def test_a_plain_weekend_is_no_holiday(door: Door, cast: Cast) -> None:
    days = {day["date"] for day in (await door.get("/calendar/2026", cast.editor)).json["days"]}
    assert "2026-03-07" not in days, "a Saturday like any other"
    assert "2026-10-03" in days, "a Saturday within the holiday"


async def test_an_unknown_year_names_the_ways_out(door: Door, cast: Cast) -> None:
    reply = await door.get(f"/calendar/{UNKNOWN}", cast.editor)
    assert (reply.status, reply.code, reply.json["years"]) == (409, "calendar_unknown", [UNKNOWN])
    assert "录入" in reply.json["detail"] and "普通星期" in reply.json["detail"]


async def test_a_year_out_of_range_is_not_found(door: Door, cast: Cast) -> None:
    for year in (1999, 2101, 99999):
        assert (await door.get(f"/calendar/{year}", cast.editor)).status == 404
        assert (await door.ask("PUT", f"/calendar/{year}", cast.editor, json={"days": []})).status == 404


async def test_an_entered_year_serves_its_branch_alone(door: Door, cast: Cast) -> None:
    reply = await door.ask("PUT", f"/calendar/{UNKNOWN}", cast.editor, json={"days": DAYS})
    assert reply.status == 200 and reply.json == {"year": UNKNOWN, "source": "entered", "days": DAYS}
    assert (await door.get(f"/calendar/{UNKNOWN}", cast.secretary)).json == reply.json
    assert (await door.get(f"/calendar/{UNKNOWN}", cast.other_secretary)).code == "calendar_unknown"


async def test_entering_again_replaces_the_year_even_with_no_day_at_all(door: Door, cast: Cast) -> None:
    await door.ask("PUT", f"/calendar/{UNKNOWN}", cast.editor, json={"days": DAYS})
    reply = await door.ask("PUT", f"/calendar/{UNKNOWN}", cast.editor, json={"days": []})
    assert reply.json == {"year": UNKNOWN, "source": "entered", "days": []}
    entries = await AuditEntry.filter(branch_id=cast.branch.id, action="calendar:replace")
    assert [(entry.actor_id, entry.subject_id) for entry in entries] == [(cast.editor.id, UNKNOWN)] * 2


async def test_a_branch_can_correct_an_official_year(door: Door, cast: Cast) -> None:
    await door.ask("PUT", "/calendar/2026", cast.editor, json={"days": [{"date": "2026-05-04", "kind": "holiday", "name": "五四青年节"}]})
    holidays, workdays, warning = await calendar.special_days(cast.branch.id, [2026], plain=False)
    assert (holidays, workdays, warning) == ({date(2026, 5, 4)}, set(), "")


@pytest.mark.parametrize(
    ("days", "fields"),
    [
        ([{"date": "2040-01-01", "kind": "holiday"}], ["days[0].date"]),
        ([*DAYS, {"date": "2041-02-01", "kind": "workday"}], ["days[2].date"]),
        ([{"date": "2041-02-01", "kind": "feast"}], None),
        ([{"date": "2041-02-30", "kind": "holiday"}], None),
    ],
)
async def test_a_faulty_day_is_named_and_nothing_is_entered(door: Door, cast: Cast, days: list[dict], fields: list[str] | None) -> None:
    reply = await door.ask("PUT", f"/calendar/{UNKNOWN}", cast.editor, json={"days": days})
    assert reply.status == 422
    if fields:
        assert [error["field"] for error in reply.json["errors"]] == fields
    assert (await door.get(f"/calendar/{UNKNOWN}", cast.editor)).status == 409


async def test_plain_weekdays_are_a_way_out_that_leaves_a_warning(door: Door, cast: Cast) -> None:
    with pytest.raises(Conflict):
        await calendar.special_days(cast.branch.id, [2026, UNKNOWN], plain=False)
    holidays, _, warning = await calendar.special_days(cast.branch.id, [2026, UNKNOWN], plain=True)
    assert date(2026, 10, 1) in holidays and str(UNKNOWN) in warning and "2026" not in warning
