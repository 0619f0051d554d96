"""The secretary's way from an empty branch to the first task, all of it in the browser; and a question withdrawn, with what follows."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
import stage
from official import lines
from playwright.async_api import Browser, expect
from process import daka

from backend.kernel import clock


def command(service: stage.Service, *words: str) -> str:
    done = daka(*words, env=service.env, cwd=service.folder)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def empty_branch(service: stage.Service, name: str) -> str:
    """A branch with a secretary and nothing else: the one-time link into its console."""
    branch = re.search(r"\d+", command(service, "branch", "create", name)).group()
    member = re.search(r"\d+", command(service, "member", "add", "--branch", branch, "新书记")).group()
    command(service, "member", "role", member, "--add", "secretary")
    return re.search(r"/console/enter\?token=\S+", command(service, "console", "link", member)).group()


@pytest.mark.parametrize("size", stage.SIZES)
async def test_from_an_empty_branch_to_the_first_task(browser: Browser, service: stage.Service, size: str) -> None:
    link = empty_branch(service, f"新支部{size}")
    async with stage.window(browser, service, role=None, size=size) as (page, faults):
        await page.goto(service.base + link)
        await page.get_by_role("button", name="进入").click()
        await stage.open_page(page, "计划", size)
        await expect(page.get_by_text("还没有学习计划")).to_be_visible()
        faults += await stage.faults_of_looks(page)

        await stage.open_page(page, "文本", size)
        await page.get_by_role("link", name="导入原文").nth(1).click()
        await page.get_by_label("或者把全文粘贴在这里").fill("\n".join(lines()))
        await page.get_by_role("button", name="预览").click()
        await expect(page.get_by_text("预览：还没有写入")).to_be_visible()
        faults += await stage.faults_of_looks(page)
        await page.get_by_role("button", name="确认导入").click()
        await expect(page.get_by_text("已导入 16 个部分、48 段。")).to_be_visible()

        await stage.open_page(page, "计划", size)
        await page.get_by_role("link", name="制定第一份计划").click()
        await page.get_by_label("计划名称").fill("每日学习")
        await page.get_by_label("开始日期").fill(str(clock.today()))
        await page.get_by_label("结束日期").fill(str(clock.today() + timedelta(days=17)))
        for day in ("周六", "周日"):
            await page.get_by_label(day).check()
        await page.get_by_label("放假的日子不排任务").uncheck()
        await page.get_by_role("button", name="预览").click()
        await expect(page.get_by_text("共 18 天")).to_be_visible()
        faults += await stage.faults_of_looks(page)
        await page.get_by_role("button", name="确认制定").click()
        await expect(page.get_by_text("已制定计划，共排定 18 天任务。")).to_be_visible()

        await page.get_by_role("link", name=re.compile("^第1天")).click()
        await expect(page.get_by_text("这是第0部分的第1段").first).to_be_visible()
        faults += await stage.faults_of_looks(page)
    assert faults == []


async def ask(service: stage.Service, openid: str, path: str) -> Any:
    headers = {"Authorization": f"Bearer {await service.token(openid)}"}
    async with aiohttp.ClientSession(service.base, headers=headers) as session, session.get(f"/api/v1{path}") as reply:
        assert reply.status == 200, (path, reply.status)
        return await reply.json()


@pytest.mark.parametrize("size", stage.SIZES)
async def test_a_question_is_withdrawn_and_the_accuracy_moves(browser: Browser, service: stage.Service, size: str) -> None:
    secretary, member = service.person("secretary")["openid"], service.person("unit_head")["openid"]
    told = {item["id"] for item in (await ask(service, member, "/me/notices"))["items"]}
    before = (await ask(service, secretary, "/stats/coverage"))["total"]["accuracy"]
    async with stage.window(browser, service, size=size) as (page, faults):
        await page.goto(f"{service.base}/console/questions?state=open")
        link = page.locator("table.bank tbody tr", has=page.locator("td.n:has-text('%')")).first.get_by_role("link")
        stem = await link.inner_text()
        await link.click()
        await page.get_by_role("button", name="撤下").first.click()
        await expect(page.get_by_role("dialog")).to_contain_text("不再计入正确率")
        await page.get_by_role("dialog").get_by_role("button", name="撤下").click()
        await expect(page.get_by_text("统计已重新计算").first).to_be_visible()
        faults += await stage.faults_of_looks(page)
    assert faults == []
    assert (await ask(service, secretary, "/stats/coverage"))["total"]["accuracy"] != before
    fresh = [item for item in (await ask(service, member, "/me/notices"))["items"] if item["id"] not in told]
    assert [stem[:20] in item["text"] for item in fresh] == [True]
