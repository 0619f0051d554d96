"""Check-ins (打卡): at most one for a member and task, for ever; and the keys of idempotent requests."""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from models.members import Member


class CheckInKind(StrEnum):
    ON_TIME = "on_time"
    MAKEUP = "makeup"


class CheckIn(Model):
    """`(task, task_date)` refers to (id, date) of the task. `firsts` and `rights`: its first answers that count, and the right ones."""

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("models.Member", related_name="checkins", on_delete=fields.RESTRICT)
    member_id: int
    task_id = fields.BigIntField()
    task_date = fields.DateField()
    kind = fields.CharEnumField(CheckInKind, max_length=10)
    checked_in_at = fields.DatetimeField()
    # The Shanghai day of arrival, stored so that nobody converts time zones in SQL.
    checked_in_on = fields.DateField()
    # Stated by 代录 and by a day finished without a network; null otherwise.
    studied_on = fields.DateField(null=True)
    # Who wrote it down for the member (代录); null when the member did it.
    recorded_by: fields.ForeignKeyNullableRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name="recorded", null=True, on_delete=fields.RESTRICT
    )
    recorded_by_id: int | None
    firsts = fields.IntField(default=0)
    rights = fields.IntField(default=0)
    # Streak and results as first answered; replayed to a repeat.
    receipt = fields.JSONField()
    request_id = fields.CharField(max_length=64, default="")

    class Meta:
        table = "check_in"
        unique_together = (("member_id", "task_id", "task_date"),)
        # On PostgreSQL the unique index is (member, date, task) and serves for both (migration 0005); on SQLite the second one
        # also holds what is counted (migration 0015).
        indexes = (("member_id", "task_date"),)


class IdempotencyKey(Model):
    """The request that a key stood for: SHA-256 of method, path and canonical body. Kept 7 days."""

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("models.Member", related_name="keys", on_delete=fields.RESTRICT)
    key = fields.CharField(max_length=255)
    request_hash = fields.CharField(max_length=64)
    created_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "idempotency_key"
        unique_together = (("member", "key"),)
