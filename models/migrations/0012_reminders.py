"""Reminders: batches, one row a member and day, and a daily time for each plan."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.reminders import ReminderState


def _id():
    return ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True))


def _to(model, name, related, *, null=False):
    field = fields.ForeignKeyField(
        f"models.{model}", source_field=f"{name}_id", null=null, db_constraint=True, to_field="id", related_name=related,
        on_delete=OnDelete.RESTRICT,
    )
    return (name, field)


class Migration(migrations.Migration):
    dependencies = [("models", "0011_requests")]

    operations = [
        ops.AddField("StudyPlan", "remind_at", fields.CharField(max_length=5, null=True)),
        ops.AddField("StudyPlan", "remind_from", fields.DateField(null=True)),
        ops.CreateModel(
            name="ReminderBatch",
            fields=[
                _id(),
                _to("Branch", "branch", "reminder_batches"),
                ("day", fields.DateField()),
                ("unit_id", fields.BigIntField(null=True)),
                _to("Member", "asked_by", "reminder_batches", null=True),
                _to("StudyPlan", "plan", "reminder_batches", null=True),
                ("created_at", fields.DatetimeField()),
            ],
            options={
                "table": "reminder_batch", "app": "models", "pk_attr": "id", "unique_together": (("plan", "day"),),
                "indexes": [Index(fields=["branch_id", "id"])],
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Reminder",
            fields=[
                _id(),
                _to("ReminderBatch", "batch", "reminders"),
                _to("Member", "member", "reminders"),
                ("task_id", fields.BigIntField()),
                ("day", fields.DateField()),
                ("unit_id", fields.BigIntField(default=0)),
                ("state", fields.CharEnumField(ReminderState, max_length=10)),
                ("reason", fields.CharField(max_length=20, default="")),
                ("claimed_at", fields.DatetimeField(null=True)),
                ("settled_at", fields.DatetimeField(null=True)),
            ],
            options={
                "table": "reminder", "app": "models", "pk_attr": "id",
                "indexes": [Index(fields=["batch_id", "id"]), Index(fields=["state", "id"])],
            },
            bases=["Model"],
        ),
    ]
