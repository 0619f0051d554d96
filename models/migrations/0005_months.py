"""Study rows by month: on PostgreSQL check-ins, answers, readings and reflections become tables partitioned by task_date.

What is there is copied. The tables keep their names, columns, sequences, foreign keys and unique constraints, so that code of before goes
on running; while the rows are copied it waits. A partition is named for its month, check_in_2026_09; what has none goes to
check_in_default, which the code empties (backend/months.py). On both databases the indexes go that nobody asks, and two come that were
missed (docs/decisions/0019).
"""

from importlib import import_module

from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import UniqueConstraint

OnDialect = import_module("models.migrations.0002_constraints").OnDialect

ANSWER_FIRST = "CREATE UNIQUE INDEX answer_first ON answer ({columns}) WHERE is_first"

# In the order in which a check-in touches them, so that the two cannot block each other. Each with its keys: how they are named, what
# they are when the table is partitioned, and what they were.
_TASK = "FOREIGN KEY (task_id, task_date) REFERENCES daily_task (id, date)"
_MEMBER = "FOREIGN KEY (member_id) REFERENCES member (id) ON DELETE RESTRICT"
# The date before the task: it also finds a member's days. What the figures of members need is in the index itself.
_OF_DAYS = "UNIQUE (member_id, task_date, task_id) INCLUDE (kind, recorded_by_id, firsts, rights)"
TABLES: dict[str, dict[str, tuple[str, str]]] = {
    "check_in": {
        "check_in_pkey": ("PRIMARY KEY (id, task_date)", "PRIMARY KEY (id)"),
        "uid_check_in_member__6f9d19": (_OF_DAYS, "UNIQUE (member_id, task_id, task_date)"),
        "check_in_member_id_fkey": (_MEMBER, _MEMBER),
        "check_in_recorded_by_id_fkey": 2 * (_MEMBER.replace("member_id", "recorded_by_id"),),
        "check_in_task": (_TASK, _TASK),
    },
    "reading": {
        "reading_pkey": ("PRIMARY KEY (id, task_date)", "PRIMARY KEY (id)"),
        "uid_reading_member__d571b1": 2 * ("UNIQUE (member_id, task_id, passage_id, task_date)",),
        "reading_member_id_fkey": (_MEMBER, _MEMBER),
        "reading_passage_id_fkey": 2 * ("FOREIGN KEY (passage_id) REFERENCES passage (id) ON DELETE RESTRICT",),
        "reading_task": (_TASK, _TASK),
    },
    "answer": {
        "answer_pkey": ("PRIMARY KEY (id, task_date)", "PRIMARY KEY (id)"),
        "answer_member_id_fkey": (_MEMBER, _MEMBER),
        "answer_question_id_fkey": 2 * ("FOREIGN KEY (question_id) REFERENCES question (id) ON DELETE RESTRICT",),
        "answer_task": (_TASK, _TASK),
    },
    "reflection": {
        "reflection_pkey": ("PRIMARY KEY (id, task_date)", "PRIMARY KEY (id)"),
        "uid_reflection_member__5eb47b": ("UNIQUE (member_id, task_id, task_date)", "UNIQUE (member_id, task_id)"),
        "reflection_member_id_fkey": (_MEMBER, _MEMBER),
        "reflection_task": (_TASK, _TASK),
    },
}

# The months that have a task, the last one, this one and the two to come.
_MONTHS = """
DO $$ DECLARE month date; BEGIN
  FOR month IN
    SELECT date_trunc('month', date)::date FROM daily_task
    UNION SELECT (date_trunc('month', now() AT TIME ZONE 'Asia/Shanghai') + step * interval '1 month')::date FROM generate_series(-1, 2) step
  LOOP
    EXECUTE format('CREATE TABLE %I PARTITION OF {table} FOR VALUES FROM (%L) TO (%L)',
      '{table}_' || to_char(month, 'YYYY_MM'), month, (month + interval '1 month')::date);
  END LOOP;
END $$
"""


def _rebuilt(table: str, form: int, partitioned: str, *inside: str) -> list[str]:
    """The table made anew with its rows and keys in this form (0: partitioned, 1: as before)."""
    keys = ", ".join(f"ADD CONSTRAINT {name} {forms[form]}" for name, forms in TABLES[table].items())
    return [
        f"ALTER TABLE {table} RENAME TO {table}_before",
        f"CREATE TABLE {table} (LIKE {table}_before INCLUDING DEFAULTS INCLUDING COMMENTS) {partitioned}",
        *(sql.replace("{table}", table) for sql in inside),
        f"INSERT INTO {table} SELECT * FROM {table}_before",
        f"ALTER SEQUENCE {table}_id_seq OWNED BY {table}.id",
        f"DROP TABLE {table}_before",
        f"ALTER TABLE {table} {keys}",
        f"ANALYZE {table}",
    ]


_ALONE = f"LOCK TABLE {', '.join(TABLES)} IN ACCESS EXCLUSIVE MODE"
PARTITIONED = [
    _ALONE,
    *(
        sql
        for table in TABLES
        for sql in _rebuilt(table, 0, "PARTITION BY RANGE (task_date)", "CREATE TABLE {table}_default PARTITION OF {table} DEFAULT", _MONTHS)
    ),
]
WHOLE = [_ALONE, *(sql for table in TABLES for sql in _rebuilt(table, 1, ""))]


class InStateOnly(ops.TortoiseOperation):
    """What PARTITIONED has done to PostgreSQL already, and what SQLite, whose constraint is the same or narrower, need not do."""

    def __init__(self, done: ops.TortoiseOperation) -> None:
        self.done = done

    def state_forward(self, app_label, state) -> None:
        self.done.state_forward(app_label, state)

    async def database_forward(self, app_label, old_state, new_state, state_editor=None) -> None:
        pass

    async def database_backward(self, app_label, old_state, new_state, state_editor=None) -> None:
        pass


class Migration(migrations.Migration):
    dependencies = [("models", "0004_syllabus_constraints")]

    operations = [
        ops.RemoveIndex(model_name="Answer", fields=["member_id", "task_id"]),
        ops.RemoveIndex(model_name="Answer", fields=["question_id"]),
        ops.RemoveIndex(model_name="Answer", fields=["task_id", "task_date"]),
        ops.RemoveIndex(model_name="AnswerTally", fields=["task_id", "task_date"]),
        ops.RemoveIndex(model_name="CheckIn", fields=["task_id", "task_date"]),
        ops.RemoveIndex(model_name="Reading", fields=["passage_id"]),
        ops.RemoveIndex(model_name="Reading", fields=["task_id", "task_date"]),
        ops.RunSQL("DROP INDEX answer_first", ANSWER_FIRST.format(columns="member_id, question_id, task_id, task_date")),
        OnDialect("postgres", PARTITIONED, WHOLE),
        # The task before the question: it also finds what a member has answered of a task.
        ops.RunSQL(ANSWER_FIRST.format(columns="member_id, task_id, question_id, task_date"), "DROP INDEX answer_first"),
        ops.AddIndex(model_name="Guess", index=Index(fields=["window_starts_at"])),
        ops.AddIndex(model_name="Session", index=Index(fields=["account_id"])),
        ops.AddIndex(model_name="Answer", index=Index(fields=["member_id", "question_id", "id"])),
        InStateOnly(ops.RemoveConstraint(model_name="Reflection", fields=["member", "task_id"])),
        InStateOnly(ops.AddConstraint(model_name="Reflection", constraint=UniqueConstraint(fields=("member", "task_id", "task_date")))),
    ]
