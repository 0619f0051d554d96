"""The kept summaries behind every coverage figure: of a task, and of a period."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from models.branches import Branch
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


class PeriodFigure(Model):
    """The same counts of a branch, a period and an aspect, over the tasks that are rolled up. `aspect_id` 0: every task once."""

    id = fields.BigIntField(primary_key=True)
    branch: fields.ForeignKeyRelation[Branch] = fields.ForeignKeyField("models.Branch", related_name="periods", on_delete=fields.CASCADE)
    branch_id: int
    # A year, a quarter or a month: "2026", "2026-Q3", "2026-09".
    period = fields.CharField(max_length=7)
    aspect_id = fields.IntField(default=0)
    assigned = fields.IntField(default=0)
    excused = fields.IntField(default=0)
    on_time = fields.IntField(default=0)
    makeup = fields.IntField(default=0)
    proxy = fields.IntField(default=0)
    firsts = fields.IntField(default=0)
    rights = fields.IntField(default=0)

    class Meta:
        table = "period_figure"
        unique_together = (("period", "branch_id", "aspect_id"),)
