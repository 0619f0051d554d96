"""What a CreateModel cannot say: partial unique indexes, and the foreign key of study rows to a task's (id, date).

PostgreSQL takes the foreign key as a constraint; SQLite, which cannot add one to a table, as a trigger.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops

STUDY_TABLES = ("check_in", "answer", "answer_tally", "reading", "reflection")


class OnDialect(ops.RunSQL):
    """RunSQL for one dialect, `sqlite` or `postgres`; nothing on the other."""

    def __init__(self, dialect: str, sql: list[str], reverse_sql: list[str]) -> None:
        super().__init__(sql, reverse_sql)
        self.dialect = dialect

    async def _run_sql(self, state_editor, sqls) -> None:
        if state_editor.client.capabilities.dialect != self.dialect:
            return
        for sql in sqls:
            if state_editor.collect_sql:
                state_editor.collected_sql.append(sql)
            else:
                # Straight to the client: the editor would cut a trigger at its semicolon.
                await state_editor.client.execute_query(sql)


def _trigger(table: str) -> str:
    return (
        f"CREATE TRIGGER {table}_task BEFORE INSERT ON {table} "
        "WHEN NOT EXISTS (SELECT 1 FROM daily_task WHERE id = NEW.task_id AND date = NEW.task_date) "
        "BEGIN SELECT RAISE(ABORT, 'FOREIGN KEY constraint failed'); END"
    )


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]

    operations = [
        ops.RunSQL(
            "CREATE UNIQUE INDEX answer_first ON answer (member_id, question_id, task_id, task_date) WHERE is_first",
            "DROP INDEX answer_first",
        ),
        ops.RunSQL("CREATE UNIQUE INDEX text_shipped ON text (key) WHERE branch_id IS NULL", "DROP INDEX text_shipped"),
        OnDialect(
            "postgres",
            [
                f"ALTER TABLE {table} ADD CONSTRAINT {table}_task FOREIGN KEY (task_id, task_date) REFERENCES daily_task (id, date)"
                for table in STUDY_TABLES
            ],
            [f"ALTER TABLE {table} DROP CONSTRAINT {table}_task" for table in STUDY_TABLES],
        ),
        OnDialect(
            "sqlite",
            [
                *(_trigger(table) for table in STUDY_TABLES),
                "CREATE TRIGGER daily_task_date BEFORE UPDATE OF date ON daily_task WHEN NEW.date <> OLD.date "
                "BEGIN SELECT RAISE(ABORT, 'the date of a task never changes'); END",
            ],
            [*(f"DROP TRIGGER {table}_task" for table in STUDY_TABLES), "DROP TRIGGER daily_task_date"],
        ),
    ]
