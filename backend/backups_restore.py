"""Restoring a backup into an empty place: all of it, checked, or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from backend import audit_copy, checks, reminders_daily
from backend import backups_archive as archive
from backend import backups_files as files
from backend.backups_archive import Backup, Manifest
from backend.checks import Finding
from backend.kernel import audit, audit_chain, clock, database, postgres, schema, security, tables
from backend.kernel.database import fetch, transactional
from backend.kernel.errors import Conflict
from backend.kernel.settings import Settings

# What was ended after the backup must not come back to life (docs/decisions/0014), so everything of the kind ends with the restore.
# A backup from before a table existed has none of its rows to end.
ENDED = {
    "session": "UPDATE session SET ended_at = $1 WHERE ended_at IS NULL",
    "console_link": "UPDATE console_link SET expires_at = $1 WHERE used_at IS NULL AND expires_at > $1",
    "invite": "UPDATE invite SET expires_at = $1 WHERE expires_at > $1",
    "console_scan": "UPDATE console_scan SET expires_at = $1 WHERE used_at IS NULL AND expires_at > $1",
    "recovery_code": "UPDATE recovery_code SET used_at = $1 WHERE used_at IS NULL",
}


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back. `migrated`: the migrations that this version added to it; `findings` only where they were to be kept."""

    manifest: Manifest
    migrated: list[str]
    findings: list[Finding]
    knows_the_keys: bool


async def restore(settings: Settings, *, path: Path, keep_findings: bool = False) -> Restored:
    """Puts the backup at `path` into the empty database of the settings, brings it to this version's schema and checks it.

    Every session, unused console link, scanned code, recovery code and invitation ends with it, and no reminder is sent by itself on
    that day. On any failure the place is empty again. Raises, before anything is written, Torn, Conflict `backup_newer`, `other_dialect`,
    `not_empty` or `in_use`; afterwards Conflict `restore_failed`, and `check_failed` when the data break an invariant, unless
    `keep_findings`.
    """
    with archive.opened(path) as backup:
        _refuse_what_does_not_fit(backup.manifest, settings)
        into = _into_file if settings.on_sqlite else _into_server
        findings = await into(settings, backup, keep_findings)
    manifest = backup.manifest
    # What was the end of the audit log is not the end of this one.
    audit_copy.forget(settings)
    return Restored(
        manifest,
        migrated=sorted(tables.known_migrations() - set(manifest.migrations)),
        findings=findings,
        knows_the_keys=set(manifest.keys) <= set(security.fingerprints()),
    )


def _refuse_what_does_not_fit(manifest: Manifest, settings: Settings) -> None:
    unknown = [name for name in manifest.migrations if name not in tables.known_migrations()]
    if unknown:
        sentence = f"这份备份来自更新的版本（daka {manifest.version}，其中的 {unknown[0]} 是本版本没有的）：请先升级 daka，再恢复。"
        raise Conflict(sentence, code="backup_newer")
    if manifest.dialect == "sqlite" and not settings.on_sqlite:
        raise Conflict(
            "这是 SQLite 的备份，不能直接恢复到 PostgreSQL：请先恢复到 SQLite（不设 DAKA_DATABASE_URL），"
            "再用 daka move --to 迁入 PostgreSQL。",
            code="other_dialect",
        )
    if manifest.dialect != "sqlite" and settings.on_sqlite:
        raise Conflict("这是 PostgreSQL 的备份：请在 DAKA_DATABASE_URL 中填写一个空的 PostgreSQL 数据库，再恢复。", code="other_dialect")


def _not_empty(counts: dict[str, int]) -> Conflict:
    known = {word: counts[name] for name, word in checks.COUNTED.items() if name in counts} or counts
    some = "，".join(f"{name} {count}" for name, count in list(known.items())[:3])
    return Conflict(f"目标数据库不是空的（{some}），没有写入任何数据。请换一个空的数据库，或者先把现有的移走。", code="not_empty")


async def refuse_occupied() -> None:
    """Raises Conflict `not_empty` when the open database has a row in a table of ours; one that is freshly migrated has none."""
    present = tables.ours() & set(await tables.present()) - {tables.RECORD}
    counts = {name: count for name, count in (await tables.counts(sorted(present))).items() if count}
    if counts:
        raise _not_empty(counts)


@transactional
async def empty(names: Iterable[str]) -> None:
    """Removes those of these tables that there are (PostgreSQL)."""
    await tables.drop(sorted(set(names) & set(await tables.present())))


# --- what is done with the data once it is in, whatever the database ----------------------------------------------------


async def _settle(manifest: Manifest) -> None:
    """The rows are those of the backup, and nothing of what ends by hand is alive."""
    found = await tables.counts(manifest.counts)
    wrong = [f"{name} 应有 {count} 行，实有 {found[name]} 行" for name, count in manifest.counts.items() if found[name] != count]
    if wrong:
        raise Conflict(f"恢复后的行数与备份不符（{'；'.join(wrong[:3])}）。目标数据库已恢复为空。", code="restore_failed")
    for name in manifest.counts.keys() & ENDED.keys():
        await fetch(ENDED[name], clock.now())


@transactional
async def _finish(keep_findings: bool) -> list[Finding]:
    """On this version's schema: the audit entry, and what `daka check` finds."""
    await audit_chain.adopt()
    await audit.record(None, "backup:restore", subject="backup")
    await reminders_daily.send_nothing_again()
    # A database that was filled a moment ago knows nothing of its sizes, and plans badly.
    await fetch("ANALYZE")
    findings = await checks.broken()
    if findings and not keep_findings:
        raise Conflict(
            "备份中的数据不自洽（备份时即如此），没有恢复。如仍要恢复，请加 --keep-findings，随后用 daka check 查看并更正。",
            code="check_failed",
            extra={"errors": [{"field": finding.sentence, "message": f"{finding.count} 处"} for finding in findings]},
        )
    return findings


# --- SQLite: made ready out of sight, then put in its place -------------------------------------------------------------


async def _into_file(settings: Settings, backup: Backup, keep_findings: bool) -> list[Finding]:
    place = database.sqlite_path(settings)
    place.parent.mkdir(parents=True, exist_ok=True)
    await _refuse_occupied(settings, place)
    with files.beside(place) as folder:
        copy = folder / place.name
        backup.extract(copy)
        there = database.elsewhere(settings, copy)
        async with database.opened(there):
            await _settle(backup.manifest)
        if tables.known_migrations() - set(backup.manifest.migrations):
            await schema.migrate(there)
        async with database.opened(there):
            findings = await _finish(keep_findings)
        await _refuse_occupied(settings, place)
        files.take_place(copy, place)
    return findings


async def _refuse_occupied(settings: Settings, place: Path) -> None:
    """Raises Conflict for a database with rows in it or in use, and for the journal of a lost one, which SQLite would play into ours."""
    if files.holds_something(place):
        if files.is_in_use(place):
            raise Conflict(f"数据库 {place} 正被使用：请先停止服务，再恢复。", code="in_use")
        async with database.opened(settings):
            present = await tables.present()
            counts = {name: count for name, count in (await tables.counts(present)).items() if count and name != tables.RECORD}
        if counts or not set(present) <= tables.ours():
            raise _not_empty(counts or dict.fromkeys(present, 0))
    if left := files.left_journal(place):
        raise Conflict(f"旁边还留有旧数据库的 {left}：请先停止服务，并把它和 {place}-shm 一起移走，再恢复。", code="in_use")


# --- PostgreSQL: one transaction ----------------------------------------------------------------------------------------


async def _into_server(settings: Settings, backup: Backup, keep_findings: bool) -> list[Finding]:
    """The data, and on the backup's own schema also the checks, in one transaction; migrations of a newer version come after it."""
    manifest = backup.manifest
    is_older = bool(tables.known_migrations() - set(manifest.migrations))
    async with database.opened(settings):
        # Whether the server can be reached is another question than whether it takes the data.
        await fetch("SELECT 1")
        try:
            async with database.interruptible():
                await _fill(backup)
                findings = [] if is_older else await _finish(keep_findings)
        except database.REFUSED as error:
            sentence = f"PostgreSQL 拒绝了备份中的内容（{str(error).splitlines()[0]}）。目标数据库未变。"
            raise Conflict(sentence, code="restore_failed") from error
    if is_older:
        findings = await _bring_up(settings, manifest, keep_findings)
    return findings


async def _fill(backup: Backup) -> None:
    await refuse_occupied()
    await empty(tables.ours())
    manifest, connection = backup.manifest, database.driver()
    async with postgres.contents(backup.data(), dumped_by=manifest.dumped_by, schema=manifest.schema) as parts:
        async for part in parts:
            if isinstance(part, postgres.Statements):
                await connection.execute(part.sql)
            else:
                await connection.copy_to_table(part.table, schema_name=part.schema, columns=part.columns, source=part.blocks)
    # The dump sets a search path and more of its own.
    await connection.execute("RESET ALL")
    await _settle(manifest)


async def _bring_up(settings: Settings, manifest: Manifest, keep_findings: bool) -> list[Finding]:
    """Between the two transactions the service refuses to start, for the schema is not the newest."""
    try:
        await schema.migrate(settings)
        async with database.opened(settings):
            return await _finish(keep_findings)
    except BaseException:
        async with database.opened(settings):
            await empty(tables.ours() | set(manifest.counts))
        raise
