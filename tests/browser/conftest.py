"""The stage of the walks: the real demo service and one browser for all of them. Run by `make test-browser`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import stage
from playwright.async_api import Browser


@pytest.fixture(scope="session")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[stage.Service]:
    async with stage.demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with stage.chromium() as started:
        yield started
