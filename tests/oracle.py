"""Coverage counted the slow way, pair by pair, over plain dicts: what the product's figures are compared with.

world = {"tasks": {id: {"date", "aspects", "units"}}, "members": {id: {"joined", "left", "standings": [(from, unit, tier, status)],
"leaves": [(first, last)]}}, "check_ins": {(member, task): (arrived_on, is_proxy)}, "firsts": {(member, task): {question: right}},
"withdrawn": {question}}; a task's "units" are those of its plan, empty = all.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import product


def standing(member: dict, day) -> tuple:
    return max((row for row in member["standings"] if row[0] <= day), key=lambda row: row[0])[1:]


def is_in_audience(member: dict, task: dict) -> bool:
    is_there = member["joined"] <= task["date"] and (member["left"] is None or task["date"] < member["left"])
    return is_there and (not task["units"] or standing(member, task["date"])[0] in task["units"])


def slices(axes: tuple, member_id: int, member: dict, task: dict) -> list[tuple]:
    """The keys under which the pair counts: one, or as many as the task has aspects."""
    unit, tier, status = standing(member, task["date"])
    one = {"unit": unit or 0, "tier": tier, "status": status, "member": member_id, "day": task["date"]}
    return list(product(*(task["aspects"] if axis == "aspect" else [one[axis]] for axis in axes)))


def cells(world: dict, axes: tuple, *, today) -> dict[tuple, dict]:
    found: dict[tuple, dict] = defaultdict(lambda: dict.fromkeys(COUNTS, 0))
    for (member_id, member), (task_id, task) in product(world["members"].items(), world["tasks"].items()):
        if task["date"] > today or not is_in_audience(member, task):
            continue
        done = world["check_ins"].get((member_id, task_id))
        on_leave = any(first <= task["date"] <= last for first, last in member["leaves"])
        answers = {q: right for q, right in world["firsts"].get((member_id, task_id), {}).items() if q not in world["withdrawn"]}
        for key in slices(axes, member_id, member, task):
            cell = found[key]
            cell["firsts"] += len(answers)
            cell["rights"] += sum(answers.values())
            if done is None and on_leave:
                cell["excused"] += 1
                continue
            cell["assigned"] += 1
            if done is None:
                cell["open" if task["date"] == today else "missing"] += 1
            else:
                cell["done"] += 1
                cell["proxy" if done[1] else "on_time" if done[0] == task["date"] else "makeup"] += 1
    return found


COUNTS = ("assigned", "done", "on_time", "makeup", "proxy", "excused", "missing", "open", "firsts", "rights")
