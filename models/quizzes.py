"""Answers: every one given is kept, the first to a (member, question, task) counts. Its uniqueness is a partial index of migration 0005."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from models.members import Member
from models.questions import Question


class Answer(Model):
    """`given`: the letters chosen, or [text]. `(task, task_date)` refers to (id, date) of the task."""

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("models.Member", related_name="answers", on_delete=fields.RESTRICT)
    member_id: int
    question: fields.ForeignKeyRelation[Question] = fields.ForeignKeyField(
        "models.Question", related_name="answers", on_delete=fields.RESTRICT
    )
    question_id: int
    task_id = fields.BigIntField()
    task_date = fields.DateField()
    is_first = fields.BooleanField()
    given = fields.JSONField()
    right = fields.BooleanField()
    answered_at = fields.DatetimeField()

    class Meta:
        table = "answer"
        indexes = (("member_id", "question_id", "id"),)


class AnswerTally(Model):
    """First answers of a (member, task) that is not checked in yet, a check-in takes the counts over and removes the row."""

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("models.Member", related_name="tallies", on_delete=fields.RESTRICT)
    member_id: int
    task_id = fields.BigIntField()
    task_date = fields.DateField()
    firsts = fields.IntField()
    rights = fields.IntField()

    class Meta:
        table = "answer_tally"
        unique_together = (("member_id", "task_id", "task_date"),)
