"""Events that WeChat pushed; the unique key makes a repeated one harmless."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model


class PushEvent(Model):
    id = fields.BigIntField(primary_key=True)
    key = fields.CharField(max_length=64, unique=True)
    event = fields.CharField(max_length=60)
    received_at = fields.DatetimeField()

    class Meta:
        table = "push_event"
