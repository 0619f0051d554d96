"""What a question said before it was changed."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0007_console")]

    operations = [
        ops.CreateModel(
            name="QuestionEdition",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "question",
                    fields.ForeignKeyField(
                        "models.Question",
                        source_field="question_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="editions",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("replaced_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "replaced_by",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="replaced_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="replaced_questions",
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("content", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={
                "table": "question_edition",
                "app": "models",
                "indexes": [Index(fields=["question_id"])],
                "pk_attr": "id",
                "table_description": "What `question` said until `replaced_at`: answers given before it were graded against this.",
            },
            bases=["Model"],
        ),
    ]
