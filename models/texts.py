"""Aspects (九个方面) and the texts to be read word for word: texts, sections, passages.

Content without a branch is shipped and serves everybody; a branch's own text of the same key takes its place
for that branch and those below it.
"""

from __future__ import annotations

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from models.branches import Branch


class Aspect(Model):
    """One of the nine aspects: the id is the number, 1 to 9."""

    id = fields.IntField(primary_key=True, generated=False)
    title = fields.CharField(max_length=100)
    short = fields.CharField(max_length=20)
    guidance = fields.TextField(default="")
    prompt = fields.TextField(default="")

    class Meta:
        table = "aspect"


class Form(StrEnum):
    """How an official text is split: a preface and numbered headings; 总纲 and chapters with articles; one unit."""

    PARTS = "parts"
    CHAPTERS = "chapters"
    WHOLE = "whole"


class Text(Model):
    id = fields.BigIntField(primary_key=True)
    branch: fields.ForeignKeyNullableRelation[Branch] = fields.ForeignKeyField(
        "models.Branch", related_name="texts", null=True, on_delete=fields.RESTRICT
    )
    branch_id: int | None
    key = fields.CharField(max_length=30)
    title = fields.CharField(max_length=200)
    source_url = fields.CharField(max_length=500, default="")
    form = fields.CharEnumField(Form, max_length=20, default=Form.PARTS, db_default="parts")
    imported_at = fields.DatetimeField(null=True)

    class Meta:
        table = "text"
        unique_together = (("branch", "key"),)


class Section(Model):
    """A unit of a text (序言 is number 0), `key` is the name by which questions cite it: s0 … s15."""

    id = fields.BigIntField(primary_key=True)
    text: fields.ForeignKeyRelation[Text] = fields.ForeignKeyField("models.Text", related_name="sections", on_delete=fields.RESTRICT)
    text_id: int
    key = fields.CharField(max_length=20)
    number = fields.IntField()
    title = fields.CharField(max_length=200)
    guidance = fields.TextField(default="")
    # Where the section has an official address of its own; empty: the text's.
    source_url = fields.CharField(max_length=500, default="", db_default="")
    # The aspects that its passages get unless a passage says otherwise: a list of 1..9.
    aspects = fields.JSONField(default=list)

    class Meta:
        table = "section"
        unique_together = (("text", "key"),)
        ordering = ("number",)


class Passage(Model):
    """One paragraph. `body` null stands for a text that was not imported: `source_url` of the text leads to it.

    A passage that an import replaced is `retired_at`: tasks of the past keep it, new ones do not take it.
    """

    id = fields.BigIntField(primary_key=True)
    section: fields.ForeignKeyRelation[Section] = fields.ForeignKeyField(
        "models.Section", related_name="passages", on_delete=fields.RESTRICT
    )
    section_id: int
    number = fields.IntField()
    body = fields.TextField(null=True)
    retired_at = fields.DatetimeField(null=True)

    class Meta:
        table = "passage"
        indexes = (("section_id", "number"),)


class PassageAspect(Model):
    id = fields.BigIntField(primary_key=True)
    passage: fields.ForeignKeyRelation[Passage] = fields.ForeignKeyField("models.Passage", related_name="aspects", on_delete=fields.CASCADE)
    passage_id: int
    aspect: fields.ForeignKeyRelation[Aspect] = fields.ForeignKeyField("models.Aspect", related_name="passages", on_delete=fields.RESTRICT)
    aspect_id: int

    class Meta:
        table = "passage_aspect"
        unique_together = (("passage", "aspect"),)
