"""Syllabuses (学习大纲): day by day what a plan reads and asks. Shipped with the content pack, the same for every branch."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model


class Syllabus(Model):
    id = fields.BigIntField(primary_key=True)
    key = fields.CharField(max_length=30, unique=True)
    title = fields.CharField(max_length=100)

    class Meta:
        table = "syllabus"


class SyllabusDay(Model):
    """`units`: [{"text", "unit"}] by key, `questions`: keys of shipped questions. A review reads and asks again."""

    id = fields.BigIntField(primary_key=True)
    syllabus: fields.ForeignKeyRelation[Syllabus] = fields.ForeignKeyField("models.Syllabus", related_name="days", on_delete=fields.CASCADE)
    syllabus_id: int
    number = fields.IntField()
    title = fields.CharField(max_length=100)
    guidance = fields.TextField(default="")
    aspects = fields.JSONField()
    units = fields.JSONField()
    questions = fields.JSONField()
    is_review = fields.BooleanField(default=False)

    class Meta:
        table = "syllabus_day"
        ordering = ("number",)
