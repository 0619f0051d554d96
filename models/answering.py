"""What a member asks of the secretary, and the answer: the columns that corrections and feedback have in common."""

from __future__ import annotations

from datetime import datetime

from tortoise import fields
from tortoise.models import Model

from models.members import Member


class Answerable(Model):
    """`answered_by` and `answered_at` are null until it is answered."""

    id = fields.BigIntField(primary_key=True)
    text = fields.TextField()
    created_at: datetime = fields.DatetimeField()
    answer = fields.TextField(default="")
    answered_by: fields.ForeignKeyNullableRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    answered_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        abstract = True
