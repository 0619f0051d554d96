"""Syllabuses; how a text is split; the address of a section; how a day was laid out."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops

from models.tasks import Course
from models.texts import Form


class Migration(migrations.Migration):
    dependencies = [("models", "0002_constraints")]

    operations = [
        ops.CreateModel(
            name="Syllabus",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("key", fields.CharField(unique=True, max_length=30)),
                ("title", fields.CharField(max_length=100)),
            ],
            options={"table": "syllabus", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SyllabusDay",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "syllabus",
                    fields.ForeignKeyField(
                        "models.Syllabus",
                        source_field="syllabus_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="days",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("number", fields.IntField()),
                ("title", fields.CharField(max_length=100)),
                ("guidance", fields.TextField(default="", unique=False)),
                ("aspects", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("units", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("questions", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("is_review", fields.BooleanField(default=False)),
            ],
            options={
                "table": "syllabus_day",
                "app": "models",
                "pk_attr": "id",
                "table_description": '`units`: [{"text", "unit"}] by key, `questions`: keys of shipped questions. A review reads and asks again.',
            },
            bases=["Model"],
        ),
        ops.AddField("StudyPlan", "syllabus", fields.CharField(null=True, max_length=30)),
        ops.AddField("DailyTask", "course", fields.CharEnumField(enum_type=Course, default=Course.EVEN, db_default="even", max_length=20)),
        ops.AddField("Text", "form", fields.CharEnumField(enum_type=Form, default=Form.PARTS, db_default="parts", max_length=20)),
        ops.AddField("Section", "source_url", fields.CharField(default="", db_default="", max_length=500)),
    ]
