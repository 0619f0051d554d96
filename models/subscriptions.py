"""Grants (一次性订阅许可) for reminders: what is left of them, and the ledger that says where each one came from and went."""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from models.members import Member


class GrantReason(StrEnum):
    ACCEPT = "accept"
    REJECT = "reject"
    BAN = "ban"
    FILTER = "filter"
    ON = "on"
    OFF = "off"
    SENT = "sent"
    UNKNOWN = "unknown"
    LAPSED = "lapsed"


class Subscription(Model):
    """`remaining`: messages that may still be sent, always the sum of the ledger. `is_on`: the member wants them."""

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name="subscriptions", on_delete=fields.RESTRICT
    )
    member_id: int
    template_id = fields.CharField(max_length=64)
    remaining = fields.IntField(default=0)
    is_on = fields.BooleanField(default=True)
    changed_at = fields.DatetimeField()

    class Meta:
        table = "subscription"
        unique_together = (("member", "template_id"),)


class GrantEntry(Model):
    """One line of the ledger: `change` is +1 for an accepted prompt, negative for what is spent or found gone, else 0.

    `prompt` is the phone's name for one prompt (null for the other lines), so that what is sent again counts once.
    """

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name="grant_entries", on_delete=fields.RESTRICT
    )
    member_id: int
    template_id = fields.CharField(max_length=64)
    change = fields.IntField()
    reason = fields.CharEnumField(GrantReason, max_length=10)
    prompt = fields.CharField(max_length=64, null=True)
    at = fields.DatetimeField()

    class Meta:
        table = "grant_entry"
        unique_together = (("member", "template_id", "prompt"),)
