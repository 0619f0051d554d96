"""`daka migrate`: brings the database to the newest schema."""

from __future__ import annotations

import argparse

from backend.kernel import audit_chain, schema
from backend.kernel.database import opened
from backend.kernel.settings import Settings


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("migrate", help="把数据库升级到最新结构")
    command.set_defaults(run=run, bare=True)


async def run(parsed: argparse.Namespace, settings: Settings) -> None:
    await schema.migrate(settings)
    async with opened(settings):
        await audit_chain.adopt()
    print("数据库结构已是最新，可以使用。")
