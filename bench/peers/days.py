"""What both peers share, so that they do the same: the rules of a check-in without a framework."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
CONSENT = "2026-11"


def database_url() -> str:
    return os.environ["DAKA_DATABASE_URL"]


def database_parts() -> dict[str, Any]:
    """Host, port, user and name of the database."""
    parts = urlsplit(database_url())
    return {"HOST": parts.hostname, "PORT": parts.port, "USER": parts.username, "NAME": parts.path.strip("/")}


def token_hash(authorization: str) -> str:
    return hashlib.sha256(authorization.removeprefix("Bearer ").encode()).hexdigest()


def now() -> datetime:
    return datetime.now(UTC)


def shanghai_day(instant: datetime) -> date:
    return instant.astimezone(SHANGHAI).date()


def graded(answer: Any, question: Any) -> tuple[list[str], bool]:
    """What was given, and whether it is right."""
    if question.kind == "blank":
        given = (answer.text or "").strip()
        return [given], given in question.answer
    return list(answer.choice or []), sorted(answer.choice or []) == sorted(question.answer)


def missing(task_passages: Sequence[int], read: Sequence[int], questions: Sequence[int], answered: Sequence[int]) -> bool:
    return bool(set(task_passages) - set(read) or set(questions) - set(answered))


def result(question: Any, right: bool) -> dict[str, Any]:
    return {
        "question": question.id,
        "right": right,
        "answer": question.answer,
        "explanation": question.explanation,
        "source": {"text": question.source_text, "section": question.source_section, "locator": question.locator},
    }


def receipt(check_in: Any) -> dict[str, Any]:
    return {
        "id": check_in.id,
        "task": check_in.task_id,
        "date": check_in.task_date.isoformat(),
        "kind": check_in.kind,
        "checked_in_at": check_in.checked_in_at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        **check_in.receipt,
    }
