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
    # SHA-256 over the hash of the entry before and this one's columns; the seal is a keyed hash of it, under the key of this fingerprint.
    hash = fields.CharField(max_length=64, default="")
    key = fields.CharField(max_length=16, default="")
    seal = fields.CharField(max_length=64, default="")

    class Meta:
        table = "audit_entry"
        indexes = (("branch_id", "id"), ("subject", "subject_id"))


class AuditHead(Model):
    """The newest entry, in one row (id 1): who appends holds it, and a log whose end was cut off does not agree with it."""

    id = fields.IntField(primary_key=True, generated=False)
    last_id = fields.BigIntField()
    hash = fields.CharField(max_length=64)
    key = fields.CharField(max_length=16)
    seal = fields.CharField(max_length=64)

    class Meta:
        table = "audit_head"


class AuditCheckpoint(Model):
    """All is well up to the entry `last_id`, which has this hash. Entries up to one of `reason` retention may be removed."""

    id = fields.BigIntField(primary_key=True)
    last_id = fields.BigIntField()
    hash = fields.CharField(max_length=64)
    # adopted (entries from before there was a chain), keys (sealed anew under the newest key) or retention
    reason = fields.CharField(max_length=10)
    at = fields.DatetimeField()
    key = fields.CharField(max_length=16)
    seal = fields.CharField(max_length=64)

    class Meta:
        table = "audit_checkpoint"
