"""Asking for the figures of a slice, and the check-ins that move them."""

from __future__ import annotations

from door import Door
from people import whole_day

AXES = ("aspect", "unit", "tier", "status", "member", "day", "branch")


async def check_in(door: Door, person, task_id: int, *, right: bool = True) -> None:
    task = (await door.get(f"/tasks/{task_id}", person)).json
    reply = await door.post(f"/tasks/{task_id}/check-in", person, whole_day(task, right=right))
    assert reply.status == 201, reply.body


async def table(door: Door, person, by: str, **params) -> dict:
    reply = await door.get("/stats/coverage", person, params={"by": by, **params})
    assert reply.status == 200, reply.body
    return reply.json


def row(found: dict, label: str) -> dict:
    return next(row for row in found["rows"] if row["label"] == label)
