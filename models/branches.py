"""Branches (党支部, the tenants, a tree) and their units (党小组 / 专业委员会)."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model


class Branch(Model):
    id = fields.BigIntField(primary_key=True)
    name = fields.CharField(max_length=100)
    parent: fields.ForeignKeyNullableRelation[Branch] = fields.ForeignKeyField(
        "models.Branch", related_name="children", null=True, on_delete=fields.RESTRICT
    )
    # The ids from the root down to this branch, "/1/5/": a subtree is everything that begins with it.
    path = fields.CharField(max_length=255, db_index=True, default="")
    is_demo = fields.BooleanField(default=False)
    # Raised whenever it changes who has which task; what is derived from that is out of date then.
    audience_version = fields.IntField(default=0, db_default=0)
    created_at = fields.DatetimeField()

    class Meta:
        table = "branch"

    @property
    def lineage(self) -> list[int]:
        """Ids of this branch and its ancestors, nearest first."""
        return [int(part) for part in reversed(self.path.strip("/").split("/"))]


class Unit(Model):
    id = fields.BigIntField(primary_key=True)
    branch: fields.ForeignKeyRelation[Branch] = fields.ForeignKeyField("models.Branch", related_name="units", on_delete=fields.RESTRICT)
    name = fields.CharField(max_length=100)
    position = fields.IntField(default=0)

    class Meta:
        table = "unit"
        unique_together = (("branch", "name"),)
        ordering = ("position", "id")
