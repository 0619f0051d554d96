"""The secretary's morning: the code scanned with the sandbox's phone, the first page moving by itself, a cell of the matrix, the people."""

from __future__ import annotations

import base64
import io
import re
import time

import aiohttp
import pyotp
import pytest
import stage
import zxingcpp
from people import whole_day
from PIL import Image
from playwright.async_api import Browser, Page, expect


async def scan(desk: Page, browser: Browser, service: stage.Service, role: str) -> None:
    """Reads the code on the desk's page and confirms it on the phone of a person with this role, in another browser."""
    shown = await desk.locator("#scan img").get_attribute("src")
    address = zxingcpp.read_barcode(Image.open(io.BytesIO(base64.b64decode(shown.partition(",")[2])))).text
    assert address.startswith(f"{service.base}/sandbox/?scene=IN")
    phone = await (await browser.new_context(viewport={"width": 390, "height": 844})).new_page()
    await phone.goto(address)
    await phone.get_by_role("button", name=re.compile(service.person(role)["name"])).first.click()
    await phone.get_by_role("button", name="确认登录").click()
    await expect(phone.get_by_role("heading", name="已确认")).to_be_visible()
    await phone.context.close()


async def study(service: stage.Service, name: str) -> None:
    """This member checks in for today over the API."""
    person = next(person for person in service.people if person["name"] == name)
    headers = {"Authorization": f"Bearer {await service.token(person['openid'])}"}
    async with aiohttp.ClientSession(service.base, headers=headers) as session:
        async with session.get("/api/v1/tasks/today") as reply:
            task = (await reply.json())["task"]
        async with session.post(f"/api/v1/tasks/{task['id']}/check-in", json=whole_day(task)) as reply:
            assert reply.status == 201, await reply.text()


async def waiting_ones(desk: Page, service: stage.Service) -> list[str]:
    """Those on the first page who wait and who can check in from a phone."""
    bound = {person["name"] for person in service.people if person["bound"]}
    names = [name.strip() for name in await desk.locator("#waiting ~ .groups li").all_text_contents()]
    return [name for name in names if name in bound and names.count(name) == 1]


@pytest.mark.parametrize("size", stage.SIZES)
async def test_from_the_scanned_code_to_the_people_behind_a_cell(browser: Browser, service: stage.Service, size: str) -> None:
    async with stage.window(browser, service, role=None, size=size) as (desk, faults):
        await desk.goto(f"{service.base}/console/enter")
        await scan(desk, browser, service, "secretary")
        await desk.wait_for_url(f"{service.base}/console/")
        name = (await waiting_ones(desk, service))[0]
        done = int(await desk.locator(".counts .big a").inner_text())
        await desk.evaluate("window.stayed = true")
        await study(service, name)
        began = time.perf_counter()
        await expect(desk.locator(".counts .big a")).to_have_text(str(done + 1), timeout=stage.DEADLINE_MS)
        print(f"到达页面用时 {(time.perf_counter() - began) * 1000:.0f} ms（{size}）")
        assert await desk.evaluate("window.stayed"), "the page was loaded anew"
        await expect(desk.locator("#waiting ~ .groups").get_by_text(name, exact=True)).to_have_count(0)
        await desk.locator(".counts .on_time a").click()
        await expect(desk.get_by_role("rowheader", name=name)).to_be_visible()
        assert faults == []


async def test_who_in_the_seventh_committee_lacks_the_fifth_aspect_takes_two_clicks(browser: Browser, service: stage.Service) -> None:
    async with stage.window(browser, service) as (desk, faults):
        await desk.goto(f"{service.base}/console/")
        await desk.get_by_role("navigation", name="主要页面").get_by_role("link", name="覆盖").click()
        row = desk.locator(".heat tbody tr").nth(6)
        unit, figure = await row.locator("th").inner_text(), row.locator("td").nth(4)
        done, assigned = map(int, (await figure.locator("small").inner_text()).split("/"))
        await figure.locator("a").click()
        await expect(desk.get_by_role("heading", level=1)).to_contain_text(unit)
        cells = [int(text or 0) for text in await desk.locator(".list tbody td:nth-child(3)").all_inner_texts()]
        assert sum(cells) == assigned
        finished = [int(text or 0) for text in await desk.locator(".list tbody td:nth-child(4)").all_inner_texts()]
        assert sum(finished) == done
        assert faults == []


async def test_the_second_factor_is_set_up_and_asked_for(browser: Browser, service: stage.Service) -> None:
    async with stage.window(browser, service, role="editor") as (desk, faults):
        await desk.goto(f"{service.base}/console/account/second-factor")
        secret = await desk.locator(".secret").inner_text()
        shown = await desk.locator(".factor img").get_attribute("src")
        assert zxingcpp.read_barcode(Image.open(io.BytesIO(base64.b64decode(shown.partition(",")[2])))).text.startswith("otpauth://totp/")
        await desk.get_by_label("6 位数字").fill(pyotp.TOTP(secret).now())
        await desk.get_by_role("button", name="确认启用").click()
        await expect(desk.locator(".codes li")).to_have_count(10)
        code = await desk.locator(".codes li").first.inner_text()
        assert faults == [] and await stage.faults_of_looks(desk) == []
    for scheme in stage.SCHEMES:
        async with stage.window(browser, service, role=None, size="phone", scheme=scheme) as (desk, faults):
            await desk.goto(f"{service.base}/console/enter")
            await scan(desk, browser, service, "editor")
            await desk.wait_for_url(f"{service.base}/console/second-factor")
            assert await stage.faults_of_looks(desk) == [] and faults == []
    async with stage.window(browser, service, role=None) as (desk, faults):
        await desk.goto(f"{service.base}/console/enter")
        await scan(desk, browser, service, "editor")
        await desk.wait_for_url(f"{service.base}/console/second-factor")
        await desk.get_by_label("动态口令或恢复码").fill(code)
        await desk.get_by_role("button", name="进入").click()
        await desk.wait_for_url(f"{service.base}/console/")
        await desk.goto(f"{service.base}/console/account/second-factor")
        await expect(desk.get_by_text("剩余恢复码 9 个")).to_be_visible()
        assert faults == []
