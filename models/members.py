"""The real-name roster (实名制): members, their dated standing, roles and one-time invitation codes."""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from models.branches import Branch, Unit


class Status(StrEnum):
    FULL = "full"
    PROBATIONARY = "probationary"
    ACTIVIST = "activist"
    ASSOCIATE = "associate"


class Tier(StrEnum):
    LEADER = "leader"
    EXPERT = "expert"
    EXEMPLAR = "exemplar"
    PEER = "peer"


class Role(StrEnum):
    SECRETARY = "secretary"
    EDITOR = "editor"
    UNIT_HEAD = "unit_head"
    OBSERVER = "observer"


class Member(Model):
    id = fields.BigIntField(primary_key=True)
    branch: fields.ForeignKeyRelation[Branch] = fields.ForeignKeyField("models.Branch", related_name="members", on_delete=fields.RESTRICT)
    branch_id: int
    name = fields.CharField(max_length=60)
    # AES-GCM (backend.kernel.security, purpose "phone") and its keyed hash for look-up.
    phone_sealed = fields.CharField(max_length=255, null=True)
    phone_hash = fields.CharField(max_length=64, null=True, db_index=True)
    post = fields.CharField(max_length=100, default="")
    party_joined_on = fields.DateField(null=True)
    note = fields.CharField(max_length=500, default="")
    joined_on = fields.DateField()
    # The first day on which the person is no longer a member of the branch.
    left_on = fields.DateField(null=True)
    # Set when the person withdrew consent or left and the personal fields were blanked.
    blanked_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "member"
        indexes = (("branch_id", "id"),)
        unique_together = (("branch", "phone_hash"),)


class Standing(Model):
    """Unit, tier and status as dated rows: from `starts_on` (inclusive) to `until` (exclusive, null = open).

    The first row of a member starts on 0001-01-01, so that every date has exactly one.
    """

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("models.Member", related_name="standings", on_delete=fields.RESTRICT)
    member_id: int
    unit: fields.ForeignKeyNullableRelation[Unit] = fields.ForeignKeyField(
        "models.Unit", related_name="standings", null=True, on_delete=fields.RESTRICT
    )
    unit_id: int | None
    tier = fields.CharEnumField(Tier, max_length=20, default=Tier.PEER)
    status = fields.CharEnumField(Status, max_length=20, default=Status.ASSOCIATE)
    starts_on = fields.DateField()
    until = fields.DateField(null=True)

    class Meta:
        table = "standing"
        unique_together = (("member", "starts_on"),)


class RoleGrant(Model):
    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("models.Member", related_name="grants", on_delete=fields.RESTRICT)
    role = fields.CharEnumField(Role, max_length=20)

    class Meta:
        table = "role_grant"
        unique_together = (("member", "role"),)


class Invite(Model):
    """A one-time invitation code, only its SHA-256 is kept. A new one replaces the last."""

    id = fields.BigIntField(primary_key=True)
    member: fields.OneToOneRelation[Member] = fields.OneToOneField("models.Member", related_name="invite", on_delete=fields.RESTRICT)
    code_hash = fields.CharField(max_length=64, unique=True)
    expires_at = fields.DatetimeField()

    class Meta:
        table = "invite"
