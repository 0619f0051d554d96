"""Running one command of `daka` inside a test, on the test's database."""

from __future__ import annotations

import argparse
from types import ModuleType


async def run(group: ModuleType, *words: str) -> int | None:
    """`group` is a module of backend/cli; `words` follow its name on the command line."""
    top = argparse.ArgumentParser()
    group.add(top.add_subparsers(required=True))
    parsed = top.parse_args([group.__name__.rsplit(".", 1)[-1], *words])
    return await parsed.run(parsed, None)
