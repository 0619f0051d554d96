"""A batch of reminders is asked for once: the same request again finds the batch that it made."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0013_reminder_once")]

    operations = [
        ops.AddField("ReminderBatch", "key", fields.CharField(max_length=64, null=True)),
        ops.RunSQL(
            "CREATE UNIQUE INDEX reminder_batch_key ON reminder_batch (asked_by_id, key)",
            "DROP INDEX reminder_batch_key",
        ),
    ]
