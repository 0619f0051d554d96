"""Today's missing are reminded: from the first page to the preview, the progress and the ledger; what no message can do is done by hand."""

from __future__ import annotations

import re

import pytest
import stage
from playwright.async_api import Browser, Page, expect


async def choose_half(page: Page) -> tuple[int, int]:
    """Everybody but every second of those whom a message reaches, for the other size: how many, and how many of them it reaches."""
    ticks, reachable = page.locator('input[name="members"]'), page.locator("input[data-reachable]")
    already = await page.get_by_text("今天已经提醒过").count()
    assert await ticks.count() > 5 and await page.locator('input[name="members"]:checked').count() == await ticks.count() - already
    await page.get_by_role("button", name="全不选").click()
    await expect(page.locator("#picked")).to_have_text("已选 0 人，其中 0 人能收到")
    await page.get_by_role("button", name="全选", exact=True).click()
    for number in range(1, await reachable.count(), 2):
        await reachable.nth(number).uncheck()
    said = await page.locator("#picked").inner_text()
    chosen, reached = map(int, re.findall(r"\d+", said))
    assert reached and chosen > reached, said
    return chosen, reached


@pytest.mark.parametrize("size", stage.SIZES)
async def test_from_who_is_missing_to_the_ledger(browser: Browser, service: stage.Service, size: str) -> None:
    async with stage.window(browser, service, size=size) as (page, faults):
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.goto(f"{service.base}/console/")
        await page.get_by_role("link", name="提醒今日待学人员").click()
        chosen, reached = await choose_half(page)
        faults += await stage.faults_of_looks(page)
        await page.get_by_role("button", name="预览").click()
        await expect(page.get_by_role("heading", name="预览：还没有发出")).to_be_visible()
        await expect(page.get_by_role("heading", name=f"收不到的 {chosen - reached} 人")).to_be_visible()
        faults += await stage.faults_of_looks(page)

        await page.get_by_role("button", name=f"发给 {reached} 人").click()
        await expect(page.get_by_role("heading", name="已经处理完")).to_be_visible()
        await expect(page.locator("#progress [role=status]").first).to_have_text(f"已处理 {chosen} / {chosen} 人")
        await expect(page.locator(".tally .sent dd")).to_have_text(str(reached))
        assert await page.locator("#progress").get_attribute("hx-get") is None
        faults += await stage.faults_of_looks(page)
        group = await page.locator("#group-text").input_value()
        assert not any(person["name"] in group for person in service.people)
        await page.locator('[data-copies="group-text"]').click()
        await expect(page.get_by_text("已复制，可以粘贴了。")).to_be_visible()
        assert await page.evaluate("navigator.clipboard.readText()") == group

        await page.get_by_role("link", name="提醒记录").click()
        row = page.locator("tbody tr").first
        await expect(row.locator("td.n").first).to_have_text(str(reached))
        faults += await stage.faults_of_looks(page)
        await row.get_by_role("link").click()
        await expect(page.get_by_role("heading", name="已经处理完")).to_be_visible()
        await page.get_by_role("link", name="订阅许可").click()
        await expect(page.get_by_text(re.compile(r"人中，\d+ 人现在能收到提醒"))).to_be_visible()
        faults += await stage.faults_of_looks(page)
    assert faults == []


async def test_from_a_cell_of_the_matrix_to_the_preview(browser: Browser, service: stage.Service) -> None:
    async with stage.window(browser, service) as (page, faults):
        await page.goto(f"{service.base}/console/coverage")
        await page.locator(".heat tbody tr").nth(2).locator("td a").last.click()
        button = page.get_by_role("button", name=re.compile("^提醒其中今日待学的"))
        expected = re.search(r"\d+", await button.inner_text()).group()
        await button.click()
        await expect(page.get_by_role("heading", name="预览：还没有发出")).to_be_visible()
        assert await page.locator('input[name="members"]').count() in (0, int(expected))
    assert faults == []
