"""What is known of a member's memory of one question."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0009_audit_chain")]

    operations = [
        ops.CreateModel(
            name="Review",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("member", fields.ForeignKeyField("models.Member", source_field="member_id", related_name="reviews", on_delete=OnDelete.RESTRICT)),
                (
                    "question",
                    fields.ForeignKeyField("models.Question", source_field="question_id", related_name="reviews", on_delete=OnDelete.RESTRICT),
                ),
                ("stability", fields.FloatField()),
                ("difficulty", fields.FloatField()),
                ("reviewed_on", fields.DateField()),
                ("due_on", fields.DateField()),
                ("given", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("right", fields.BooleanField()),
                ("reviewed_at", fields.DatetimeField()),
            ],
            options={
                "table": "review",
                "app": "models",
                "unique_together": (("member_id", "question_id"),),
                "pk_attr": "id",
                "table_description": "What is known of the memory after the last review: `stability` in days, `difficulty` 1 to 10.",
            },
            bases=["Model"],
        ),
    ]
