"""Daily tasks (每日任务): what one day of a plan asks. A task's date never changes once it is laid out.

A partial index of migration 0005 finds the tasks that are not rolled up yet, by date.
"""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from models.auth import Session
from models.branches import Branch
from models.plans import StudyPlan
from models.questions import Question
from models.texts import Aspect, Passage


class Course(StrEnum):
    """How a day was laid out: evenly, along a syllabus, or as a syllabus's review. A review is no first reading of what it holds."""

    EVEN = "even"
    SYLLABUS = "syllabus"
    REVIEW = "review"


class DailyTask(Model):
    id = fields.BigIntField(primary_key=True)
    plan: fields.ForeignKeyRelation[StudyPlan] = fields.ForeignKeyField("models.StudyPlan", related_name="tasks", on_delete=fields.RESTRICT)
    plan_id: int
    branch: fields.ForeignKeyRelation[Branch] = fields.ForeignKeyField("models.Branch", related_name="tasks", on_delete=fields.RESTRICT)
    branch_id: int
    date = fields.DateField()
    title = fields.CharField(max_length=100)
    guidance = fields.TextField(default="")
    prompt = fields.TextField(default="")
    makeup_until = fields.DateField()
    course = fields.CharEnumField(Course, max_length=20, default=Course.EVEN, db_default="even")
    # Its figures are part of its periods' (models/figures.py).
    rolled_up = fields.BooleanField(default=False, db_default=False)
    # Its aspects as bits, bit 0 for the task itself: kept with its figures (backend/figures.py).
    aspect_bits = fields.IntField(default=1, db_default=1)

    class Meta:
        table = "daily_task"
        unique_together = (("plan", "date"), ("id", "date"))
        indexes = (("branch_id", "date"),)


class TaskAspect(Model):
    id = fields.BigIntField(primary_key=True)
    task: fields.ForeignKeyRelation[DailyTask] = fields.ForeignKeyField(
        "models.DailyTask", related_name="aspects", on_delete=fields.CASCADE
    )
    task_id: int
    aspect: fields.ForeignKeyRelation[Aspect] = fields.ForeignKeyField("models.Aspect", related_name="tasks", on_delete=fields.RESTRICT)
    aspect_id: int

    class Meta:
        table = "task_aspect"
        unique_together = (("task", "aspect"),)


class TaskPassage(Model):
    id = fields.BigIntField(primary_key=True)
    task: fields.ForeignKeyRelation[DailyTask] = fields.ForeignKeyField(
        "models.DailyTask", related_name="passages", on_delete=fields.CASCADE
    )
    task_id: int
    passage: fields.ForeignKeyRelation[Passage] = fields.ForeignKeyField("models.Passage", related_name="tasks", on_delete=fields.RESTRICT)
    passage_id: int
    position = fields.IntField()

    class Meta:
        table = "task_passage"
        unique_together = (("task", "passage"),)
        ordering = ("position",)


class TaskQuestion(Model):
    id = fields.BigIntField(primary_key=True)
    task: fields.ForeignKeyRelation[DailyTask] = fields.ForeignKeyField(
        "models.DailyTask", related_name="questions", on_delete=fields.CASCADE
    )
    task_id: int
    question: fields.ForeignKeyRelation[Question] = fields.ForeignKeyField(
        "models.Question", related_name="tasks", on_delete=fields.RESTRICT
    )
    question_id: int
    position = fields.IntField()

    class Meta:
        table = "task_question"
        unique_together = (("task", "question"),)
        indexes = (("question_id",),)
        ordering = ("position",)


class TaskFetch(Model):
    """`session` fetched `task` on the Shanghai day `fetched_on`: the evidence behind a check-in finished without a network."""

    id = fields.BigIntField(primary_key=True)
    session: fields.ForeignKeyRelation[Session] = fields.ForeignKeyField("models.Session", related_name="fetches", on_delete=fields.CASCADE)
    task: fields.ForeignKeyRelation[DailyTask] = fields.ForeignKeyField(
        "models.DailyTask", related_name="fetches", on_delete=fields.CASCADE
    )
    fetched_on = fields.DateField()

    class Meta:
        table = "task_fetch"
        unique_together = (("session", "task", "fetched_on"),)
