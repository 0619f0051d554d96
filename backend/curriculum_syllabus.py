"""The syllabuses of a content pack: checked against its units and questions, and loaded."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from models.syllabuses import Syllabus, SyllabusDay

COLUMNS = ("title", "guidance", "aspects", "units", "questions")


def faults(syllabus: dict[str, Any], *, units: Collection[tuple[str, str]], questions: Collection[str]) -> list[dict[str, str]]:
    """What the days refer to and the pack has not, and days out of order, as {"field", "message"}."""
    found = []
    for place, day in enumerate(syllabus["days"], start=1):
        named = f"{syllabus['key']} 第 {day['number']} 天"
        if day["number"] != place:
            found.append({"field": named, "message": f"应为第 {place} 天"})
        for unit in day["units"]:
            if (unit["text"], unit["unit"]) not in units:
                found.append({"field": named, "message": f"没有单元 {unit['text']} {unit['unit']}"})
        found += [{"field": named, "message": f"没有题目 {key}"} for key in day["questions"] if key not in questions]
    return found


async def load(syllabus: dict[str, Any]) -> None:
    """The syllabus with its days as they now are; plans that follow it keep the days they have. Inside the caller's transaction."""
    row, _ = await Syllabus.update_or_create(defaults={"title": syllabus["title"]}, key=syllabus["key"])
    await SyllabusDay.filter(syllabus_id=row.id).delete()
    await SyllabusDay.bulk_create(
        [
            SyllabusDay(syllabus_id=row.id, number=day["number"], is_review=day["review"], **{name: day[name] for name in COLUMNS})
            for day in syllabus["days"]
        ]
    )
