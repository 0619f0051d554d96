"""A real browser for the tests: Debian's Chromium, driven by playwright; nothing is downloaded, nobody outside may be asked."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Page, async_playwright

ROOT = Path(__file__).parent.parent.parent
AXE = ROOT / "tests" / "browser" / "vendor" / "axe.min.js"
PHONE = {"width": 390, "height": 844}
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync "
    "--disable-dev-shm-usage"
).split()


def chromium() -> str:
    """The browser of this machine. Raises RuntimeError in words where there is none."""
    found = (
        os.environ.get("DAKA_TEST_CHROMIUM")
        or shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if not found:
        raise RuntimeError("没有 Chromium：请安装 chromium 与 fonts-noto-cjk（apt install chromium fonts-noto-cjk）")
    return found


@asynccontextmanager
async def browser() -> AsyncIterator[Any]:
    async with async_playwright() as play:
        opened = await play.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            yield opened
        finally:
            await opened.close()


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


async def axe(page: Page) -> list[str]:
    """What axe-core finds serious or critical: "rule: what it stands on"."""
    if not await page.evaluate("'axe' in window"):
        # Evaluated, not added as a script element: the page's policy rightly takes scripts of its own alone.
        await page.evaluate(AXE.read_text("utf-8"))
    found = await page.evaluate("axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations)")
    grave = [one for one in found if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {node['html'][:200]}" for one in grave for node in one["nodes"]]


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
