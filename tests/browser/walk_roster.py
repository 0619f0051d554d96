"""A roster with faulty rows: each is shown with its row and reason before anything is written, the sound ones are loaded, and found."""

from __future__ import annotations

import pytest
import stage
from playwright.async_api import Browser, expect
from test_roster_import import book

UNITS = ("铸造专业委员会", "锻压专业委员会")


@pytest.mark.parametrize("size", stage.SIZES)
async def test_a_roster_with_three_faulty_rows(browser: Browser, service: stage.Service, size: str) -> None:
    known = [person for person in service.people if person["bound"] and not person["roles"] and person["unit"]]
    person, new = known[list(stage.SIZES).index(size)], f"新来{size}"
    moved_to = next(unit for unit in UNITS if unit != person["unit"])
    rows = [
        (new, None, UNITS[0]),
        (person["name"], None, moved_to),
        ("坏手机", "12345"),
        ("坏身份", None, None, "党员"),
        (None, None, UNITS[0]),
    ]
    file = {"name": "名册.xlsx", "mimeType": "application/octet-stream", "buffer": book(*rows)}
    async with stage.window(browser, service, size=size) as (page, faults):
        await page.goto(f"{service.base}/console/members")
        await page.get_by_role("link", name="从表格导入").click()
        await expect(page.get_by_text("空着的格子不改动已有内容")).to_be_visible()
        await page.get_by_label("名册（xlsx）").set_input_files(files=[file])
        await page.get_by_role("button", name="预览").click()
        await expect(page.get_by_role("heading", name="预览：还没有写入")).to_be_visible()
        assert await page.locator(".tally dd").all_inner_texts() == ["1 人", "1 人", "0 人", "3 处"]
        assert await page.locator(".fault th").all_inner_texts() == ["第 4 行", "第 5 行", "第 6 行"]
        await expect(page.locator("section[aria-labelledby=changed] tbody")).to_contain_text(f"{person['unit']} → {moved_to}")
        await expect(page.locator("section[aria-labelledby=new] tbody")).to_contain_text(new)
        faults += await stage.faults_of_looks(page)

        await page.get_by_role("button", name="只导入没有问题的 2 人").click()
        await expect(page.get_by_text("已导入：新增 1 人，更新 1 人，未变 0 人。")).to_be_visible()
        for name, unit in ((new, UNITS[0]), (person["name"], moved_to)):
            await page.goto(f"{service.base}/console/members?q={name}")
            await expect(page.get_by_role("row", name=name)).to_contain_text(unit)
        await page.goto(f"{service.base}/console/members?q=坏身份")
        await expect(page.get_by_text("没有符合条件的成员")).to_be_visible()
        faults += await stage.faults_of_looks(page)
    assert faults == []
