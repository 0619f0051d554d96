"""Feedback (投诉建议): a member's complaint or suggestion about the product."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from models.members import Member


class Feedback(Model):
    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("models.Member", related_name="feedback", on_delete=fields.RESTRICT)
    text = fields.TextField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "feedback"
