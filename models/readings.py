"""Readings: a member has marked a passage of a task as read. `(task, task_date)` refers to the task's (id, date)."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from models.members import Member
from models.texts import Passage


class Reading(Model):
    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("models.Member", related_name="readings", on_delete=fields.RESTRICT)
    member_id: int
    passage: fields.ForeignKeyRelation[Passage] = fields.ForeignKeyField(
        "models.Passage", related_name="readings", on_delete=fields.RESTRICT
    )
    passage_id: int
    task_id = fields.BigIntField()
    task_date = fields.DateField()
    read_at = fields.DatetimeField()

    class Meta:
        table = "reading"
        unique_together = (("member_id", "task_id", "passage_id", "task_date"),)
