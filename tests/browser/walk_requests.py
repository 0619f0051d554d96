"""A member asks, the secretary answers, the member reads it; a day studied on paper is written down; the log tells both, and is whole."""

from __future__ import annotations

import re
from typing import Any

import aiohttp
import pytest
import stage
from playwright.async_api import Browser, expect


async def call(service: stage.Service, openid: str, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {await service.token(openid)}"}
    async with (
        aiohttp.ClientSession(service.base, headers=headers) as session,
        session.request(method, f"/api/v1{path}", json=body) as reply,
    ):
        assert reply.status < 300, (path, reply.status)
        return await reply.json()


@pytest.mark.parametrize("size", stage.SIZES)
async def test_what_a_member_asks_is_answered_and_read(browser: Browser, service: stage.Service, size: str) -> None:
    member = service.person("unit_head")
    text, answer = f"学习记录少了一天（{size}）", f"已补上（{size}）"
    await call(service, member["openid"], "POST", "/me/corrections", {"subject": "record", "text": text})
    async with stage.window(browser, service, size=size) as (page, faults):
        await page.goto(f"{service.base}/console/")
        await page.get_by_role("link", name=re.compile("份更正申请等您答复")).click()
        card = page.locator("article", has_text=text)
        await expect(card.get_by_role("heading", name=member["name"])).to_be_visible()
        await card.get_by_label("已更正").check()
        await card.get_by_label(f"答复{member['name']}").fill(answer)
        faults += await stage.faults_of_looks(page)
        await card.get_by_role("button", name="答复").click()
        await expect(page.get_by_text("已答复，本人在小程序中可以看到。")).to_be_visible()
        await expect(page.locator("article", has_text=text)).to_have_count(0)
        await page.get_by_role("link", name="看全部").click()
        await expect(page.locator("article", has_text=text)).to_contain_text(answer)
        faults += await stage.faults_of_looks(page)
    assert faults == []
    mine = (await call(service, member["openid"], "GET", "/me/corrections"))["items"]
    assert [(one["answer"], one["done"]) for one in mine if one["text"] == text] == [(answer, True)]


@pytest.mark.parametrize("size", stage.SIZES)
async def test_a_day_on_paper_is_written_down_and_stands_in_the_log(browser: Browser, service: stage.Service, size: str) -> None:
    async with stage.window(browser, service, size=size) as (page, faults):
        await page.goto(f"{service.base}/console/")
        await stage.open_page(page, "代录", size)
        box = page.locator('input[name="cells"]').first
        who = (await box.get_attribute("aria-label")).split(" ")[0]
        value = await box.get_attribute("value")
        await box.check()
        await page.get_by_role("button", name="核对勾选的内容").click()
        await expect(page.get_by_role("heading", name="核对：还没有写入")).to_be_visible()
        await expect(page.get_by_role("row", name=who)).to_be_visible()
        faults += await stage.faults_of_looks(page)
        await page.get_by_role("button", name="确认代录").click()
        await expect(page.get_by_text("新写入 1 格")).to_be_visible()
        faults += await stage.faults_of_looks(page)
        await page.get_by_role("link", name="继续录入").click()
        await expect(page.locator(f'input[value="{value}"]')).to_have_count(0)

        await stage.open_page(page, "操作记录", size)
        first = page.locator("tbody tr").first
        await expect(first).to_contain_text("代录")
        await expect(first).to_contain_text(who)
        await page.get_by_role("button", name="核对记录是否完整").click()
        await expect(page.get_by_text("记录完整")).to_be_visible()
        faults += await stage.faults_of_looks(page)
    assert faults == []
