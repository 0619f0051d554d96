"""The built package for WeChat: WeChat's own compilers, its size, and a first day walked in it against the real service."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from phone import demo
from process import ROOT

CLIENT = ROOT / "miniprogram"
DEADLINE_S = 300


async def vitest(*words: str, base: str = "") -> None:
    """Runs tests of the package; what they say is shown when they fail."""
    command = ("npx", "vitest", "run", "--config", "vitest.package.config.ts", *words)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=CLIENT, env={**os.environ, "DAKA_BASE": base}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, said.decode()


async def test_wechats_own_tools_take_the_package():
    await vitest("tests/package/checks.test.ts")


async def test_the_built_package_walks_a_first_day(tmp_path: Path):
    async with demo(tmp_path) as base:
        await vitest("tests/package/walk.test.ts", base=base)
