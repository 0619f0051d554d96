"""Consents to the privacy notice: which version, when given, when ended."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from models.members import Member


class Consent(Model):
    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("models.Member", related_name="consents", on_delete=fields.RESTRICT)
    version = fields.CharField(max_length=20)
    given_at = fields.DatetimeField()
    withdrawn_at = fields.DatetimeField(null=True)

    class Meta:
        table = "consent"
        indexes = (("member_id", "version"),)
