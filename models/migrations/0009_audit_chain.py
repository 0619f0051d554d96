"""The audit log becomes a chain: hash and seal of each entry, its head, its checkpoints; and the database refuses to change what is written.

An entry is removed only when a retention checkpoint covers it, and gets its hash once, when it had none.
"""

from importlib import import_module

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

OnDialect = import_module("models.migrations.0002_constraints").OnDialect

_COVERED = "EXISTS (SELECT 1 FROM audit_checkpoint WHERE reason = 'retention' AND last_id >= OLD.id)"
_FUNCTION = f"""
CREATE FUNCTION daka_audit_guard() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF OLD.hash = '' THEN RETURN NEW; END IF;
  ELSIF TG_OP = 'DELETE' THEN
    IF {_COVERED} THEN RETURN OLD; END IF;
  END IF;
  RAISE EXCEPTION 'the audit log is append-only';
END
$guard$
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0008_question_edition")]

    operations = [
        ops.AddField("AuditEntry", "hash", fields.CharField(default="", db_default="", max_length=64)),
        ops.AddField("AuditEntry", "key", fields.CharField(default="", db_default="", max_length=16)),
        ops.AddField("AuditEntry", "seal", fields.CharField(default="", db_default="", max_length=64)),
        ops.CreateModel(
            name="AuditHead",
            fields=[
                ("id", fields.IntField(generated=False, primary_key=True, unique=True, db_index=True)),
                ("last_id", fields.BigIntField()),
                ("hash", fields.CharField(max_length=64)),
                ("key", fields.CharField(max_length=16)),
                ("seal", fields.CharField(max_length=64)),
            ],
            options={"table": "audit_head", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="AuditCheckpoint",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("last_id", fields.BigIntField()),
                ("hash", fields.CharField(max_length=64)),
                ("reason", fields.CharField(max_length=10)),
                ("at", fields.DatetimeField()),
                ("key", fields.CharField(max_length=16)),
                ("seal", fields.CharField(max_length=64)),
            ],
            options={"table": "audit_checkpoint", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        OnDialect(
            "postgres",
            [
                _FUNCTION,
                "CREATE TRIGGER audit_entry_kept BEFORE UPDATE OR DELETE ON audit_entry FOR EACH ROW EXECUTE FUNCTION daka_audit_guard()",
                "CREATE TRIGGER audit_entry_whole BEFORE TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION daka_audit_guard()",
            ],
            [
                "DROP TRIGGER audit_entry_kept ON audit_entry",
                "DROP TRIGGER audit_entry_whole ON audit_entry",
                "DROP FUNCTION daka_audit_guard()",
            ],
        ),
        OnDialect(
            "sqlite",
            [
                "CREATE TRIGGER audit_entry_kept BEFORE UPDATE ON audit_entry WHEN OLD.hash <> '' "
                "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
                f"CREATE TRIGGER audit_entry_whole BEFORE DELETE ON audit_entry WHEN NOT {_COVERED} "
                "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
            ],
            ["DROP TRIGGER audit_entry_kept", "DROP TRIGGER audit_entry_whole"],
        ),
    ]
