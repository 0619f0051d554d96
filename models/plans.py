"""Study plans (学习计划) and their audience as dated rows."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from models.branches import Branch
from models.members import Member


class StudyPlan(Model):
    """`weekdays`: ISO 1..7, `aspects`: 1..9 in order, `units`, `tiers`, `statuses`: who it is for, each empty = all."""

    id = fields.BigIntField(primary_key=True)
    branch: fields.ForeignKeyRelation[Branch] = fields.ForeignKeyField("models.Branch", related_name="plans", on_delete=fields.RESTRICT)
    branch_id: int
    title = fields.CharField(max_length=100)
    starts_on = fields.DateField()
    ends_on = fields.DateField()
    weekdays = fields.JSONField()
    aspects = fields.JSONField()
    units = fields.JSONField(default=list)
    tiers = fields.JSONField(default=list)
    statuses = fields.JSONField(default=list)
    questions_per_day = fields.IntField(default=3)
    makeup_days = fields.IntField(default=7)
    # The key of the syllabus that the first days follow; null: every day is laid out evenly.
    syllabus = fields.CharField(max_length=30, null=True)
    skip_holidays = fields.BooleanField(default=True)
    count_workdays = fields.BooleanField(default=False)
    # A warning to show with the plan (a year without an official calendar was taken as plain weekdays).
    warning = fields.CharField(max_length=200, default="")
    # HH:MM in Shanghai time at which those who are missing are reminded, from that day on; null: never.
    remind_at = fields.CharField(max_length=5, null=True)
    remind_from = fields.DateField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "study_plan"
        indexes = (("branch_id", "starts_on"),)


class PlanMember(Model):
    """`member` is in the audience of `plan` from `starts_on` (inclusive) to `until` (exclusive, null = open)."""

    id = fields.BigIntField(primary_key=True)
    plan: fields.ForeignKeyRelation[StudyPlan] = fields.ForeignKeyField(
        "models.StudyPlan", related_name="audience", on_delete=fields.RESTRICT
    )
    plan_id: int
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("models.Member", related_name="audiences", on_delete=fields.RESTRICT)
    member_id: int
    starts_on = fields.DateField()
    until = fields.DateField(null=True)

    class Meta:
        table = "plan_member"
        unique_together = (("plan", "member", "starts_on"),)
        indexes = (("member_id", "plan_id"),)
