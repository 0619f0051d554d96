"""Every page of the console, at both sizes, in light and dark: no complaint, no outside request, nothing cut off, nothing barred."""

from __future__ import annotations

import pytest
import stage
from playwright.async_api import Browser

from console.http import HALF, PAGE, PAGES


async def test_every_page_is_found_by_following_links(browser: Browser, service: stage.Service) -> None:
    found = {name for name, _, _ in await stage.every_page(browser, service)}
    # The question for the second factor opens for nobody who is in: walk_signin.py looks at it.
    wanted = {stage.name_of(page.path) for page in PAGES if page.method == "GET" and page.gives == PAGE and page.who != HALF}
    assert wanted - found == set()


@pytest.mark.parametrize("scheme", stage.SCHEMES)
@pytest.mark.parametrize("size", stage.SIZES)
async def test_every_page_stands_as_it_should(browser: Browser, service: stage.Service, size: str, scheme: str) -> None:
    wrong = {}
    for name, address, role in await stage.every_page(browser, service):
        async with stage.window(browser, service, role=role, size=size, scheme=scheme) as (page, faults):
            await page.goto(service.base + address, wait_until="load")
            faults += await stage.faults_of_looks(page)
            if faults:
                wrong[name] = list(faults)
    assert wrong == {}


async def test_a_page_with_a_fault_is_caught(browser: Browser, service: stage.Service) -> None:
    """The look at every page is worth nothing unless it sees an outside request, a broken script and a barred field."""
    async with stage.window(browser, service) as (page, faults):
        await page.goto(f"{service.base}/console/", wait_until="load")
        await page.evaluate(
            "document.body.insertAdjacentHTML('beforeend', '<input><p style=\"color:#ccc\">淡</p><div class=\"top\"></div>');"
            "document.querySelector('main').style.width = '4000px'; document.querySelector('main').style.maxWidth = 'none';"
            "new Image().src = 'http://127.0.0.2:9/outside.png'; setTimeout(() => { throw new Error('broken') })"
        )
        looks = "\n".join([*await stage.faults_of_looks(page), *faults])
    for expected in ("scrolls sideways", "axe label", "outside: http://127.0.0.2:9/outside.png", "script: broken", "style"):
        assert expected in looks, expected
