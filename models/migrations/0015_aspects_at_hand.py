"""What the figures of members read: a task's aspects in its row, and on SQLite check-ins from their index alone, as on PostgreSQL."""

from importlib import import_module

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

OnDialect = import_module("models.migrations.0002_constraints").OnDialect
AddColumn = import_module("models.migrations.0006_roll_up").AddColumn

_INDEX = "idx_check_in_member__237fc6"
_OF_DAYS = f"CREATE INDEX {_INDEX} ON check_in (member_id, task_date{{more}})"
_DROPPED = f"DROP INDEX {_INDEX}"


class Migration(migrations.Migration):
    dependencies = [("models", "0014_reminder_key")]

    operations = [
        AddColumn("DailyTask", "aspect_bits", fields.IntField(default=1, db_default=1)),
        ops.RunSQL(
            "UPDATE daily_task SET aspect_bits = "
            "1 + COALESCE((SELECT SUM(1 << ta.aspect_id) FROM task_aspect ta WHERE ta.task_id = daily_task.id), 0)",
            "SELECT 1",
        ),
        OnDialect(
            "sqlite",
            [_DROPPED, _OF_DAYS.format(more=", task_id, kind, recorded_by_id, firsts, rights")],
            [_DROPPED, _OF_DAYS.format(more="")],
        ),
    ]
