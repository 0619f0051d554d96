"""The coverage table as a workbook: the same figures as the API, and a sheet that says what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from backend.coverage import coverage
from backend.coverage_people import people
from backend.coverage_texts import text_map
from backend.kernel import clock
from backend.kernel.access import Actor
from backend.kernel.database import fetch
from backend.kernel.documents import Chart, Column, Sheet, write_book

AXES = {"aspect": "方面", "unit": "专委会", "tier": "类别", "status": "身份", "member": "人员", "day": "日期", "branch": "党支部"}
FIGURES = (
    ("assigned", "应学", "integer"),
    ("done", "已完成", "integer"),
    ("on_time", "按时", "integer"),
    ("makeup", "补卡", "integer"),
    ("proxy", "代录", "integer"),
    ("excused", "请假", "integer"),
    ("missing", "未学", "integer"),
    ("open", "今日待学", "integer"),
    ("coverage", "覆盖率", "percent"),
    ("on_time_rate", "按时率", "percent"),
    ("accuracy", "正确率", "percent"),
)
MEANING = (
    ("应学", "人员在计划对象之内、当日在册的（人员，任务）对数；请假且未完成的不计入，另列“请假”。"),
    ("已完成", "按时、补卡与代录之和。"),
    ("代录", "由书记或专委会主任为纸质学习的人员记录，单独计数。"),
    ("未学", "任务日期已过而未完成；“今日待学”为今天尚未完成的人次。应学 = 已完成 + 未学 + 今日待学。"),
    ("覆盖率", "已完成 ÷ 应学；应学为零时留空。"),
    ("按时率", "按时 ÷ 应学。"),
    ("正确率", "首次作答正确的题数 ÷ 首次作答的题数，按任务日期计；已撤下的题目不计。"),
    ("多个方面的任务", "在每个相关方面各计一次，在合计中只计一次。"),
    ("人员归属", "专委会、类别、身份以任务当日为准。"),
    ("—", "人数不足五人的数字，以及可由其他数字推算出它的数字，不予显示。"),
)


async def workbook(
    actor: Actor, *, by: str, and_: str | None, first: date | None, last: date | None, branch_id: int | None, today: date
) -> bytes:
    """An .xlsx file of `coverage` with the same arguments. Raises what `coverage` raises."""
    table = await coverage(actor, by=by, and_=and_, first=first, last=last, branch_id=branch_id, today=today)
    branch = (await fetch("SELECT name, is_demo FROM branch WHERE id = $1", branch_id or actor.branch_id))[0]
    return write_book([*([_grid(table), _crossed(table)] if and_ else [_plain(table)]), _explained(table, branch)])


async def people_book(actor: Actor, *, cut: Mapping[str, str], first: date | None, last: date | None, today: date) -> bytes:
    """The people behind a cell as an .xlsx file. Raises what `coverage_people.people` raises."""
    found = await people(actor, cut=cut, first=first, last=last, today=today)
    columns = [Column("姓名", 14), Column(AXES["unit"], 24), *(Column(title, 11, form) for _, title, form in FIGURES)]
    rows = [[person["name"], person["unit"] or "未分组", *_figures(person["cell"])] for person in found["people"]]
    told = [["期间", f"{found['from']} 至 {found['to']}"], *([AXES[axis], label] for axis, label in found["labels"].items())]
    explained = Sheet("说明", [Column("项目", 18), Column("内容", 80)], [*told, *MEANING])
    return write_book([Sheet("人员", columns, [*rows, ["合计", "", *_figures(found["total"])]]), explained])


async def text_book(actor: Actor, *, text_id: int | None, today: date) -> bytes:
    """The text map as an .xlsx file with a chart. Raises what `coverage_texts.text_map` raises."""
    found = await text_map(actor, text_id=text_id, today=today)
    columns = [Column("部分", 36), Column("段", 8, "integer"), Column("已读人数", 11, "integer"), Column("应读人数", 11, "integer")]
    rows = [
        [section["title"], passage["number"], passage["readers"], found["members"]]
        for section in found["sections"]
        for passage in section["passages"]
    ]
    return write_book([Sheet(found["title"], columns, rows, Chart("每段已读人数", categories=0, values=2))])


def _columns(*axes: str) -> list[Column]:
    return [Column(AXES[axis], 28, "text") for axis in axes] + [Column(title, 11, form) for _, title, form in FIGURES]


def _figures(cell: dict[str, Any]) -> list[Any]:
    return ["—" if cell["assigned"] is None else cell[name] for name, _, _ in FIGURES]


def _plain(table: dict[str, Any]) -> Sheet:
    rows = [[row["label"], *_figures(row["cell"])] for row in table["rows"]]
    chart = Chart("覆盖率", categories=0, values=1 + [name for name, _, _ in FIGURES].index("coverage"), kind="bar")
    return Sheet(f"按{AXES[table['by']]}", _columns(table["by"]), [*rows, ["合计", *_figures(table["total"])]], chart)


def _grid(table: dict[str, Any]) -> Sheet:
    """The rates alone, a row for each row of the table and a column for each of its columns."""
    columns = [Column(AXES[table["by"]], 28), *(Column(column["label"], 11, "percent") for column in table["columns"])]
    rows = [
        [row["label"], *(_rate(row["cells"][column["key"]]) for column in table["columns"]), _rate(row["cell"])] for row in table["rows"]
    ]
    chart = Chart("合计覆盖率", categories=0, values=len(columns), kind="bar")
    return Sheet("覆盖率矩阵", [*columns, Column("合计", 11, "percent")], rows, chart)


def _rate(cell: dict[str, Any]) -> Any:
    return "—" if cell["assigned"] is None else cell["coverage"]


def _crossed(table: dict[str, Any]) -> Sheet:
    """One line for each pair of row and column, then the row's own total."""
    lines: list[list[Any]] = []
    for row in table["rows"]:
        lines += [[row["label"], column["label"], *_figures(row["cells"][column["key"]])] for column in table["columns"]]
        lines.append([row["label"], "合计", *_figures(row["cell"])])
    title = f"按{AXES[table['by']]}与{AXES[table['and']]}"
    return Sheet(title, _columns(table["by"], table["and"]), [*lines, ["合计", "合计", *_figures(table["total"])]])


def _explained(table: dict[str, Any], branch: dict[str, Any]) -> Sheet:
    axes = "、".join(AXES[axis] for axis in (table["by"], table["and"]) if axis)
    rows = [
        ["统计范围", branch["name"]],
        ["期间", f"{table['from']} 至 {table['to']}"],
        ["维度", axes],
        ["制表时间", clock.shanghai(clock.now()).strftime("%Y-%m-%d %H:%M")],
        *([["数据性质", "演示数据，人员与记录均为虚构"]] if branch["is_demo"] else []),
        *([name, text] for name, text in MEANING),
    ]
    return Sheet("说明", [Column("项目", 18, "text"), Column("内容", 80, "text")], rows)
