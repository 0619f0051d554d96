"""The figures of periods, the tasks that are part of them, and a branch's count of changes to who has which task."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

COUNTS = ("assigned", "excused", "on_time", "makeup", "proxy", "firsts", "rights")


class AddColumn(ops.AddField):
    """AddField that can be taken back on SQLite too, where the tool would make the table anew and trip over its triggers."""

    async def database_backward(self, app_label, old_state, new_state, state_editor=None) -> None:
        table = old_state.apps.get_model(f"{app_label}.{self.model_name}")._meta.db_table
        await ops.RunSQL("", f"ALTER TABLE {table} DROP COLUMN {self.name}").database_backward(app_label, old_state, new_state, state_editor)


class Migration(migrations.Migration):
    dependencies = [("models", "0005_months")]

    operations = [
        ops.CreateModel(
            name="PeriodFigure",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("branch", fields.ForeignKeyField("models.Branch", source_field="branch_id", related_name="periods", on_delete=OnDelete.CASCADE)),
                ("period", fields.CharField(max_length=7)),
                ("aspect_id", fields.IntField(default=0)),
                *((name, fields.IntField(default=0)) for name in COUNTS),
            ],
            options={
                "table": "period_figure",
                "app": "models",
                "unique_together": (("period", "branch_id", "aspect_id"),),
                "pk_attr": "id",
                "table_description": "The same counts of a branch, a period and an aspect, over the tasks that are rolled up. "
                "`aspect_id` 0: every task once.",
            },
            bases=["Model"],
        ),
        AddColumn(model_name="Branch", name="audience_version", field=fields.IntField(default=0, db_default=0)),
        AddColumn(model_name="DailyTask", name="rolled_up", field=fields.BooleanField(default=False, db_default=False)),
        ops.RunSQL("CREATE INDEX daily_task_live ON daily_task (date) WHERE NOT rolled_up", "DROP INDEX daily_task_live"),
    ]
