"""Reflections (心得体会): a member's own words, sent with a check-in. Nobody else reads them before the checks and a person's approval."""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from models.members import Member


class ReflectionState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


class Reflection(Model):
    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name="reflections", on_delete=fields.RESTRICT
    )
    member_id: int
    task_id = fields.BigIntField()
    task_date = fields.DateField()
    body = fields.TextField()
    state = fields.CharEnumField(ReflectionState, max_length=10, default=ReflectionState.PENDING)
    written_at = fields.DatetimeField()

    class Meta:
        table = "reflection"
        unique_together = (("member", "task_id", "task_date"),)
