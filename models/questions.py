"""The question bank. A question without a branch is shipped; others belong to the branch that wrote them."""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from models.branches import Branch
from models.members import Member
from models.texts import Aspect, Passage


class Kind(StrEnum):
    SINGLE = "single"
    MULTIPLE = "multiple"
    TRUE_FALSE = "true_false"
    BLANK = "blank"


class Question(Model):
    """`options`: [{"key", "text"}], `answer`: letters, ["true"|"false"], or the accepted texts of a blank."""

    id = fields.BigIntField(primary_key=True)
    branch: fields.ForeignKeyNullableRelation[Branch] = fields.ForeignKeyField(
        "models.Branch", related_name="questions", null=True, on_delete=fields.RESTRICT
    )
    branch_id: int | None
    # The shipped pack's own name for it, stable across versions; null for a branch's own.
    key = fields.CharField(max_length=40, null=True, unique=True)
    kind = fields.CharEnumField(Kind, max_length=20)
    stem = fields.TextField()
    options = fields.JSONField(default=list)
    answer = fields.JSONField()
    explanation = fields.TextField(default="")
    # Where the right answer stands: text and section by key, and a phrase of at most 15 characters to find there.
    source_text = fields.CharField(max_length=30, default="report")
    source_section = fields.CharField(max_length=20, default="")
    locator = fields.CharField(max_length=15, default="")
    level = fields.IntField(default=1)
    created_at = fields.DatetimeField()

    class Meta:
        table = "question"
        indexes = (("branch_id", "id"),)


class QuestionAspect(Model):
    id = fields.BigIntField(primary_key=True)
    question: fields.ForeignKeyRelation[Question] = fields.ForeignKeyField(
        "models.Question", related_name="aspects", on_delete=fields.CASCADE
    )
    question_id: int
    aspect: fields.ForeignKeyRelation[Aspect] = fields.ForeignKeyField("models.Aspect", related_name="questions", on_delete=fields.RESTRICT)
    aspect_id: int

    class Meta:
        table = "question_aspect"
        unique_together = (("question", "aspect"),)


class QuestionPlace(Model):
    """The passage in which the locator of a question was found, one for each imported text that has it."""

    id = fields.BigIntField(primary_key=True)
    question: fields.ForeignKeyRelation[Question] = fields.ForeignKeyField(
        "models.Question", related_name="places", on_delete=fields.CASCADE
    )
    question_id: int
    passage: fields.ForeignKeyRelation[Passage] = fields.ForeignKeyField("models.Passage", related_name="places", on_delete=fields.CASCADE)
    passage_id: int

    class Meta:
        table = "question_place"
        unique_together = (("question", "passage"),)


class Withdrawal(Model):
    """`question` no longer counts in `branch` and the branches below it, a shipped question can be withdrawn by each branch for itself."""

    id = fields.BigIntField(primary_key=True)
    question: fields.ForeignKeyRelation[Question] = fields.ForeignKeyField(
        "models.Question", related_name="withdrawals", on_delete=fields.RESTRICT
    )
    question_id: int
    branch: fields.ForeignKeyRelation[Branch] = fields.ForeignKeyField(
        "models.Branch", related_name="withdrawals", on_delete=fields.RESTRICT
    )
    branch_id: int
    created_at = fields.DatetimeField()

    class Meta:
        table = "withdrawal"
        unique_together = (("question", "branch"),)


class QuestionEdition(Model):
    """What `question` said until `replaced_at`: answers given before it were graded against this."""

    id = fields.BigIntField(primary_key=True)
    question: fields.ForeignKeyRelation[Question] = fields.ForeignKeyField(
        "models.Question", related_name="editions", on_delete=fields.CASCADE
    )
    question_id: int
    replaced_at = fields.DatetimeField()
    replaced_by: fields.ForeignKeyNullableRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name="replaced_questions", null=True, on_delete=fields.SET_NULL
    )
    replaced_by_id: int | None
    # kind, stem, options, answer, explanation, source_section, locator, aspects
    content = fields.JSONField()

    class Meta:
        table = "question_edition"
        indexes = (("question_id",),)
