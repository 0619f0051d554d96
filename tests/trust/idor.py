"""AC-09: every id of every route as another's and as one that does not exist; what each reply shows; thirty fields too many a write."""

from __future__ import annotations

import asyncio
import sys

from trust import strangers
from trust.house import house
from trust.report import Run
from trust.samples import operations
from trust.two_branches import World, build_world


async def one(run: Run, dialect: str) -> dict[str, int]:
    async with house(dialect=dialect) as made:
        world: World = await build_world(made.door)
        counts = {"routes": len(operations()), "questions": 0, "replies": 0, "fields": 0, "pages": 0}
        faults = strangers.unknown_ids()
        everybody = list(world.callers)
        for operation in operations():
            for name, asked in (
                ("questions", strangers.differing(made.door, world, operation)),
                ("replies", strangers.shown_to_the_wrong(made.door, world, operation, everybody)),
                ("fields", strangers.taken_unasked(made.door, world, operation, strangers.EXTRAS)),
            ):
                number, found = await asked
                counts[name] += number
                faults += found
        counts["pages"], found = await strangers.console_faults(made.door, world, list(world.consoles))
        faults += found
        assert faults == [], "\n".join(faults)
    return counts


def main() -> int:
    run = Run.of("AC-09", "another's things and fields")
    for name in run.left(("postgres", "sqlite")):
        with run.piece(name) as found:
            found |= asyncio.run(one(run, name))
    return run.conclude(routes=max, questions=sum, replies=sum, fields=sum, pages=sum, leaks=lambda _: 0)


if __name__ == "__main__":
    sys.exit(main())
