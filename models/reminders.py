"""Reminders (提醒): the work itself stands in these rows, so that a restart loses none of it. A live one is unique by (member, day):
a partial index of migration 0013."""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from models.branches import Branch
from models.members import Member
from models.plans import StudyPlan


class ReminderState(StrEnum):
    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class ReminderBatch(Model):
    """What was asked for at once: by `asked_by`, or by the daily time of `plan`. `unit_id` narrows to the unit of its head. `key`: of the
    request; unique by (asked_by, key), an index of migration 0014."""

    id = fields.BigIntField(primary_key=True)
    branch: fields.ForeignKeyRelation[Branch] = fields.ForeignKeyField(
        "models.Branch", related_name="reminder_batches", on_delete=fields.RESTRICT
    )
    branch_id: int
    day = fields.DateField()
    unit_id = fields.BigIntField(null=True)
    asked_by: fields.ForeignKeyNullableRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name="reminder_batches", null=True, on_delete=fields.RESTRICT
    )
    plan: fields.ForeignKeyNullableRelation[StudyPlan] = fields.ForeignKeyField(
        "models.StudyPlan", related_name="reminder_batches", null=True, on_delete=fields.RESTRICT
    )
    plan_id: int | None
    key = fields.CharField(max_length=64, null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "reminder_batch"
        unique_together = (("plan", "day"),)
        indexes = (("branch_id", "id"),)


class Reminder(Model):
    """One member on one day. `unit_id`: the member's on that day, 0 = none. `reason`: why it was refused, see rules/reminding.py."""

    id = fields.BigIntField(primary_key=True)
    batch: fields.ForeignKeyRelation[ReminderBatch] = fields.ForeignKeyField(
        "models.ReminderBatch", related_name="reminders", on_delete=fields.RESTRICT
    )
    batch_id: int
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("models.Member", related_name="reminders", on_delete=fields.RESTRICT)
    member_id: int
    task_id = fields.BigIntField()
    day = fields.DateField()
    unit_id = fields.BigIntField(default=0)
    state = fields.CharEnumField(ReminderState, max_length=10)
    reason = fields.CharField(max_length=20, default="")
    claimed_at = fields.DatetimeField(null=True)
    settled_at = fields.DatetimeField(null=True)

    class Meta:
        table = "reminder"
        indexes = (("batch_id", "id"), ("state", "id"))
