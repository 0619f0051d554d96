"""The period picker: what a period is called, and which days it stands for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from backend.kernel.errors import Invalid
from backend.rules import periods

# The plan's own period comes first: it needs no word in the address.
KINDS = {"plan": "计划以来", "week": "本周", "month": "本月", "quarter": "本季度", "half_year": "本半年", "own": "自选"}


@dataclass(frozen=True, slots=True)
class Period:
    """`first` and `last` None: as the plan has it, up to today."""

    kind: str
    first: date | None
    last: date | None

    @property
    def query(self) -> dict[str, str]:
        """What an address carries to mean this period."""
        if self.kind == "own":
            return {"period": "own"} | {name: day.isoformat() for name, day in (("from", self.first), ("to", self.last)) if day}
        return {} if self.kind == "plan" else {"period": self.kind}


def asked(kind: str, first: str, last: str, *, today: date) -> Period:
    """The period that an address means. Raises Invalid for an unknown one and for days that are none."""
    if kind in ("", "plan"):
        return Period("plan", None, None)
    if kind == "own":
        return Period("own", _day("from", first), _day("to", last))
    if kind not in KINDS:
        raise Invalid(errors=[{"field": "period", "message": "没有这种期间"}])
    return Period(kind, *periods.period(kind, today))


def address(path: str, period: Period, **more: object) -> str:
    """`path` below /console with the period and whatever else is given."""
    query = urlencode({**period.query, **{name: value for name, value in more.items() if value not in (None, "")}})
    return f"{path}?{query}" if query else path


def _day(field: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Invalid(errors=[{"field": field, "message": "日期应写成 2023-02-23"}]) from None
