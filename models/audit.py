"""The audit log: what people do to other people's data, to content and to settings. Ids and field names, never personal values."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model


class AuditEntry(Model):
    """`action` is `subject:verb`, e.g. member:unbind. `actor_id` null: the command line or WeChat."""

    id = fields.BigIntField(primary_key=True)
    branch_id = fields.BigIntField(null=True, db_index=True)
    at = fields.DatetimeField()
    actor_id = fields.BigIntField(null=True)
    action = fields.CharField(max_length=60)
    subject = fields.CharField(max_length=30)
    subject_id = fields.BigIntField(null=True)
    fields_changed = fields.JSONField(default=list)
    request_id = fields.CharField(max_length=64, default="")

    class Meta:
        table = "audit_entry"
        indexes = (("branch_id", "id"), ("subject", "subject_id"))
