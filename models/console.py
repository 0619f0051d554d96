"""Entering the console: confirmations of a scanned code, second factors and their recovery codes."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from models.members import Member


class ConsoleScan(Model):
    """`member` confirmed on the phone the code that a browser shows, only the SHA-256 of the code is kept."""

    id = fields.BigIntField(primary_key=True)
    code_hash = fields.CharField(max_length=64, unique=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("models.Member", related_name="scans", on_delete=fields.RESTRICT)
    member_id: int
    confirmed_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(db_index=True)
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "console_scan"


class SecondFactor(Model):
    """The secret of one authenticator app, sealed with AES-GCM. `confirmed_at` null: begun, not in force. `last_step`: no code twice."""

    id = fields.BigIntField(primary_key=True)
    member: fields.OneToOneRelation[Member] = fields.OneToOneField("models.Member", related_name="second_factor", on_delete=fields.RESTRICT)
    member_id: int
    secret_sealed = fields.CharField(max_length=255)
    last_step = fields.BigIntField(default=0)
    created_at = fields.DatetimeField()
    confirmed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "second_factor"


class RecoveryCode(Model):
    """A code that stands in once for the app, only its SHA-256 is kept."""

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name="recovery_codes", on_delete=fields.RESTRICT
    )
    member_id: int
    code_hash = fields.CharField(max_length=64, unique=True)
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "recovery_code"
