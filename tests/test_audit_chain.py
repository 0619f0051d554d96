"""The audit log as a chain: the database refuses to change it, and whoever changes it all the same is found out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from commands import run
from door import Door
from installations import Installation, apart, installation

from backend import audit_copy, audit_proof, audit_retention, checks, housekeeping
from backend.cli import check as check_command
from backend.kernel import audit, audit_chain, clock, database
from backend.kernel import settings as kernel_settings
from backend.kernel.database import dialect, fetch, transactional
from backend.kernel.settings import Settings


@pytest.fixture
async def own(settings: Settings, blank: Installation, tmp_path: Path) -> AsyncIterator[Installation]:
    """A database of its own with seven entries, open, and this process's settings are its."""
    async with apart(settings), installation(settings, tmp_path) as place:
        await place.become(blank)
        try:
            kernel_settings.use(place.settings)
            async with place.opened():
                for number in range(7):
                    await audit.record(None, "text:change", subject="text", subject_id=number, fields=["标题", "body"])
                yield place
        finally:
            kernel_settings.use(settings)


async def by_force(*statements: str) -> None:
    """As somebody who may do everything in the database, but has no key."""
    if dialect() == "sqlite":
        for name in ("audit_entry_kept", "audit_entry_whole"):
            await fetch(f"DROP TRIGGER IF EXISTS {name}")
    else:
        await fetch("ALTER TABLE audit_entry DISABLE TRIGGER USER")
    for statement in statements:
        await fetch(statement)


@pytest.mark.parametrize("statement", ["UPDATE audit_entry SET subject_id = 8 WHERE id = 3", "DELETE FROM audit_entry WHERE id = 7"])
async def test_the_database_refuses_to_change_what_is_written(own: Installation, statement: str):
    with pytest.raises(database.REFUSED, match="append-only"):
        await fetch(statement)
    assert await audit_proof.faults() == []


SWAP = (
    "UPDATE audit_entry SET id = 99 WHERE id = 3", "UPDATE audit_entry SET id = 3 WHERE id = 4",
    "UPDATE audit_entry SET id = 4 WHERE id = 99",
)  # fmt: skip
STRAY = "INSERT INTO audit_entry (id, at, action, subject, fields_changed, request_id) VALUES (8, '2026-01-01 00:00:00+00:00', '', '', '[]', '')"  # noqa: E501
CUT_OFF = ("DELETE FROM audit_entry WHERE id > 5", "UPDATE audit_head SET last_id = 5, hash = (SELECT hash FROM audit_entry WHERE id = 5)")


@pytest.mark.parametrize(
    "statements, sentence, entry",
    [
        (("UPDATE audit_entry SET actor_id = 9 WHERE id = 3",), audit_proof.CHANGED, 3),
        (("UPDATE audit_entry SET at = '2020-01-01 00:00:00+00:00' WHERE id = 3",), audit_proof.CHANGED, 3),
        (("DELETE FROM audit_entry WHERE id = 3",), audit_proof.CHANGED, 4),
        (("DELETE FROM audit_entry WHERE id = 1",), audit_proof.CHANGED, 2),
        (SWAP, audit_proof.CHANGED, 3),
        (("DELETE FROM audit_entry WHERE id = 7",), audit_proof.CUT, 6),
        (("DELETE FROM audit_entry", "DELETE FROM audit_head"), audit_proof.ELSEWHERE, 0),
        (CUT_OFF, audit_proof.CUT, 5),
        ((STRAY,), audit_proof.CHANGED, 8),
        (("UPDATE audit_entry SET seal = '' WHERE id = 3",), audit_proof.FORGED, 3),
        (("UPDATE audit_entry SET seal = '', key = '' WHERE id = 3",), audit_proof.FORGED, 3),
        (("UPDATE audit_entry SET key = 'unknown', seal = '' WHERE id = 3",), audit_proof.UNKNOWN, 3),
    ],
)
async def test_what_was_changed_removed_or_reordered_is_found(own: Installation, statements: tuple[str, ...], sentence: str, entry: int):
    await audit_copy.keep()
    assert await audit_proof.faults(elsewhere=own.settings) == []
    await by_force(*statements)
    found = dict(await audit_proof.faults(elsewhere=own.settings))
    assert {"id": entry} in found[sentence], found


async def test_a_chain_forged_with_right_hashes_lacks_the_seals_and_the_command_says_so(
    own: Installation, capsys: pytest.CaptureFixture[str]
):
    """Every hash made anew, head and all: what is missing is the key."""
    rows = [row async for row in audit_chain.rows(after=0, upto=7)]
    rows[2]["subject_id"], before, statements = 99, audit_chain.START, ["UPDATE audit_entry SET subject_id = 99 WHERE id = 3"]
    for row in rows:
        before = audit_chain.next_hash(before, row["id"], audit_chain.entry_of(row))
        statements.append(f"UPDATE audit_entry SET hash = '{before}' WHERE id = {row['id']}")  # noqa: S608
    await by_force(*statements, f"UPDATE audit_head SET hash = '{before}'")  # noqa: S608
    found = dict(await audit_proof.faults())
    assert found[audit_proof.FORGED] == [{"id": n} for n in range(3, 8)] and audit_proof.CUT in found
    assert await run(check_command) == 1
    assert f"✗ {audit_proof.FORGED}：5 处" in capsys.readouterr().out


async def test_the_end_is_kept_outside_the_database_and_an_older_state_of_it_does_not_agree(own: Installation):
    """The head as it was at the fifth entry, seal and all, put back together with the entries."""
    head = await audit_chain.head()
    await audit.record(None, "text:change", subject="text", subject_id=8)
    await housekeeping.sweep()
    await by_force(
        "DELETE FROM audit_entry WHERE id > 7",
        f"UPDATE audit_head SET last_id = 7, hash = '{head['hash']}', seal = '{head['seal']}', key = '{head['key']}'",  # noqa: S608
    )
    assert await audit_proof.faults() == []
    assert dict(await audit_proof.faults(elsewhere=own.settings)).keys() == {audit_proof.ELSEWHERE}
    await audit_copy.keep()
    assert dict(await audit_proof.faults(elsewhere=own.settings)).keys() == {audit_proof.ELSEWHERE}
    audit_copy.forget(own.settings)
    assert await audit_proof.faults(elsewhere=own.settings) == []


async def test_what_is_over_goes_under_a_sealed_checkpoint_and_nothing_else(own: Installation):
    now = clock.now()
    assert await audit_retention.expire(now=now) == 0 and audit_retention.KEPT >= timedelta(days=200)
    cut = (await fetch("SELECT at FROM audit_entry WHERE id = 4"))[0]["at"]
    age = now - database.as_instant(cut)
    await audit_copy.keep()
    assert await audit_retention.expire(now=now, kept=age) == 3
    assert [row["id"] for row in await fetch("SELECT id FROM audit_entry ORDER BY id")] == [4, 5, 6, 7]
    await audit.record(None, "text:change", subject="text", subject_id=9)
    assert await audit_proof.faults(elsewhere=own.settings) == []
    assert await audit_retention.expire(now=now + timedelta(days=9), kept=timedelta()) == 5
    await audit.record(None, "text:change", subject="text", subject_id=10)
    assert await audit_proof.faults(elsewhere=own.settings) == []
    await by_force("UPDATE audit_checkpoint SET last_id = 9 WHERE last_id = 8", "DELETE FROM audit_entry")
    assert audit_proof.CHECKPOINT in dict(await audit_proof.faults())


async def test_nothing_goes_while_the_log_is_not_whole(own: Installation):
    await by_force("UPDATE audit_entry SET actor_id = 9 WHERE id = 3")
    assert await audit_retention.expire(now=clock.now() + timedelta(days=1), kept=timedelta()) == 0
    assert len(await fetch("SELECT id FROM audit_entry")) == 7


async def test_entries_from_before_the_chain_are_taken_into_it(own: Installation):
    blanked = "UPDATE audit_entry SET hash = '', key = '', seal = ''"
    await by_force("DELETE FROM audit_head", blanked, "DELETE FROM audit_entry WHERE id = 4")
    assert dict(await audit_proof.faults()).keys() == {audit_proof.UNSEALED}
    await audit_chain.adopt()
    assert await audit_proof.faults() == []
    await audit.record(None, "text:change", subject="text", subject_id=11)
    assert await audit_proof.faults() == []
    await by_force("UPDATE audit_entry SET actor_id = 9 WHERE id = 3")
    assert dict(await audit_proof.faults()).keys() == {audit_proof.CHANGED}


async def test_under_another_key_the_check_says_which_seals_it_cannot_judge(own: Installation):
    kernel_settings.use(replace(own.settings, secret_keys=("9" * 64,)))
    assert await audit_proof.faults() == [] and await checks.broken() == []
    assert dict(await audit_proof.faults(elsewhere=own.settings)).keys() == {audit_proof.UNKNOWN}


async def test_many_who_write_at_once_make_one_chain(door: Door):
    @transactional
    async def change(number: int) -> None:
        for _ in range(2):
            await audit.record(None, "text:change", subject="text", subject_id=number)
        await fetch("SELECT 1")

    await asyncio.gather(*(change(number) for number in range(60)))
    assert await audit_proof.faults() == []


async def test_what_is_taken_back_leaves_no_entry(door: Door):
    head = await audit_chain.head()

    @transactional
    async def fail() -> None:
        await audit.record(None, "text:change", subject="text", subject_id=1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await audit_chain.head() == head
