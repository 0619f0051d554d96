"""The workbook says what the API says, and no name in it is ever a formula."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from door import Door
from people import Cast, add_person, add_plan
from slices import check_in, table

from backend.coverage_export import FIGURES
from backend.kernel import clock
from models.branches import Branch, Unit

TODAY = clock.today()


async def book(door: Door, person, **params) -> dict[str, list[list[Any]]]:
    reply = await door.get("/stats/coverage.xlsx", person, params=params)
    assert reply.status == 200, reply.body
    assert reply.headers["Content-Disposition"].startswith('attachment; filename="coverage-')
    found = openpyxl.load_workbook(io.BytesIO(reply.body))
    for sheet in found:
        assert not [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    return {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in found}


def figures(cell: dict) -> list[Any]:
    return [cell[name] for name, _, _ in FIGURES]


@pytest.mark.parametrize("by", ["aspect", "unit", "tier", "status", "member", "day", "branch"])
async def test_the_workbook_shows_the_figures_of_the_api(door: Door, cast: Cast, by: str):
    tasks = await add_plan(cast, days=[TODAY - timedelta(days=1), TODAY], aspects=(1, 2))
    await check_in(door, cast.alice, tasks[0].id)
    await check_in(door, cast.bob, tasks[1].id, right=False)
    found = await table(door, cast.secretary, by)
    sheets = await book(door, cast.secretary, by=by)
    name, lines = next(iter(sheets.items()))
    assert lines[0][1:] == [title for _, title, _ in FIGURES]
    assert [line[0] for line in lines[1:]] == [row["label"] for row in found["rows"]] + ["合计"]
    assert [line[1:] for line in lines[1:]] == [figures(row["cell"]) for row in found["rows"]] + [figures(found["total"])]
    assert list(sheets) == [name, "说明"]


async def test_each_workbook_carries_a_chart_of_its_own(door: Door, cast: Cast):
    await add_plan(cast, days=[TODAY])
    for params in ({"by": "aspect"}, {"by": "unit", "and": "aspect"}):
        reply = await door.get("/stats/coverage.xlsx", cast.secretary, params=params)
        with zipfile.ZipFile(io.BytesIO(reply.body)) as archive:
            assert [name for name in archive.namelist() if name.startswith("xl/charts/chart")] == ["xl/charts/chart1.xml"]


async def test_two_axes_stand_line_by_line_with_their_totals(door: Door, cast: Cast):
    [task] = await add_plan(cast, days=[TODAY], aspects=(1, 2))
    await check_in(door, cast.alice, task.id)
    found = await table(door, cast.secretary, "unit", **{"and": "tier"})
    sheets = await book(door, cast.secretary, by="unit", **{"and": "tier"})
    assert list(sheets) == ["覆盖率矩阵", "按专委会与类别", "说明"]
    grid = sheets["覆盖率矩阵"]
    assert grid[0] == ["专委会", *(column["label"] for column in found["columns"]), "合计"]
    for line, row in zip(grid[1:], found["rows"], strict=True):
        assert line == [row["label"], *(cell["coverage"] for cell in row["cells"].values()), row["cell"]["coverage"]]
    lines = sheets["按专委会与类别"]
    expected = []
    for row in found["rows"]:
        expected += [[row["label"], column["label"], *figures(row["cells"][column["key"]])] for column in found["columns"]]
        expected.append([row["label"], "合计", *figures(row["cell"])])
    assert lines[1:] == [*expected, ["合计", "合计", *figures(found["total"])]]


async def test_names_that_look_like_formulas_stay_text(door: Door, cast: Cast):
    unit = await Unit.create(branch=cast.branch, name='=HYPERLINK("http://example.org","点此")')
    person = await add_person(cast.branch, "+cmd|' /C calc'!A0", unit=unit)
    await add_plan(cast, days=[TODAY], members=[person])
    units = (await book(door, cast.secretary, by="unit"))["按专委会"]
    assert ["'" + unit.name] == [line[0] for line in units if "HYPERLINK" in line[0]]
    members = (await book(door, cast.secretary, by="member"))["按人员"]
    assert "'+cmd|' /C calc'!A0" in [line[0] for line in members]


async def test_a_sheet_explains_scope_period_and_terms(door: Door, cast: Cast):
    await add_plan(cast, days=[TODAY])
    lines = dict((await book(door, cast.secretary, by="day"))["说明"])
    assert lines["统计范围"] == cast.branch.name
    assert lines["期间"] == f"{TODAY} 至 {TODAY}"
    assert {"覆盖率", "按时率", "代录", "制表时间"} <= lines.keys()
    assert "数据性质" not in lines
    await Branch.filter(id=cast.branch.id).update(is_demo=True)
    assert "演示数据" in dict((await book(door, cast.secretary, by="day"))["说明"])["数据性质"]


async def test_what_is_hidden_from_an_observer_is_a_dash(door: Door, cast: Cast):
    people = [await add_person(cast.branch, "某人", unit=cast.units[1]) for _ in range(3)]
    await add_plan(cast, days=[TODAY], members=people)
    lines = (await book(door, cast.observer, by="unit", branch=str(cast.branch.id)))["按专委会"]
    assert [line[1] for line in lines[1:]] == ["—", "—", "—"]
    assert all(set(line[1:]) == {"—"} for line in lines[1:])


async def test_senseless_questions_are_refused_as_by_the_api(door: Door, cast: Cast):
    assert (await door.get("/stats/coverage.xlsx", cast.secretary, params={"by": "rank"})).status == 422
