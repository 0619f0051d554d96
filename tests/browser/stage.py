"""The real demo service, and Debian's Chromium before it: what the walks, the look at every page and the pictures are made with."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from desk import addresses
from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from process import environment, running
from test_console_matrix import ROWS, row_of

import console.app  # noqa: F401  it declares the pages
from console.http import PAGE, PAGES, PREFIX

SIZES = {"desk": (1280, 800), "phone": (390, 844)}
SCHEMES = ("light", "dark")
ROLES = ("secretary", "editor", "unit_head", "observer")
WORDS = {"secretary": "书记", "editor": "党建工作部", "unit_head": "专委会主任", "observer": "上级党委"}
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
GRAVE = {"serious", "critical"}
DEADLINE_MS = 15_000


@dataclass
class Service:
    """The demo on a port of its own; `people`: what /sandbox/people says."""

    base: str
    folder: Path
    env: dict[str, str]
    people: list[dict[str, Any]]
    cookies: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def person(self, role: str) -> dict[str, Any]:
        return next(person for person in self.people if person["roles"] == [role])

    async def token(self, openid: str) -> str:
        """A session of the phone for this person."""
        async with aiohttp.ClientSession(self.base) as session:
            async with session.post("/sandbox/wx-login", json={"openid": openid}) as reply:
                code = (await reply.json())["code"]
            async with session.post("/api/v1/auth/wechat", json={"code": code}) as reply:
                return (await reply.json())["token"]


@asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[Service]:
    """`daka demo` with a fresh embedded database."""
    env = environment(DATA_DIR=str(folder / "var"), LOG_LEVEL="WARNING")
    async with running("demo", env=env, cwd=folder) as (base, _):
        async with aiohttp.ClientSession() as session, session.get(f"{base}/sandbox/people") as reply:
            people = (await reply.json())["items"]
        yield Service(base, folder, env, people)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium; nothing is downloaded. Root has no sandbox of the browser's own."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        raise RuntimeError("没有 chromium：请安装 chromium 与 fonts-noto-cjk（apt install chromium fonts-noto-cjk）")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        await browser.close()


@asynccontextmanager
async def window(
    browser: Browser, service: Service, *, role: str | None = "secretary", size: str = "desk", scheme: str = "light"
) -> AsyncIterator[tuple[Page, list[str]]]:
    """A page in which a person of this role is signed in to the console (None: nobody), and the list that its faults are added to."""
    width, height = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, locale="zh-CN", timezone_id="Asia/Shanghai",
        has_touch=size == "phone",
    )  # fmt: skip
    context.set_default_timeout(DEADLINE_MS)
    if role:
        await _sign_in(context, service, role)
    page = await context.new_page()
    faults: list[str] = []
    watch(page, service.base, faults)
    try:
        yield page, faults
    finally:
        await context.close()


async def open_page(page: Page, label: str, size: str) -> None:
    """By the main navigation, which is folded up on a phone."""
    if size == "phone":
        await page.locator("details.pages-small > summary").click()
    name = "details.pages-small nav" if size == "phone" else "nav.pages"
    await page.locator(name).get_by_role("link", name=label, exact=True).click()


def watch(page: Page, base: str, faults: list[str]) -> None:
    """Adds to `faults` whatever the page complains of and every request that leaves the service."""
    page.on("console", lambda said: faults.append(f"console {said.type}: {said.text}") if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(f"script: {error}"))
    page.on("request", lambda request: faults.append(f"outside: {request.url}") if _is_outside(request.url, base) else None)


def _is_outside(url: str, base: str) -> bool:
    return not url.startswith((f"{base}/", "data:", "blob:", "about:"))


async def _sign_in(context: BrowserContext, service: Service, role: str) -> None:
    """By a one-time link, once for each role: the cookies serve all windows."""
    if role not in service.cookies:
        async with aiohttp.ClientSession(service.base) as session:
            async with session.get(_link(service, role)) as reply:
                fields = dict(re.findall(r'name="(\w+)" value="([^"]+)"', await reply.text()))
                entry = {name: morsel.value for name, morsel in reply.cookies.items()}
            async with session.post("/console/enter", data=fields, cookies=entry, allow_redirects=False) as reply:
                assert reply.status == 303, (role, reply.status)
                value = reply.cookies["daka_console"].value
        service.cookies[role] = [{"name": "daka_console", "value": value, "url": f"{service.base}/console", "httpOnly": True}]
    await context.add_cookies(service.cookies[role])


def _link(service: Service, role: str) -> str:
    """The one-time link that the demo printed for this role at its start."""
    printed = next(service.folder.glob("daka-*.log")).read_text("utf-8")
    return re.search(rf"{WORDS[role]} \S+ +http://[^/]+(/console/enter\?token=\S+)", printed)[1]


async def every_page(browser: Browser, service: Service) -> list[tuple[str, str, str]]:
    """(name, address, role) of every GET page: parameters are found in links, a role is one that may see it."""
    found = {}
    for role in ROLES:
        async with window(browser, service, role=role) as (page, _):
            mine = [p for p in PAGES if p.method == "GET" and p.gives == PAGE and role in ROWS[row_of(p)][0] and p.path not in found]
            seen = [await _source(page, service.base + p.path) for p in mine if "<" not in p.path]
            while True:
                known = {path: address for path, address in addresses(seen).items() if path in {p.path for p in mine}}
                fresh = {path: address for path, address in known.items() if path not in found}
                found |= {path: (address, role) for path, address in fresh.items()}
                if not fresh:
                    break
                seen += [await _source(page, service.base + address) for path, address in fresh.items() if "<" in path]
    return [(name_of(path), address, role) for path, (address, role) in found.items()]


async def _source(page: Page, url: str) -> str:
    return await (await page.context.request.get(url)).text()


def name_of(path: str) -> str:
    """/console/members/<member_id:int> -> members-member"""
    words = re.sub(r"<(\w+?)(?:_id)?(?::\w+)?>", r"\1", path.removeprefix(PREFIX)).strip("/").replace("/", "-")
    return words or "today"


async def faults_of_looks(page: Page) -> list[str]:
    """What is wrong with the page as it stands: scrolling sideways, and what axe-core calls serious or critical."""
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    faults = [f"scrolls sideways by {wide} px"] if wide > 0 else []
    await page.evaluate(AXE.read_text("utf-8"))
    result = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    for violation in result["violations"]:
        if violation["impact"] in GRAVE:
            where = "; ".join(node["html"][:160] for node in violation["nodes"][:3])
            faults.append(f"axe {violation['id']} ({violation['impact']}): {where}")
    return faults
