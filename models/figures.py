"""The kept summary behind every coverage figure: one row for a task and the members of one (unit, tier, status) on its date."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from models.members import Status, Tier
from models.tasks import DailyTask


class TaskFigure(Model):
    """Counts of (member, task) pairs. `unit_id` 0 = no unit. done = on_time + makeup + proxy, `assigned` has no excused pair in it."""

    id = fields.BigIntField(primary_key=True)
    task: fields.ForeignKeyRelation[DailyTask] = fields.ForeignKeyField(
        "models.DailyTask", related_name="figures", on_delete=fields.CASCADE
    )
    task_id: int
    unit_id = fields.BigIntField(default=0)
    tier = fields.CharEnumField(Tier, max_length=20)
    status = fields.CharEnumField(Status, max_length=20)
    assigned = fields.IntField(default=0)
    excused = fields.IntField(default=0)
    on_time = fields.IntField(default=0)
    makeup = fields.IntField(default=0)
    proxy = fields.IntField(default=0)
    firsts = fields.IntField(default=0)
    rights = fields.IntField(default=0)

    class Meta:
        table = "task_figure"
        unique_together = (("task", "unit_id", "tier", "status"),)
