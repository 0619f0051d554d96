"""WeChat accounts, sessions, one-time console links and the counting of guesses."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from models.members import Member


class Account(Model):
    """One WeChat openid, bound to at most one member."""

    id = fields.BigIntField(primary_key=True)
    openid = fields.CharField(max_length=64, unique=True)
    member: fields.OneToOneNullableRelation[Member] = fields.OneToOneField(
        "models.Member", related_name="account", null=True, on_delete=fields.RESTRICT
    )
    member_id: int | None
    bound_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "account"


class Session(Model):
    """An opaque token as a row: SHA-256 only. `member` is null until the account is bound. `kind`: mini or console."""

    id = fields.BigIntField(primary_key=True)
    token_hash = fields.CharField(max_length=64, unique=True)
    kind = fields.CharField(max_length=10, default="mini")
    account: fields.ForeignKeyNullableRelation[Account] = fields.ForeignKeyField(
        "models.Account", related_name="sessions", null=True, on_delete=fields.CASCADE
    )
    account_id: int | None
    member: fields.ForeignKeyNullableRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name="sessions", null=True, on_delete=fields.RESTRICT
    )
    member_id: int | None
    device = fields.CharField(max_length=100, default="")
    created_at = fields.DatetimeField()
    seen_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(db_index=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "session"
        indexes = (("member_id", "ended_at"), ("account_id",))


class ConsoleLink(Model):
    """A one-time link into the console, only the SHA-256 of its token is kept."""

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("models.Member", related_name="links", on_delete=fields.RESTRICT)
    token_hash = fields.CharField(max_length=64, unique=True)
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "console_link"


class Guess(Model):
    """Failed attempts at one target or from one address in one window, counted here so that the limit holds across processes."""

    id = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=20)
    # A keyed hash of the target (name, code) or of the address.
    subject = fields.CharField(max_length=64)
    window_starts_at = fields.DatetimeField()
    count = fields.IntField(default=0)

    class Meta:
        table = "guess"
        unique_together = (("kind", "subject", "window_starts_at"),)
        indexes = (("window_starts_at",),)
