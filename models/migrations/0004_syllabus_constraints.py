"""A syllabus has each day once."""

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0003_syllabus")]

    operations = [
        ops.RunSQL(
            "CREATE UNIQUE INDEX syllabus_day_number ON syllabus_day (syllabus_id, number)",
            "DROP INDEX syllabus_day_number",
        ),
    ]
