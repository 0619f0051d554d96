"""What forms hold, as the backend wants it, and what the backend found wrong with it, by field."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from backend.kernel.errors import DakaError
from backend.rules import periods


class Faults(dict[str, str]):
    """Messages by field; a field without one has "", so that a template may ask for any."""

    def __missing__(self, field: str) -> str:
        return ""


def day(text: str) -> date | None:
    """An ISO date; None for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def number(text: str, *, instead: int | None = None, most: int = 2**31) -> int | None:
    """A number of at most ten digits and not above `most`; `instead` for anything else."""
    return int(text) if re.fullmatch(r"\d{1,10}", text, re.ASCII) and int(text) <= most else instead


def numbers(texts: Iterable[str]) -> list[int]:
    """Those of `texts` that are numbers, each once, in their order."""
    return list(dict.fromkeys(found for text in texts if (found := number(text)) is not None))


def month(text: str, today: date) -> tuple[date, date]:
    """First and last day of the month `YYYY-MM`; of today's for anything else."""
    first = day(f"{text}-01") if re.fullmatch(r"20\d\d-\d\d", text, re.ASCII) else None
    return periods.period("month", first or today)


def faults(error: DakaError) -> Faults:
    """The messages of a refusal by field, "" for what belongs to none; `days[3].date` is a fault of days."""
    found: dict[str, list[str]] = {}
    for one in error.extra.get("errors") or [{"field": "", "message": error.detail}]:
        found.setdefault(re.split(r"[\[.]", one["field"])[0], []).append(one["message"])
    return Faults({field: "；".join(dict.fromkeys(messages)) for field, messages in found.items()})
