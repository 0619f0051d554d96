"""Run as a process of its own, `python migrated.py TARGET`: brings the database of DAKA_DATABASE_URL to that migration, back or forth."""

from __future__ import annotations

import asyncio
import sys

from tortoise import connections
from tortoise.migrations.api.migrate import migrate

from backend.kernel import database, settings


async def main(target: str) -> None:
    try:
        await migrate(config=database.config(settings.load()), target=target)
    finally:
        await connections.close_all()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
