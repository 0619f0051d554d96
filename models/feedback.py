"""Feedback (投诉建议): a member's complaint or suggestion about the product."""

from __future__ import annotations

from tortoise import fields

from models.answering import Answerable
from models.members import Member


class Feedback(Answerable):
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("models.Member", related_name="feedback", on_delete=fields.RESTRICT)
    member_id: int

    class Meta:
        table = "feedback"
        indexes = (("member_id", "id"),)
