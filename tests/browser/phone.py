"""The member's page on a phone, as a person handles it: what is tapped is what is seen."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from congress_text import lines
from playwright.async_api import Browser, BrowserContext, Page, expect
from process import ROOT, daka, environment, running
from stage import SIZES

PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)


@asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[str]:
    """The demo on a free port, its texts imported beforehand, so that today's passages have something to be read."""
    env = environment(DATA_DIR=str(folder / "var"), LOG_LEVEL="WARNING", SECRET_KEY="0" * 64)
    (folder / "report.txt").write_text("\n".join(lines()), "utf-8")
    for words in (["migrate"], ["curriculum", "load"], ["curriculum", "import-text", str(folder / "report.txt"), "--text", "report"]):
        done = daka(*words, env=env, cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr
    async with running("demo", env=env, cwd=folder) as (base, _):
        yield base


def ask(base: str, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
    """One request past the page: what the service says is so."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(base + path, json.dumps(body).encode() if body is not None else None, headers, method=method)
    with urllib.request.urlopen(request) as reply:
        return json.loads(reply.read() or b"null")


def people(base: str) -> list[dict[str, Any]]:
    return ask(base, "GET", "/sandbox/people")["items"]


def sign_in(base: str, openid: str) -> str:
    """A token of this person's own, beside the phone's."""
    code = ask(base, "POST", "/sandbox/wx-login", {"openid": openid})["code"]
    return ask(base, "POST", "/api/v1/auth/wechat", {"code": code})["token"]


def right_answers() -> dict[str, list[str]]:
    """stem → right answer, from the shipped pack: the service tells nobody before the answer."""
    found: dict[str, list[str]] = {}

    def look(held: Any) -> None:
        if isinstance(held, dict):
            if "stem" in held and "answer" in held:
                answer = held["answer"] if isinstance(held["answer"], list) else [held["answer"]]
                found[held["stem"]] = [str(one).lower() if isinstance(one, bool) else str(one) for one in answer]
            for each in held.values():
                look(each)
        elif isinstance(held, list):
            for each in held:
                look(each)

    for path in sorted((ROOT / "curriculum").glob("aspect-*.yaml")):
        look(yaml.safe_load(path.read_text("utf-8")))
    return found


class Watch:
    """What a context did that it must not: requests to other hosts, errors of the page, refusals of its own policy."""

    def __init__(self, context: BrowserContext, base: str) -> None:
        self.outside: list[str] = []
        self.errors: list[str] = []
        self._base = base
        context.on("request", self._asked)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("console", self._said)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self._base, "data:", "blob:")):
            self.outside.append(request.url)

    def _said(self, message: Any) -> None:
        # A request that found no network, or was refused, is the page's business and shown by it.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    def clean(self) -> None:
        assert self.outside == [] and self.errors == []


@dataclass
class Phone:
    """One person's phone. `taps` counts what a finger did."""

    base: str
    context: BrowserContext
    page: Page
    watch: Watch
    taps: int = 0
    right: dict[str, list[str]] = field(default_factory=right_answers)

    @classmethod
    async def of(cls, browser: Browser, base: str, **options: Any) -> Phone:
        context = await browser.new_context(
            **{"viewport": dict(zip(("width", "height"), SIZES["phone"], strict=True)), "locale": "zh-CN", "has_touch": True, **options}
        )
        return cls(base, context, await context.new_page(), Watch(context, base))

    async def open(self, path: str = "") -> None:
        await self.page.goto(f"{self.base}/m/{path}")

    async def kill(self) -> None:
        """The page is gone, what the phone keeps is kept; another page is ready."""
        await self.page.close()
        self.page = await self.context.new_page()

    def button(self, name: str) -> Any:
        return self.page.locator("[role=button]:visible, [role=checkbox]:visible, a.btn:visible").filter(has_text=name)

    async def tap(self, name: str) -> None:
        await self.button(name).first.click()
        self.taps += 1

    async def sees(self, text: str) -> None:
        await expect(self.page.locator("uni-page-body")).to_contain_text(text)

    async def sees_no(self, text: str) -> None:
        await expect(self.page.locator("uni-page-body")).not_to_contain_text(text)

    async def fill(self, label: str, text: str) -> None:
        await self.page.get_by_role("textbox", name=label, exact=True).fill(text)

    async def use_as(self, person: dict[str, Any]) -> None:
        """From the first screen to today's, for somebody who is bound and has consented."""
        await self.open(f"?openid={person['openid']}")
        await self.tap("同意并继续")
        await self.sees("导读")

    async def answer(self, question: dict[str, Any], *, rightly: bool = True, offline: bool = False, look: Any = None) -> None:
        """Gives an answer; a wrong one, and one without a network, is looked at before going on."""
        await self.sees(question["stem"])
        right = self.right[question["stem"]]
        if question["kind"] == "blank":
            await self.fill("填写答案", right[0] if rightly else "不知道")
            await self.tap("确定")
        else:
            keys = right if rightly else [wrong_of(question, right)]
            for key in keys:
                await self.page.locator(".option:visible").nth(index_of(question, key)).click()
                self.taps += 1
            if question["kind"] == "multiple":
                await self.tap("确定")
        if offline:
            await self.sees("已记下，联网后核对对错")
        elif not rightly:
            await self.sees("答错了")
        if look:
            await look()
        if offline or not rightly:
            await self.page.locator(".btn.main:visible").click()
            self.taps += 1

    async def settled(self, probe: Any, wanted: Any) -> None:
        """Asks until it is so."""
        for _ in range(PATIENCE_MS // 100):
            found = await asyncio.to_thread(probe)
            if found == wanted:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{found!r} is not {wanted!r}")


def keys_of(question: dict[str, Any]) -> list[str]:
    return ["true", "false"] if question["kind"] == "true_false" else [option["key"] for option in question["options"]]


def index_of(question: dict[str, Any], key: str) -> int:
    return keys_of(question).index(key)


def wrong_of(question: dict[str, Any], right: list[str]) -> str:
    return next(key for key in keys_of(question) if key not in right)


async def overflow(page: Page) -> list[str]:
    """What reaches out of the screen to the side, or is cut off inside its own box."""
    return await page.evaluate(
        """() => {
          const wide = document.documentElement.scrollWidth > innerWidth + 1 ? [`page ${document.documentElement.scrollWidth}`] : [];
          const named = (element) => `${element.className || element.tagName}: ${(element.innerText || '').slice(0, 40)}`;
          const all = [...document.querySelectorAll('uni-page-body *, main *')];
          const seen = all.filter((one) => one.innerText && one.getClientRects().length);
          const reachesOut = ({ left, right }) => right > innerWidth + 1 || left < -1;
          const out = seen.filter((one) => reachesOut(one.getBoundingClientRect()));
          const cut = seen.filter((one) => {
            const clips = getComputedStyle(one).overflowX !== 'visible' && one.clientWidth > 0;
            return clips && one.children.length === 0 && one.scrollWidth > one.clientWidth + 1;
          });
          return [...wide, ...out.map(named), ...cut.map((one) => `cut ${named(one)}`)];
        }"""
    )
