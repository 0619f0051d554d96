"""What the figures of a question suggest, in plain words: about the question, never about people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FEW = 10  # answers below which nothing is said
EASY, HARD = 0.95, 0.4  # shares of right first answers
WEAK = 0.1  # discrimination
OFTEN = 0.5  # of the wrong answers, the same option


def of_item(item: Mapping[str, Any] | None) -> list[str]:
    """Sentences about a question, from `coverage_questions`; none for a question that few have answered."""
    if item is None or item["attempts"] < FEW:
        return []
    found = []
    if item["facility"] >= EASY:
        found.append("几乎人人答对，可以作为热身题。")
    if item["facility"] < HARD:
        found.append("多数人第一次没有答对，建议核对题干、答案和所读段落是否对应。")
    if item["discrimination"] is not None and item["discrimination"] < WEAK:
        found.append("平时答得好的人在这道题上并不占优，题干或选项可能有歧义。")
    wrong, missed = item["most_chosen_wrong"], item["attempts"] * (1 - item["facility"])
    if wrong and wrong["count"] >= 3 and wrong["count"] >= OFTEN * missed:
        found.append(f"答错的多集中在“{wrong['text']}”，讲解时可以着重说明。")
    return found
