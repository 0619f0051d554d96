"""Backup and restore on either database: what is refused leaves nothing behind, and what is restored is the same data without its keys."""

from __future__ import annotations

import errno
import stat
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from installations import Installation, apart, installation
from people import Cast, add_plan, build_cast

from backend import backups, backups_archive, backups_files, backups_restore, checks, console_links, members, reminders_daily, sessions
from backend.backups_archive import Manifest
from backend.kernel import clock, database, schema, tables
from backend.kernel import settings as kernel_settings
from backend.kernel.errors import DakaError, Unauthorised
from backend.kernel.settings import Settings
from models.console import ConsoleScan, RecoveryCode
from models.plans import StudyPlan
from models.reminders import Reminder, ReminderBatch

TODAY = clock.today()


@dataclass
class Saved:
    """An installation with a branch and a few days of tasks, its backup, and what lets people in."""

    of: Installation
    cast: Cast
    backup: Path
    manifest: Manifest
    link: str
    code: str


@pytest.fixture(scope="module")
async def saved(settings: Settings, blank: Installation, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Saved]:
    folder = tmp_path_factory.mktemp("saved")
    async with apart(settings), installation(settings, folder) as own:
        await own.become(blank)
        async with own.opened():
            cast = await build_cast()
            await add_plan(cast, days=[TODAY - timedelta(days=1), TODAY])
            link = await console_links.create(None, member_id=cast.secretary.id)
            code = (await members.invite(None, member_id=cast.alice.id))["invite_code"]
            await RecoveryCode.create(member_id=cast.secretary.id, code_hash="5" * 64)
            now = clock.now()
            await ConsoleScan.create(
                member_id=cast.secretary.id, code_hash="6" * 64, confirmed_at=now, expires_at=now + timedelta(minutes=2)
            )  # fmt: skip
        manifest = await backups.take(own.settings, path=folder / "saved.daka")
        yield Saved(own, cast, folder / "saved.daka", manifest, link, code)


@pytest.fixture
async def place(saved: Saved, tmp_path: Path) -> AsyncIterator[Installation]:
    """An empty place."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(installation(saved.of.settings, tmp_path))


def rewritten(saved: Saved, folder: Path, **changed) -> Path:
    """The same backup with a manifest that says something else, sealed as it should be."""
    with backups_archive.opened(saved.backup) as backup:
        backup.extract(folder / backup.manifest.payload.name)
        backups_archive.write(
            folder / "rewritten.daka", msgspec.structs.replace(backup.manifest, **changed), folder / backup.manifest.payload.name
        )  # fmt: skip
    return folder / "rewritten.daka"


async def refused(place: Installation, path: Path, **options) -> DakaError:
    with pytest.raises(DakaError) as error:
        await backups_restore.restore(place.settings, path=path, **options)
    return error.value


# --- what is refused --------------------------------------------------------------------------------------------------


async def test_a_torn_backup_is_refused_and_the_place_stays_empty(saved: Saved, place: Installation, tmp_path: Path):
    whole = saved.backup.read_bytes()
    cuts = [whole[: len(whole) * part // 8] for part in range(8)] + [whole[:-1]]
    turned = [whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :] for at in range(100, len(whole), len(whole) // 16)]
    for number, content in enumerate([*cuts, *turned]):
        (tmp_path / "torn").write_bytes(content)
        assert (await refused(place, tmp_path / "torn")).code == "backup_torn", number
    assert await place.is_empty()


async def test_a_backup_of_a_newer_version_is_refused_by_name(saved: Saved, place: Installation, tmp_path: Path):
    later = rewritten(saved, tmp_path, migrations=[*saved.manifest.migrations, "0099_later"], version="9.0.0")
    error = await refused(place, later)
    assert error.code == "backup_newer" and "0099_later" in error.detail and "9.0.0" in error.detail
    assert await place.is_empty()


async def test_rows_that_are_not_those_of_the_manifest_leave_the_place_empty(saved: Saved, place: Installation, tmp_path: Path):
    counts = {**saved.manifest.counts, "member": saved.manifest.counts["member"] + 1}
    error = await refused(place, rewritten(saved, tmp_path, counts=counts))
    assert error.code == "restore_failed" and "member" in error.detail
    assert await place.is_empty()


async def test_a_place_with_anything_in_it_is_refused_and_keeps_it(saved: Saved, place: Installation, tmp_path: Path):
    await place.become(saved.of)
    before = await place.rows("SELECT id, name FROM member ORDER BY id")
    error = await refused(place, saved.backup)
    assert error.code == "not_empty" and "名册人员 8" in error.detail
    assert await place.rows("SELECT id, name FROM member ORDER BY id") == before


async def test_data_that_break_an_invariant_are_not_restored_unless_asked_for(saved: Saved, place: Installation, tmp_path: Path):
    await saved.of.rows("UPDATE task_figure SET assigned = assigned + 1")
    try:
        await backups.take(saved.of.settings, path=tmp_path / "broken.daka")
    finally:
        await saved.of.rows("UPDATE task_figure SET assigned = assigned - 1")
    error = await refused(place, tmp_path / "broken.daka")
    assert error.code == "check_failed" and error.extra["errors"][0]["field"] == "覆盖率汇总与逐行重算不一致"
    assert await place.is_empty()
    restored = await backups_restore.restore(place.settings, path=tmp_path / "broken.daka", keep_findings=True)
    assert [finding.sentence for finding in restored.findings] == ["覆盖率汇总与逐行重算不一致"]


async def test_a_file_that_is_there_already_is_not_written_over(saved: Saved, place: Installation, tmp_path: Path):
    taken = tmp_path / "taken.daka"
    for make in (lambda: taken.write_text("上一份"), lambda: (taken.unlink(), taken.symlink_to(tmp_path / "nowhere"))):
        make()
        with pytest.raises(DakaError) as error:
            await backups.take(saved.of.settings, path=taken)
        assert error.value.code == "file_exists"
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(OSError, match="none"):
        await backups.take(saved.of.settings, path=tmp_path / "none" / "x.daka")


async def test_a_disk_without_hard_links_takes_a_backup_too_and_keeps_an_older_one(saved: Saved, tmp_path: Path, monkeypatch):
    def no_links(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", no_links)
    (tmp_path / "whole").write_bytes(b"new")
    backups_files.publish(tmp_path / "whole", tmp_path / "copy.daka")
    assert (tmp_path / "copy.daka").read_bytes() == b"new"
    (tmp_path / "whole").write_bytes(b"newer")
    with pytest.raises(DakaError) as error:
        backups_files.publish(tmp_path / "whole", tmp_path / "copy.daka")
    assert error.value.code == "file_exists" and (tmp_path / "copy.daka").read_bytes() == b"new"


async def test_where_there_is_nothing_there_is_no_backup(saved: Saved, place: Installation, tmp_path: Path):
    with pytest.raises(DakaError) as error:
        await backups.take(place.settings, path=tmp_path / "nothing.daka")
    assert error.value.code == "no_database"
    assert await place.is_empty() and not (tmp_path / "nothing.daka").exists()


# --- what comes back --------------------------------------------------------------------------------------------------


async def test_a_backup_is_for_its_owner_alone_and_holds_no_key(saved: Saved):
    assert stat.S_IMODE(saved.backup.stat().st_mode) == 0o600
    whole = saved.backup.read_bytes()
    assert not any(key.encode() in whole for key in saved.of.settings.secret_keys)
    assert [path.name for path in saved.backup.parent.iterdir() if path.name.startswith(".daka-")] == []
    assert saved.manifest.counts["member"] == 8 and saved.manifest.dialect == ("sqlite" if saved.of.settings.on_sqlite else "postgres")


EVERYTHING = ("branch", "member", "standing", "study_plan", "daily_task", "task_figure", "question", "passage", "consent", "account")


@pytest.mark.parametrize("is_migrated", [False, True], ids=["bare", "migrated"])
async def test_everything_is_back_in_an_empty_place(saved: Saved, blank: Installation, place: Installation, is_migrated: bool):
    if is_migrated:
        await place.become(blank)
    restored = await backups_restore.restore(place.settings, path=saved.backup)
    assert (restored.migrated, restored.findings, restored.knows_the_keys) == ([], [], True)
    for table in EVERYTHING:
        sql = f"SELECT * FROM {table} ORDER BY id"  # noqa: S608
        assert await place.rows(sql) == await saved.of.rows(sql), table
    async with place.opened():
        assert await checks.broken() == []
        # New rows get new numbers.
        assert (await build_cast()).alice.id > saved.cast.passer_by.branch_id
    last = (await place.rows("SELECT action, actor_id FROM audit_entry ORDER BY id"))[-1]
    assert last == {"action": "backup:restore", "actor_id": None}


async def test_nothing_that_lets_somebody_in_comes_back_to_life(saved: Saved, place: Installation):
    async with saved.of.opened():
        assert (await sessions.actor_of(saved.cast.alice.token)).member_id == saved.cast.alice.id
        sessions.forget()
    await backups_restore.restore(place.settings, path=saved.backup)
    now = clock.now()
    async with place.opened():
        with pytest.raises(Unauthorised):
            await sessions.actor_of(saved.cast.alice.token)
        with pytest.raises(Unauthorised):
            await console_links.redeem(saved.link)
        assert await database.fetch("SELECT id FROM session WHERE ended_at IS NULL") == []
        assert await database.fetch("SELECT id FROM invite WHERE expires_at > $1", now) == []
        assert len(await database.fetch("SELECT id FROM invite")) == 1
        assert await database.fetch("SELECT id FROM console_scan WHERE expires_at > $1", now) == []
        assert await database.fetch("SELECT id FROM recovery_code WHERE used_at IS NULL") == []


@pytest.mark.long
async def test_no_reminder_goes_out_by_itself_after_a_restore(saved: Saved, place: Installation, tmp_path: Path):
    """What waited at the backup may have been sent since, and today's daily one too."""
    await place.become(saved.of)
    async with place.opened():
        plan = await StudyPlan.first()
        plan.remind_at, plan.remind_from = "07:00", TODAY - timedelta(days=9)
        await plan.save()
        batch = await ReminderBatch.create(branch_id=plan.branch_id, day=TODAY, created_at=clock.now())
        for who, state, at in ((saved.cast.alice, "waiting", None), (saved.cast.bob, "sending", clock.now())):
            await Reminder.create(batch=batch, member_id=who.id, task_id=1, day=TODAY, state=state, claimed_at=at)
    await backups.take(place.settings, path=tmp_path / "waiting.daka")
    await place.lose()
    await backups_restore.restore(place.settings, path=tmp_path / "waiting.daka")
    async with place.opened():
        assert await Reminder.all().values_list("state", flat=True) == ["unknown", "unknown"]
        assert (await StudyPlan.first()).remind_from == TODAY + timedelta(days=1)
        assert await reminders_daily.fire() == 0 and await checks.broken() == []


def test_every_table_that_holds_what_lets_somebody_in_is_ended_by_a_restore():
    keys = ("token_hash", "code_hash")
    holding = {model._meta.db_table for model in tables.all_models() if set(keys) & set(model._meta.fields_map)}
    assert holding == set(backups_restore.ENDED)


async def test_another_key_is_said_plainly_and_an_older_one_still_counts(saved: Saved, place: Installation, tmp_path: Path):
    own = kernel_settings.current()
    for keys, knows in ((("9" * 64,), False), (("9" * 64, *own.secret_keys), True)):
        kernel_settings.use(replace(own, secret_keys=keys))
        try:
            assert (await backups_restore.restore(place.settings, path=saved.backup)).knows_the_keys is knows
        finally:
            kernel_settings.use(own)
        await place.lose()


@pytest.mark.long
async def test_an_older_backup_is_brought_up_to_this_version_or_leaves_the_place_empty(saved: Saved, place: Installation, tmp_path: Path):
    await place.become(saved.of)
    await place.go_back_to("0001_initial")
    older = await backups.take(place.settings, path=tmp_path / "older.daka")
    assert older.migrations == ["0001_initial"]
    await place.rows("UPDATE task_figure SET assigned = assigned + 1")
    await backups.take(place.settings, path=tmp_path / "broken.daka")
    await place.lose()
    # On PostgreSQL its data are committed before they are brought up, and have to be taken back.
    assert (await refused(place, tmp_path / "broken.daka")).code == "check_failed"
    assert await place.is_empty()
    restored = await backups_restore.restore(place.settings, path=tmp_path / "older.daka")
    assert restored.migrated == sorted(tables.known_migrations() - {"0001_initial"})
    assert not await schema.is_behind(place.settings)
    async with place.opened():
        assert set(await tables.applied_migrations()) == tables.known_migrations()
        assert await checks.broken() == []
        assert await database.fetch("SELECT id FROM session WHERE ended_at IS NULL") == []
