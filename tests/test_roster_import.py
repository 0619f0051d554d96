"""Loading a roster from a workbook: all rows or none, and each faulty one by its number."""

from __future__ import annotations

import dataclasses
import io
import time
from datetime import timedelta
from pathlib import Path

import aiohttp
import openpyxl
import pytest
from commands import run
from door import Door, Reply
from people import Cast, Person, add_plan
from wechat_user import new_phone

from backend import members_import_plan
from backend.cli import roster as roster_commands
from backend.kernel import clock, security, settings
from backend.kernel.database import fetch
from backend.kernel.errors import Invalid, NotFound
from backend.members_columns import sealed_phone
from backend.rules import forms_roster
from models.branches import Unit
from models.members import Member, Standing

TODAY = clock.today()
COLUMNS = ("姓名", "手机号", "单位/专委会", "身份", "类别", "职务", "入党时间", "备注")


def book(*rows: tuple, columns: tuple[str, ...] = COLUMNS) -> bytes:
    sheet = openpyxl.Workbook()
    for row in (columns, *rows):
        sheet.active.append(row)
    out = io.BytesIO()
    sheet.save(out)
    return out.getvalue()


async def _load(door: Door, who: Person, content: bytes, **query: str) -> Reply:
    form = aiohttp.FormData()
    form.add_field("file", content, filename="名册.xlsx")
    return await door.ask("POST", "/members/import", who, data=form, params=query)


async def _names(cast: Cast) -> list[str]:
    return await Member.filter(branch=cast.branch).order_by("id").values_list("name", flat=True)


async def test_only_who_keeps_the_roster_may_load_one(door: Door, cast: Cast):
    content = book(("新人甲", 13800138000))
    assert (await _load(door, None, content)).status == 401
    for person in (cast.alice, cast.unit_head, cast.observer):
        assert (await _load(door, person, content)).status == 403
        assert (await door.get("/members/template", person)).status == 403
    assert (await _load(door, cast.other_secretary, content)).json["added"] == 1
    assert "新人甲" not in await _names(cast)


async def test_a_roster_adds_members_and_unknown_units_and_changes_known_ones(door: Door, cast: Cast):
    tasks = await add_plan(cast, days=[TODAY, TODAY + timedelta(days=1)])
    content = book(
        ("张新", 13800138000.0, "丙专委会", "正式党员", "专家学者", "主任", "2001年7月", "备注"),
        ("安 敏", None, "乙专委会", None, "先进人物", "组长", None, None),
        ("白杰", "139 0013 9000", None, None, None, None, None, None),
        ("李新", None, None, None, None, None, None, None),
        ("文编辑", None, None, None, None, None, None, None),
    )
    reply = await _load(door, cast.secretary, content)
    assert reply.json == {"added": 2, "updated": 2, "unchanged": 1, "faults": [], "units_added": ["丙专委会"], "dry_run": False}
    items = {item["name"]: item for item in (await door.get("/members", cast.secretary)).json["items"]}
    new, alice, bob, plain = items["张新"], items["安敏"], items["白杰"], items["李新"]
    assert (new["phone"], new["unit"]["name"], new["status"], new["tier"]) == ("13800138000", "丙专委会", "full", "expert")
    assert (new["post"], new["party_joined_on"], new["joined_on"], new["note"]) == ("主任", "2001-07-01", TODAY.isoformat(), "备注")
    assert (plain["status"], plain["tier"], plain["unit"], plain["phone"]) == ("associate", "peer", None, None)
    assert (alice["id"], alice["unit"]["name"], alice["tier"], alice["post"]) == (cast.alice.id, "乙专委会", "exemplar", "组长")
    assert (alice["status"], bob["phone"], bob["unit"]["name"]) == ("full", "13900139000", "乙专委会")
    assert new["roles"] == []
    rows = await fetch("SELECT SUM(assigned) AS n FROM task_figure WHERE task_id = $1", tasks[1].id)
    assert rows[0]["n"] == 7
    again = await _load(door, cast.secretary, content)
    assert (again.json["added"], again.json["updated"], again.json["unchanged"], again.json["units_added"]) == (0, 0, 5, [])


async def test_one_faulty_row_keeps_the_whole_file_out(door: Door, cast: Cast):
    content = book(("好人", 13800138000), ("坏手机", "12345"), ("坏身份", None, None, "党员"), ("好人二", 13800138000))
    before = await _names(cast)
    reply = await _load(door, cast.secretary, content)
    assert (reply.status, reply.code) == (422, "faulty_rows")
    assert [error["field"] for error in reply.json["errors"]] == ["第 3 行", "第 4 行", "第 5 行"]
    assert await _names(cast) == before
    partial = await _load(door, cast.secretary, content, partial="1")
    assert (partial.status, partial.json["added"], [fault["row"] for fault in partial.json["faults"]]) == (200, 1, [3, 4, 5])
    assert await _names(cast) == [*before, "好人"]


async def test_a_dry_run_reports_everything_and_writes_nothing(door: Door, cast: Cast):
    content = book(("张新", 13800138000, "丙专委会"), ("白杰", 13900139000), ("坏手机", "12345"))
    reply = await _load(door, cast.secretary, content, dry_run="1")
    assert (reply.status, reply.json["added"], reply.json["updated"], len(reply.json["faults"])) == (200, 1, 1, 1)
    assert (reply.json["units_added"], reply.json["dry_run"]) == (["丙专委会"], True)
    assert len(await _names(cast)) == 5
    assert await Unit.filter(branch=cast.branch).count() == 2
    assert (await Member.get(id=cast.bob.id)).phone_hash is None
    assert (await door.get("/audit", cast.secretary)).json["items"] == []


async def test_the_log_counts_and_names_nobody(door: Door, cast: Cast):
    await _load(door, cast.editor, book(("张新", 13800138000), ("白杰", 13900139000)))
    log = (await door.get("/audit", cast.secretary)).json["items"]
    assert [(entry["action"], entry["fields"]) for entry in log] == [("roster:import", ["added=1", "faults=0", "unchanged=0", "updated=1"])]
    assert "张新" not in str(log) and "13800138000" not in str(log)


async def test_new_members_join_on_the_day_that_is_given(door: Door, cast: Cast):
    tasks = await add_plan(cast, days=[TODAY - timedelta(days=1), TODAY])
    await _load(door, cast.secretary, book(("张新",)), joined_on=(TODAY - timedelta(days=1)).isoformat())
    await _load(door, cast.secretary, book(("李新",)))
    for task, expected in zip(tasks, (6, 7), strict=True):
        rows = await fetch("SELECT SUM(assigned) AS n FROM task_figure WHERE task_id = $1", task.id)
        assert rows[0]["n"] == expected


async def test_an_editor_can_not_take_over_a_role_by_a_roster(door: Door, cast: Cast):
    reply = await _load(door, cast.editor, book(("陈书记", 13800138000), ("郝主任", None, None, None, None, "副主任")), partial="1")
    assert [(fault["row"], fault["reason"]) for fault in reply.json["faults"]] == [(2, members_import_plan.PRIVILEGED)]
    assert reply.json["updated"] == 1
    assert (await Member.get(id=cast.secretary.id)).phone_hash is None
    assert (await _load(door, cast.secretary, book(("陈书记", 13800138000)))).json["updated"] == 1


async def test_a_number_whose_key_is_lost_is_replaced_and_another_number_is_not(door: Door, cast: Cast):
    """What the service tells to do about a lost DAKA_SECRET_KEY, without which it does not start."""
    lost, kept = new_phone(), new_phone()
    await Member.filter(id=cast.bob.id).update(**under_another_key(lost))
    await Member.filter(id=cast.alice.id).update(**sealed_phone(kept))
    reply = await _load(door, cast.secretary, book(("白杰", lost), ("安敏", new_phone())), partial="1")
    assert [fault["row"] for fault in reply.json["faults"]] == [3] and reply.json["updated"] == 1
    for person, phone in ((cast.bob, lost), (cast.alice, kept)):
        assert security.decrypt((await Member.get(id=person.id)).phone_sealed, purpose="phone") == phone
    again = await _load(door, cast.secretary, book(("白杰", lost)))
    assert (again.json["updated"], again.json["unchanged"]) == (0, 1)


def under_another_key(phone: str) -> dict[str, str | None]:
    before = settings.current()
    settings.use(dataclasses.replace(before, secret_keys=("x" * 64,)))
    try:
        return sealed_phone(phone)
    finally:
        settings.use(before)


async def test_what_is_no_workbook_or_has_no_names_is_refused(door: Door, cast: Cast):
    assert (await _load(door, cast.secretary, b"PK\x03\x04 nonsense")).code == "unreadable_file"
    assert (await door.post("/members/import", cast.secretary)).code == "file_missing"
    assert (await _load(door, cast.secretary, book(("张三",), columns=("名字",)))).code == "faulty_rows"
    identity = await _load(door, cast.secretary, book(("张三", "11010519491231002X"), columns=("姓名", "身份证号")))
    assert (identity.status, identity.code) == (422, "faulty_rows")
    assert "11010519491231002X" not in str(identity.json)


async def test_the_template_is_a_form_that_can_be_loaded(door: Door, cast: Cast):
    reply = await door.get("/members/template", cast.secretary)
    sheet = openpyxl.load_workbook(io.BytesIO(reply.body)).worksheets[0]
    assert tuple(cell.value for cell in sheet[1]) == forms_roster.COLUMNS
    for row in forms_roster.EXAMPLES:
        sheet.append(row)
    out = io.BytesIO()
    sheet.parent.save(out)
    assert (await _load(door, cast.secretary, out.getvalue())).json["added"] == len(forms_roster.EXAMPLES)


async def test_five_hundred_rows_are_loaded_within_three_seconds(door: Door, cast: Cast):
    await add_plan(cast, days=[TODAY + timedelta(days=n) for n in range(60)])
    content = book(*((f"党员{n:03d}", 13800000000 + n, f"专委会{n % 13}", "正式党员", "专家学者") for n in range(500)))
    began = time.perf_counter()
    reply = await _load(door, cast.secretary, content)
    taken = time.perf_counter() - began
    assert (reply.json["added"], len(reply.json["units_added"])) == (500, 13)
    assert await Standing.filter(member__branch_id=cast.branch.id).count() == 505
    moved = book(*((f"党员{n:03d}", 13800000000 + n, f"专委会{(n + 1) % 13}") for n in range(500)))
    assert (await _load(door, cast.secretary, moved)).json["updated"] == 500
    assert taken < 3, f"{taken:.2f} s"


async def test_the_command_prints_each_faulty_row_and_loads_none(cast: Cast, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, branch = tmp_path / "名册.xlsx", str(cast.branch.id)
    file.write_bytes(book(("张新", 13800138000), ("坏手机", "12345")))
    with pytest.raises(Invalid) as refused:
        await run(roster_commands, "import", str(file), "--branch", branch)
    assert refused.value.extra["errors"] == [{"field": "第 3 行", "message": "手机号应为 11 位数字。"}]
    assert "张新" not in await _names(cast)
    assert await run(roster_commands, "import", str(file), "--branch", branch, "--partial", "--joined", "2024-01-01") == 0
    assert capsys.readouterr().out.splitlines() == [
        "第 3 行：手机号应为 11 位数字。", "导入完成：新增 1 人，更新 0 人，未变 0 人。",
    ]  # fmt: skip
    with pytest.raises(NotFound):
        await run(roster_commands, "import", str(file), "--branch", str(2**62))
    with pytest.raises(Invalid):
        await run(roster_commands, "import", str(tmp_path / "无.xlsx"), "--branch", branch)
    await run(roster_commands, "template", str(tmp_path / "空表.xlsx"))
    assert (tmp_path / "空表.xlsx").read_bytes().startswith(b"PK")
