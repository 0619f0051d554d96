"""Reviews (复习): spaced repetition of one question for one member. They move no figure."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from models.members import Member
from models.questions import Question


class Review(Model):
    """What is known of the memory after the last review: `stability` in days, `difficulty` 1 to 10.

    `given`: the letters chosen, or [text].
    """

    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("models.Member", related_name="reviews", on_delete=fields.RESTRICT)
    member_id: int
    question: fields.ForeignKeyRelation[Question] = fields.ForeignKeyField(
        "models.Question", related_name="reviews", on_delete=fields.RESTRICT
    )
    question_id: int
    stability = fields.FloatField()
    difficulty = fields.FloatField()
    reviewed_on = fields.DateField()
    due_on = fields.DateField()
    given = fields.JSONField()
    right = fields.BooleanField()
    reviewed_at = fields.DatetimeField()

    class Meta:
        table = "review"
        unique_together = (("member_id", "question_id"),)
