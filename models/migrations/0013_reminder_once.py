"""At most one reminder a member and day; what was refused stands in nobody's way."""

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0012_reminders")]

    operations = [
        ops.RunSQL(
            "CREATE UNIQUE INDEX reminder_once ON reminder (member_id, day) WHERE state <> 'refused'",
            "DROP INDEX reminder_once",
        ),
    ]
