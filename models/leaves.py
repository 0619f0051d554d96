"""Leave (请假): a period in which a member is excused. Its reason is for the secretary alone."""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from models.members import Member


class LeaveReason(StrEnum):
    ILLNESS = "illness"
    TRAVEL = "travel"
    FAMILY = "family"
    WORK = "work"
    OTHER = "other"


class LeaveState(StrEnum):
    ASKED = "asked"
    GRANTED = "granted"
    REFUSED = "refused"
    CANCELLED = "cancelled"


class Leave(Model):
    """`starts_on` and `ends_on` are both inclusive, only a granted leave excuses."""

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("models.Member", related_name="leaves", on_delete=fields.RESTRICT)
    member_id: int
    starts_on = fields.DateField()
    ends_on = fields.DateField()
    reason = fields.CharEnumField(LeaveReason, max_length=20)
    note = fields.CharField(max_length=200, default="")
    state = fields.CharEnumField(LeaveState, max_length=20, default=LeaveState.ASKED)
    decided_by: fields.ForeignKeyNullableRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name="decided_leaves", null=True, on_delete=fields.RESTRICT
    )
    created_at = fields.DatetimeField()

    class Meta:
        table = "leave"
        indexes = (("member_id", "state", "starts_on"),)
