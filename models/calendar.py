"""Public holidays and make-up working days (调休), one row a date, correctable by an editor of the branch."""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from models.branches import Branch


class DayKind(StrEnum):
    HOLIDAY = "holiday"
    WORKDAY = "workday"


class CalendarDay(Model):
    """A date that differs from its weekday, as a branch entered it, such a year replaces the packaged one for the branch."""

    id = fields.BigIntField(primary_key=True)
    branch: fields.ForeignKeyRelation[Branch] = fields.ForeignKeyField("models.Branch", related_name="calendar", on_delete=fields.RESTRICT)
    branch_id: int
    year = fields.IntField()
    date = fields.DateField()
    kind = fields.CharEnumField(DayKind, max_length=10)
    name = fields.CharField(max_length=30, default="")

    class Meta:
        table = "calendar_day"
        unique_together = (("branch", "date"),)
        indexes = (("branch_id", "year"),)


class CalendarYear(Model):
    """Says that a branch has entered this year itself, also when the year has no special day at all."""

    id = fields.BigIntField(primary_key=True)
    branch: fields.ForeignKeyRelation[Branch] = fields.ForeignKeyField(
        "models.Branch", related_name="calendar_years", on_delete=fields.RESTRICT
    )
    year = fields.IntField()

    class Meta:
        table = "calendar_year"
        unique_together = (("branch", "year"),)
