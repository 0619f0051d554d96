"""What members ask and how it was answered, and the grants for reminders."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from models.corrections import CorrectionSubject
from models.subscriptions import GrantReason


def _id():
    return ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True))


def _member(related, *, column="member", null=False):
    field = fields.ForeignKeyField(
        "models.Member", source_field=f"{column}_id", null=null, db_constraint=True, to_field="id", related_name=related,
        on_delete=OnDelete.RESTRICT,
    )
    return (column, field)


class Migration(migrations.Migration):
    dependencies = [("models", "0010_reviews")]

    operations = [
        ops.AddField("Feedback", "answer", fields.TextField(default="")),
        ops.AddField("Feedback", *_member(False, column="answered_by", null=True)),
        ops.AddField("Feedback", "answered_at", fields.DatetimeField(null=True)),
        ops.AddIndex("Feedback", Index(fields=["member_id", "id"], name="feedback_member")),
        ops.CreateModel(
            name="Correction",
            fields=[
                _id(),
                ("text", fields.TextField()),
                ("created_at", fields.DatetimeField()),
                ("answer", fields.TextField(default="")),
                _member(False, column="answered_by", null=True),
                ("answered_at", fields.DatetimeField(null=True)),
                _member("corrections"),
                ("subject", fields.CharEnumField(CorrectionSubject, max_length=10)),
                ("done", fields.BooleanField(null=True)),
            ],
            options={"table": "correction", "app": "models", "pk_attr": "id", "indexes": [Index(fields=["member_id", "id"])]},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Subscription",
            fields=[
                _id(),
                _member("subscriptions"),
                ("template_id", fields.CharField(max_length=64)),
                ("remaining", fields.IntField(default=0)),
                ("is_on", fields.BooleanField(default=True)),
                ("changed_at", fields.DatetimeField()),
            ],
            options={"table": "subscription", "app": "models", "pk_attr": "id", "unique_together": (("member", "template_id"),)},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="GrantEntry",
            fields=[
                _id(),
                _member("grant_entries"),
                ("template_id", fields.CharField(max_length=64)),
                ("change", fields.IntField()),
                ("reason", fields.CharEnumField(GrantReason, max_length=10)),
                ("prompt", fields.CharField(max_length=64, null=True)),
                ("at", fields.DatetimeField()),
            ],
            options={"table": "grant_entry", "app": "models", "pk_attr": "id", "unique_together": (("member", "template_id", "prompt"),)},
            bases=["Model"],
        ),
    ]
